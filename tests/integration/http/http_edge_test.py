#!/usr/bin/python3
"""The HTTP edge and clients that others made: curl, http.client, systemd-socket-activate.

Usage: http_edge_test.py CASE..., with the daemon under test in $HTTP_EDGE_DAEMON.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

HARNESS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../harness")
sys.path.insert(0, HARNESS)
from unix_http import UnixConnection  # noqa: E402

DAEMON = os.environ.get("HTTP_EDGE_DAEMON", "")
FRAMES = 500  # of the daemon's journal
TIMEOUT = 30


class Activator:
    """A listening socket that outlives the daemons started on it, as systemd's does."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen(64)
        self.daemon = None

    def start(self):
        script = 'exec 3<&%d; LISTEN_PID=$$ exec "$0"' % self.socket.fileno()
        environment = dict(os.environ, LISTEN_FDS="1", LISTEN_FDNAMES="http")
        self.daemon = subprocess.Popen(
            ["/bin/sh", "-c", script, DAEMON], env=environment, pass_fds=[self.socket.fileno()]
        )

    def stop(self, number):
        self.daemon.send_signal(number)
        return self.daemon.wait(TIMEOUT)

    def close(self):
        if self.daemon.poll() is None:
            self.stop(signal.SIGKILL)
        self.socket.close()


def read_frames(response):
    """The frames of an event stream as dicts, until the stream ends or is cut."""
    frame = {}
    with contextlib.suppress(http.client.IncompleteRead, ConnectionResetError):
        while line := response.readline():
            text = line.decode().rstrip("\n")
            if text == "" and "data" in frame:
                yield frame
            if text == "":
                frame = {}
            elif not text.startswith(":"):
                name, _, value = text.partition(": ")
                frame[name] = value


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = folder.name + "/http.sock"

    def activate(self):
        activator = Activator(self.path)
        activator.start()
        self.addCleanup(activator.close)
        return activator

    def curl(self, *arguments):
        command = ["curl", "-sS", "--max-time", str(TIMEOUT), "--unix-socket", self.path]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        self.assertIn(done.returncode, (0, 28), done.stderr)
        return done.stdout


class SocketActivation(Case):
    def test_the_first_connection_starts_the_daemon(self):
        command = ["systemd-socket-activate", "-l", self.path, "--fdname=http", DAEMON]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            self.assertIn("Listening on", process.stderr.readline())
            self.assertEqual(self.curl("http://localhost/healthz"), "ok\n")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(TIMEOUT), 0)


class Curl(Case):
    def test_requests_and_problems(self):
        self.activate()
        url = "http://localhost"
        created = self.curl("--json", '{"session_id":"from-curl"}', url + "/v1/sessions")
        self.assertEqual(json.loads(created)["session_id"], "from-curl")
        shown = self.curl("-w", "%{http_code} %{content_type}", url + "/v1/runs/run-77")
        body, _, trailer = shown.rpartition("}")
        self.assertEqual(json.loads(body + "}")["code"], "run_not_found")
        self.assertEqual(trailer, "404 application/problem+json")
        self.assertIn("HTTP/1.1 200 OK", self.curl("-I", url + "/v1/status"))
        self.assertIn("GET, HEAD", self.curl("-i", "-X", "OPTIONS", url + "/v1/runs"))

    def test_large_bodies_are_invited_first(self):
        self.activate()
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"content": "x" * (10 << 20)}, file)
            file.flush()
            run = self.curl(
                "-H", "Expect: 100-continue", "--json", "@" + file.name,
                "http://localhost/v1/sessions/demo/runs",
            )  # fmt: skip
            self.assertEqual(json.loads(run)["run_id"], "run-1")

    def test_a_stream_is_followed(self):
        self.activate()
        command = ["curl", "-sSN", "--unix-socket", self.path]
        url = "http://localhost/v1/events/stream?cursor=%d" % (FRAMES - 3)
        with subprocess.Popen([*command, url], stdout=subprocess.PIPE, text=True) as process:
            ids = []
            while len(ids) < 3:
                line = process.stdout.readline()
                if line.startswith("id: "):
                    ids.append(int(line[4:]))
            process.terminate()
        self.assertEqual(ids, [FRAMES - 2, FRAMES - 1, FRAMES])


class HttpClient(Case):
    def test_one_connection_for_many_requests(self):
        self.activate()
        connection = UnixConnection(self.path)
        self.addCleanup(connection.close)
        for _ in range(50):
            connection.request("GET", "/v1/runs/run-1")
            answer = connection.getresponse()
            self.assertEqual(json.loads(answer.read())["run_id"], "run-1")
        first_socket = connection.sock
        headers = {"Content-Type": "application/json"}
        pieces = iter([b'{"session', b'_id":"chu', b'nked"}'])
        connection.request("POST", "/v1/sessions", pieces, headers, encode_chunked=True)
        answer = connection.getresponse()
        self.assertEqual((answer.status, json.loads(answer.read())["session_id"]), (201, "chunked"))
        connection.request("POST", "/v1/sessions", b'{"a":1,"a":2}', headers)
        answer = connection.getresponse()
        self.assertEqual((answer.status, json.loads(answer.read())["code"]), (400, "invalid_json"))
        self.assertIs(connection.sock, first_socket)


class Restart(Case):
    def follow(self, last_id, count):
        """The ids of up to `count` frames behind `last_id`; the open connection with them."""
        connection = UnixConnection(self.path)
        self.addCleanup(connection.close)
        connection.request("GET", "/v1/events/stream", headers={"Last-Event-ID": str(last_id)})
        frames = read_frames(connection.getresponse())
        return [int(next(frames)["id"]) for _ in range(count)], frames

    def test_every_id_comes_once_over_restarts(self):
        activator = self.activate()
        seen = []
        last = 0
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
            ids, frames = self.follow(last, 60)
            activator.daemon.send_signal(number)
            ids += [int(frame["id"]) for frame in frames if "id" in frame]
            status = activator.daemon.wait(TIMEOUT)
            self.assertEqual(status, 0 if number == signal.SIGTERM else -number)
            seen += ids
            last = ids[-1]
            self.assertEqual(seen, list(range(1, last + 1)))
            activator.start()
        if last < FRAMES:
            seen += self.follow(last, FRAMES - last)[0]
        self.assertEqual(seen, list(range(1, FRAMES + 1)))


if __name__ == "__main__":
    unittest.main(argv=sys.argv, verbosity=2)
