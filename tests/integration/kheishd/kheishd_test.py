#!/usr/bin/python3
"""kheishd itself, on a socket and, where a case wants one, a message bus of its own; no launcher.

Usage: kheishd_test.py --list | CASE KHEISHD
"""

import http.client
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

HARNESS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../harness")
sys.path.insert(0, HARNESS)
from unix_http import UnixConnection  # noqa: E402

PATIENCE_SECONDS = 30
EX_CONFIG = 78
BUS_NAME = "ai.kheish.Daemon1"
BUS_CONFIG = """<busconfig>
  <type>system</type>
  <listen>unix:path={path}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>
"""
PROGRAM = {}


class Kheishd(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.socket_path = os.path.join(self.folder, "http.sock")

    def configure(self, text=""):
        with open(os.path.join(self.folder, "kheish.toml"), "w", encoding="utf-8") as file:
            file.write(f'runtime_directory = "{self.folder}"\n{text}')

    def command(self, *words):
        return [PROGRAM["kheishd"], "--config-directory", self.folder, *words]

    def start(self, configuration="", bus="none"):
        """A kheishd that says that it is ready, as the service manager would hear it."""
        self.configure(configuration)
        notify_path = os.path.join(self.folder, "notify")
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(notify.close)
        notify.settimeout(PATIENCE_SECONDS)
        notify.bind(notify_path)
        daemon = self.launch(bus, environment={"NOTIFY_SOCKET": notify_path})
        while b"READY=1" not in notify.recv(4096):
            self.assertIsNone(daemon.poll())
        return daemon

    def launch(self, bus, state="state", listen=None, **options):
        # Popen gives SIGPIPE back its default, as a login shell has it.
        return self.spawn(
            *self.command(
                "--state-directory", os.path.join(self.folder, state),
                "--listen", listen or self.socket_path, "--bus", bus,
            ),
            **options,
        )  # fmt: skip

    def spawn(self, *command, environment=None, **options):
        address = f"unix:path={self.bus_path()}"
        process = subprocess.Popen(
            command,
            env={
                **os.environ,
                "DBUS_SYSTEM_BUS_ADDRESS": address,
                "DBUS_SESSION_BUS_ADDRESS": address,
                **(environment or {}),
            },
            **options,
        )
        self.addCleanup(self.end, process)
        return process

    def bus_path(self):
        return os.path.join(self.folder, "bus")

    def start_bus(self):
        config = os.path.join(self.folder, "bus.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(BUS_CONFIG.format(path=self.bus_path()))
        bus = self.spawn(
            "dbus-daemon", f"--config-file={config}", "--nofork", "--print-address",
            stdout=subprocess.PIPE,
        )  # fmt: skip
        self.addCleanup(bus.stdout.close)
        self.assertTrue(bus.stdout.readline())
        return bus

    def busctl(self, *words):
        return subprocess.run(
            ["busctl", f"--address=unix:path={self.bus_path()}", *words],
            capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip

    @staticmethod
    def end(daemon):
        if daemon.poll() is None:
            daemon.terminate()
            daemon.wait(PATIENCE_SECONDS)

    def ask(self, path, connection=None):
        """Status and body of a GET; the connection stays open where it is the caller's."""
        own = connection is None
        connection = connection or UnixConnection(self.socket_path)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            if own:
                connection.close()

    def hold(self):
        connection = UnixConnection(self.socket_path)
        self.addCleanup(connection.close)
        return connection

    def test_a_client_that_leaves_ends_nothing(self):
        daemon = self.start()
        deaf = socket.socket(socket.AF_UNIX)
        self.addCleanup(deaf.close)
        deaf.connect(self.socket_path)
        deaf.shutdown(socket.SHUT_RD)  # whoever writes to it now gets EPIPE, and SIGPIPE
        deaf.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        hung_up = select.poll()
        hung_up.register(deaf, select.POLLHUP)
        self.assertTrue(hung_up.poll(PATIENCE_SECONDS * 1000), "the answer was not tried")
        self.assertEqual(self.ask("/healthz"), (200, b"ok\n"))
        daemon.terminate()
        self.assertEqual(daemon.wait(PATIENCE_SECONDS), 0)

    def test_http_keeps_the_configured_limits(self):
        # One user has a quarter: 2 of 8 connections, 1 of 4 streams.
        self.start("[http]\nconnections = 8\nsubscribers = 4\nheartbeat_seconds = 1\n")
        follower = self.hold()
        follower.request("GET", "/v1/events/stream")
        stream = follower.getresponse()
        self.assertEqual(stream.status, 200)
        asking = self.hold()
        status, body = self.ask("/v1/events/stream", asking)
        self.assertEqual((status, json.loads(body)["code"]), (429, "rate_limited"))
        self.assertIn("streams", json.loads(body)["detail"])
        third = self.hold()
        third.connect()
        refusal = http.client.HTTPResponse(third.sock)  # comes before anything is asked
        refusal.begin()
        problem = json.loads(refusal.read())
        self.assertEqual((refusal.status, problem["code"]), (429, "rate_limited"))
        self.assertIn("connections", problem["detail"])
        while b"event: heartbeat" not in stream.readline():
            pass

    def refuses_configuration(self, why):
        checked = subprocess.run(
            self.command("--check-config"), capture_output=True, text=True, check=False,
            timeout=PATIENCE_SECONDS,
        )  # fmt: skip
        self.assertEqual(checked.returncode, EX_CONFIG)
        self.assertIn(why, checked.stderr)

    def test_a_name_of_a_profile_that_the_launcher_would_refuse_is_refused_at_once(self):
        self.configure('[sandbox]\nprofile = "no_network"\n')
        self.refuses_configuration("kheish.toml:3: sandbox.profile must have")
        self.configure('[sandbox]\nprofile = "no-network"\n')
        subprocess.run(self.command("--check-config"), check=True, timeout=PATIENCE_SECONDS)

    def test_a_certificate_that_is_not_there_is_found_before_it_is_needed(self):
        self.configure('[http]\ntls_certificate = "/nonexistent.crt"\ntls_key = "/nonexistent.key"\n')
        self.refuses_configuration("http.tls_certificate /nonexistent.crt")

    def test_ready_means_that_it_has_its_name(self):
        self.start_bus()
        for kind in ("system", "session"):
            daemon = self.start(bus=kind)
            self.assertIn(BUS_NAME, self.busctl("list", "--acquired").stdout)
            self.end(daemon)
            os.unlink(os.path.join(self.folder, "notify"))

    def test_without_its_name_it_ends(self):
        self.configure()
        listen = os.path.join(self.folder, "other.sock")
        without_bus = self.launch("system")
        self.assertEqual(without_bus.wait(PATIENCE_SECONDS), 1)
        self.start_bus()
        self.start(bus="system")
        second = self.launch("system", state="other", listen=listen)
        self.assertEqual(second.wait(PATIENCE_SECONDS), 1)

    def test_it_comes_back_to_a_bus_that_was_away(self):
        self.configure()
        bus = self.start_bus()
        daemon = self.launch("system", stderr=subprocess.PIPE)
        self.addCleanup(daemon.stderr.close)
        self.await_line(daemon.stderr, b"kheishd is ready")
        self.end(bus)
        self.await_line(daemon.stderr, b"the message bus is away")
        self.assertEqual(self.ask("/healthz"), (200, b"ok\n"))
        self.start_bus()
        self.await_line(daemon.stderr, b"on the message bus")
        self.assertIn(BUS_NAME, self.busctl("list", "--acquired").stdout)

    def await_line(self, stream, wanted):
        """Reads on until a line has `wanted` in it; the test's own time limit bounds it."""
        for line in stream:
            if wanted in line:
                return
        self.fail(f"{wanted} was not said before the end")


def main(arguments):
    if arguments[1:] == ["--list"]:
        print("\n".join(unittest.TestLoader().getTestCaseNames(Kheishd)))
        return 0
    PROGRAM.update(kheishd=os.path.abspath(arguments[2]))
    result = unittest.TextTestRunner(verbosity=2).run(unittest.TestSuite([Kheishd(arguments[1])]))
    return 0 if result.wasSuccessful() and result.testsRun == 1 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
