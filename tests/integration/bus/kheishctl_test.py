#!/usr/bin/python3
"""kheishctl against the bus edge on a private message bus.

Usage: kheishctl_test.py --list | CASE BUS_DAEMON KHEISHCTL
"""

import contextlib
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

PATIENCE_SECONDS = 30
BUS_CONFIG = """<busconfig>
  <type>system</type>
  <listen>unix:path={folder}/bus</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>
"""
PROGRAMS = {}


def read_line(stream):
    """The next line of a pipe, or a failure after PATIENCE_SECONDS."""
    ready, _, _ = select.select([stream], [], [], PATIENCE_SECONDS)
    if not ready:
        raise AssertionError("nothing was written in time")
    return stream.readline()


def read_until(stream, *words):
    """Reads a pipe that nobody else reads until all words have come, or fails after PATIENCE_SECONDS."""
    text = ""
    while not all(word in text for word in words):
        ready, _, _ = select.select([stream], [], [], PATIENCE_SECONDS)
        if not ready:
            raise AssertionError(f"of {words} there is only {text!r}")
        text += os.read(stream.fileno(), 65536).decode()


def wait_until_it_follows(process):
    """Returns once a client holds two sockets: the bus, and the stream that kheishd has given it."""
    folder = f"/proc/{process.pid}/fd"
    for _ in range(PATIENCE_SECONDS * 20):
        links = []
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                links.append(os.readlink(os.path.join(folder, name)))
        if sum(link.startswith("socket:") for link in links) >= 2:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise AssertionError(f"it has ended with {process.wait(0.05)}")
    raise AssertionError("it follows nothing")


class Kheishctl(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        config = os.path.join(self.folder, "bus.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(BUS_CONFIG.format(folder=self.folder))
        self.environment = {
            **os.environ,
            "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.folder}/bus",
            "TZ": "UTC",
            "LC_ALL": "C.UTF-8",
        }
        bus = self.start("dbus-daemon", f"--config-file={config}", "--nofork", "--print-address")
        self.assertTrue(read_line(bus.stdout))
        self.daemon = self.start(PROGRAMS["daemon"])
        self.assertEqual(read_line(self.daemon.stdout), "ready\n")

    def start(self, *command, **options):
        options.setdefault("stdout", subprocess.PIPE)
        process = subprocess.Popen(
            command, env=self.environment, cwd=self.folder, text=True, **options
        )
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.terminate()
            process.wait(PATIENCE_SECONDS)
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()

    def ctl(self, *words, code=0, text=None):
        done = subprocess.run(
            [PROGRAMS["kheishctl"], *words],
            env=self.environment, cwd=self.folder, input=text, capture_output=True, text=True,
            timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip
        self.assertEqual(done.returncode, code, f"{words}: {done.stdout}{done.stderr}")
        if code == 0:
            return done.stdout
        self.assertTrue(done.stderr or done.stdout)
        return done.stderr + done.stdout

    def json(self, *words, **options):
        return json.loads(self.ctl(*words, "--output", "json", **options))

    def test_words_of_the_readme(self):
        self.assertRegex(self.ctl("status"), r"\Akheishd .*is ready\n")
        self.assertEqual(self.ctl("sessions", "create", "demo"), "demo\n")
        said = self.ctl("sessions", "input", "demo", "Inspect this repo and summarize it.")
        self.assertEqual(said, "run-1\n")
        table = self.ctl("runs", "list", "--session-id", "demo").splitlines()
        self.assertEqual(table[0].split()[:3], ["RUN", "SESSION", "STATUS"])
        self.assertEqual(table[1].split()[:3], ["run-1", "demo", "completed"])
        waited = self.ctl("runs", "wait", "run-1")
        self.assertIn("run-1  completed", waited)
        self.assertIn("done: Inspect this repo and summarize it.", waited)
        streamed = self.ctl("runs", "stream", "run-1")
        self.assertIn("tool    bash", streamed)
        self.assertIn("run     run-1 completed", streamed)

    def test_scopes_come_as_json_or_from_a_file(self):
        for kind, scope in (
            ("credential", '{"route_allow":["claude"]}'),
            ("capability", '{"mcp_tool_deny":["mcp__a__b"]}'),
        ):
            json_option, file_option = f"--{kind}-scope-json", f"--{kind}-scope-file"
            path = os.path.join(self.folder, "scope.json")
            with open(path, "w", encoding="utf-8") as file:
                file.write(scope)
            self.ctl("sessions", "create", kind, json_option, scope)
            self.ctl("sessions", "create", kind, file_option, path)
            self.ctl("sessions", "create", kind, file_option, "-", text=scope)
            both = self.ctl("sessions", "create", json_option, scope, file_option, path, code=2)
            self.assertIn(f"give {json_option} or {file_option}, not both", both)
            wrong = self.ctl("sessions", "create", json_option, '{"colour_allow":[]}', code=2)
            self.assertIn("colour_allow", wrong)
            no_file = self.ctl("sessions", "create", file_option, "nowhere.json", code=2)
            self.assertIn("nowhere.json", no_file)

    def test_questions_are_answered_by_number_by_json_and_declined(self):
        self.ctl("sessions", "create", "demo")
        for _ in range(4):
            self.ctl("sessions", "input", "demo", "ask me")
        self.assertIn("Which color?", self.ctl("questions", "list", "--session-id", "demo"))
        self.assertIn("blue  Blue: calm", self.ctl("questions", "show", "question-1-1"))
        answered = self.ctl("questions", "answer", "question-1-1", "--interactive", text="\n2\n")
        self.assertIn("run-1  completed", answered)
        given = '[{"question_id":"color","freeform_answer":"green"}]'
        self.ctl("questions", "answer", "question-2-1", "--answers-file", "-", "--wait", text=given)
        self.ctl("questions", "answer", "question-3-1", "--declined", "--justification", "no")
        self.assertIn("run-4  cancelled", self.ctl("questions", "cancel", "question-4-1"))
        self.assertEqual(self.json("questions", "list"), [])
        again = self.ctl("questions", "answer", "question-1-1", "--declined", code=6)
        self.assertIn("question_resolution_conflict", again)

    def test_an_answer_that_is_not_complete_sends_nothing(self):
        self.ctl("sessions", "create", "demo")
        self.ctl("sessions", "input", "demo", "ask me")
        self.ctl("questions", "answer", "question-1-1", "--interactive", text="", code=6)
        self.assertIn("--answers-json", self.ctl("questions", "answer", "question-1-1", text="", code=2))
        self.ctl("questions", "answer", "question-1-1", "--answers-json", "{", code=2)
        self.ctl("questions", "answer", "question-1-1", "--answers-json", "[]", "--declined", code=2)
        self.ctl("questions", "show", "question-9-9", code=5)
        self.assertEqual(len(self.json("questions", "list")), 1)

    def test_json_before_and_after_the_command(self):
        self.assertTrue(self.json("status")["ready"])
        self.assertTrue(json.loads(self.ctl("--output", "json", "capabilities"))["approvals"])
        created = self.json("sessions", "create", "demo")
        self.assertEqual(created["workspace"], self.folder)
        run = self.json("sessions", "input", "demo", "hi", "--idempotency-key", "k")
        again = self.json("sessions", "input", "demo", "hi", "--idempotency-key", "k")
        self.assertEqual(run["run_id"], again["run_id"])
        self.assertEqual(self.json("runs", "get", "run-1")["status"], "completed")
        self.assertEqual(len(self.json("runs", "events", "run-1")), 5)
        self.assertEqual(len(self.json("sessions", "list")), 1)
        lines = self.ctl("--output", "json", "runs", "stream", "run-1").splitlines()
        self.assertEqual([json.loads(line)["id"] for line in lines], [1, 2, 3, 4, 5])
        tail = self.ctl("--output", "json", "runs", "stream", "run-1", "--cursor", "3").splitlines()
        self.assertEqual([json.loads(line)["id"] for line in tail], [4, 5])

    def test_input_comes_from_one_place(self):
        self.ctl("sessions", "create", "demo")
        file = os.path.join(self.folder, "input")
        with open(file, "w", encoding="utf-8") as target:
            target.write("from a file")
        self.ctl("sessions", "input", "demo", "--content-file", file)
        self.ctl("sessions", "input", "demo", "--stdin", text="from a pipe")
        answers = [run["outputs"][0]["content"] for run in self.json("runs", "list")]
        self.assertEqual(answers, ["done: from a file", "done: from a pipe"])
        self.ctl("sessions", "input", "demo", code=2)
        self.ctl("sessions", "input", "demo", "x", "--stdin", code=2, text="y")
        self.ctl("sessions", "input", "demo", "--content-file", "/nonexistent", code=2)
        self.ctl("sessions", "input", "demo", "x", "--metadata-json", "{", code=2)

    def test_exit_codes(self):
        self.ctl("sessions", "create", "demo")
        self.assertIn("session_not_found", self.ctl("sessions", "get", "nope", code=5))
        self.ctl("runs", "get", "run-99", code=5)
        self.ctl("runs", "get", "seventeen", code=2)
        self.ctl("sessions", "create", "..", code=2)
        self.ctl("runs", "list", "--limit", "0", code=2)
        self.ctl("bogus", code=2)
        self.ctl("approvals", "show", "approval-9-9", code=5)
        self.ctl("sessions", "input", "demo", "fail", "--wait", code=1)
        self.ctl("sessions", "input", "demo", "hold")
        self.assertIn("cancelled", self.ctl("runs", "cancel", "run-2"))
        self.ctl("runs", "wait", "run-2", code=6)
        self.daemon.terminate()
        self.daemon.wait(PATIENCE_SECONDS)
        self.assertIn("systemctl start kheish", self.ctl("status", code=3))
        self.environment["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/nonexistent"
        self.ctl("status", code=3)

    def test_one_call_runs_and_answers(self):
        self.assertEqual(self.ctl("run", "say hello", "--wait"), "done: say hello\n")
        self.assertEqual(self.ctl("run", "again", "--session-id", "session-1"), "run-2\n")
        self.assertIn("the model refused", self.ctl("run", "fail please", "--wait", code=1))
        self.ctl("run", "x", "--session-id", "nope", code=5)

    def test_approvals_take_a_password(self):
        self.ctl("sessions", "create", "demo")
        self.ctl("sessions", "input", "demo", "gate")
        listed = self.json("approvals", "list")
        self.assertEqual(listed[0]["request"]["tool_name"], "bash")
        self.assertIn("rm -rf build", self.ctl("approvals", "show", "approval-1-1"))
        refused = self.ctl("--no-ask-password", "approvals", "allow", "approval-1-1", code=4)
        self.assertIn("authentication is required", refused)
        self.ctl("approvals", "allow", "other", "approval-1-1", code=5)
        self.ctl("approvals", "allow", "demo", "approval-1-1", "--justification", "ok", "--wait")
        self.ctl("approvals", "deny", "approval-1-1", code=2)
        self.assertEqual(self.json("approvals", "list"), [])

    def test_sessions_interrupt_and_end(self):
        self.ctl("sessions", "create", "demo")
        self.assertEqual(self.ctl("sessions", "interrupt", "demo"), "nothing was running\n")
        self.ctl("sessions", "input", "demo", "hold")
        interrupt = ("sessions", "interrupt", "demo", "--reason", "enough")
        self.assertEqual(self.ctl(*interrupt), "interrupted\n")
        self.assertIn("ended", self.ctl("sessions", "end", "demo", "--reason", "done"))
        self.ctl("sessions", "events", "demo")

    def restart(self):
        self.daemon.send_signal(signal.SIGHUP)
        self.assertEqual(read_line(self.daemon.stdout), "ready\n")

    def test_waiting_survives_a_restart(self):
        self.ctl("sessions", "create", "demo")
        self.ctl("sessions", "input", "demo", "hold")
        stream = self.start(
            PROGRAMS["kheishctl"], "--output", "json", "events", "stream", "--cursor", "0"
        )
        self.assertEqual(json.loads(read_line(stream.stdout))["id"], 1)
        waiter = self.start(PROGRAMS["kheishctl"], "runs", "wait", "run-1")
        follower = self.start(PROGRAMS["kheishctl"], "--output", "json", "runs", "stream", "run-1")
        self.assertEqual(json.loads(read_line(follower.stdout))["id"], 1)
        wait_until_it_follows(waiter)
        self.restart()
        self.daemon.send_signal(signal.SIGUSR1)
        output, _ = waiter.communicate(timeout=PATIENCE_SECONDS)
        self.assertEqual(waiter.returncode, 0)
        self.assertIn("done: hold", output)
        rest = follower.stdout.read()  # communicate() would pass over what readline() took along
        follower.wait(PATIENCE_SECONDS)
        ids = [json.loads(line)["id"] for line in rest.splitlines()]
        self.assertEqual(ids, [2, 3, 4, 5])
        self.assertEqual(follower.returncode, 0)

    def test_waiting_asks_again_where_a_leaving_daemon_refused(self):
        self.ctl("sessions", "create", "demo")
        self.ctl("sessions", "input", "demo", "away")
        ours, waiter = self.wait_at_terminal()
        self.read_terminal(ours, "run-1 running")  # only an answer shows it
        self.daemon.send_signal(signal.SIGUSR1)
        output, _ = waiter.communicate(timeout=PATIENCE_SECONDS)
        os.close(ours)
        self.assertEqual(waiter.returncode, 0)
        self.assertIn("done: away", output)

    def test_what_a_leaving_daemon_refused_is_asked_again(self):
        self.ctl("sessions", "create", "demo")
        self.ctl("sessions", "input", "demo", "draining")
        self.assertIn("running", self.ctl("runs", "get", "run-1"))

    def test_no_call_is_lost_to_a_restart(self):
        self.ctl("sessions", "create", "demo")
        for _ in range(5):
            callers = [
                self.start(PROGRAMS["kheishctl"], "sessions", "list", stderr=subprocess.PIPE)
                for _ in range(20)
            ]
            self.restart()
            for caller in callers:
                output, problem = caller.communicate(timeout=PATIENCE_SECONDS)
                # This bus starts nobody: who calls while kheishd is away hears of that, and of
                # nothing else.
                if caller.returncode == 0:
                    self.assertIn("demo", output)
                else:
                    self.assertIn("kheishd is not running", problem)

    def test_a_question_is_asked_again_when_kheishd_dies_over_it(self):
        self.ctl("sessions", "create", "demo")
        self.ctl("sessions", "input", "demo", "hold")
        monitor = self.start(
            "dbus-monitor", "--address", f"unix:path={self.folder}/bus", "--profile",
            "type='method_call',destination='ai.kheish.Daemon1'",
        )  # fmt: skip
        read_until(monitor.stdout, "NameLost")  # it is a monitor from here on
        self.daemon.send_signal(signal.SIGSTOP)
        reader = self.start(PROGRAMS["kheishctl"], "sessions", "list", stderr=subprocess.PIPE)
        writer = self.start(PROGRAMS["kheishctl"], "runs", "cancel", "run-1", stderr=subprocess.PIPE)
        read_until(monitor.stdout, "ListSessions", "Cancel")
        self.daemon.kill()
        self.daemon.wait(PATIENCE_SECONDS)
        _, problem = writer.communicate(timeout=PATIENCE_SECONDS)
        self.assertEqual(writer.returncode, 3)
        self.assertIn("went away before it answered", problem)
        self.daemon = self.start(PROGRAMS["daemon"])
        self.assertEqual(read_line(self.daemon.stdout), "ready\n")
        _, problem = reader.communicate(timeout=PATIENCE_SECONDS)
        self.assertEqual((reader.returncode, problem), (0, ""))

    def test_nothing_steers_the_terminal(self):
        self.ctl("sessions", "create", "demo")
        self.ctl("sessions", "input", "demo", "a\x1b[2Jb\u202ec\u009bd\nnext")
        for words in (["runs", "get", "run-1"], ["runs", "list"], ["runs", "stream", "run-1"]):
            for output in ([], ["--output", "json"]):
                shown = self.ctl(*output, *words)
                for bad in "\x1b\u202e\u009b":
                    self.assertNotIn(bad, shown, words)
        self.assertIn("\n", self.ctl("runs", "get", "run-1"))
        self.assertIn("\u202e", self.json("runs", "get", "run-1")["outputs"][0]["content"])

    def wait_at_terminal(self):
        """A `runs wait` of run-1 that shows its progress on the terminal it gives, the caller's."""
        ours, theirs = pty.openpty()
        waiter = self.start(PROGRAMS["kheishctl"], "runs", "wait", "run-1", stderr=theirs)
        os.close(theirs)
        return ours, waiter

    def read_terminal(self, terminal, wanted):
        """What a terminal shows up to and with `wanted`."""
        seen = ""
        while wanted not in seen:
            ready, _, _ = select.select([terminal], [], [], PATIENCE_SECONDS)
            self.assertTrue(ready, f"{wanted!r} does not come: {seen!r}")
            seen += os.read(terminal, 4096).decode()
        return seen

    def test_a_terminal_sees_progress(self):
        self.ctl("sessions", "create", "demo")
        self.ctl("sessions", "input", "demo", "hold")
        ours, waiter = self.wait_at_terminal()
        self.assertIn("running", self.read_terminal(ours, "run-1 running"))
        self.daemon.send_signal(signal.SIGUSR1)
        progress = self.read_terminal(ours, "run-1 completed")
        self.assertIn("tool    bash", progress)
        os.close(ours)
        output, _ = waiter.communicate(timeout=PATIENCE_SECONDS)
        self.assertEqual(waiter.returncode, 0)
        self.assertIn("done: hold", output)

    def test_other_clients_see_properties_and_objects(self):
        self.ctl("sessions", "create", "demo")
        self.ctl("sessions", "input", "demo", "hold")

        def busctl(*words):
            done = subprocess.run(
                ["busctl", f"--address={self.environment['DBUS_SYSTEM_BUS_ADDRESS']}", *words],
                capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
            )  # fmt: skip
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout

        name = "ai.kheish.Daemon1"
        tree = busctl("tree", "--list", name)
        self.assertIn("/ai/kheish/Daemon1/run/1\n", tree)
        self.assertIn("/ai/kheish/Daemon1/session/demo\n", tree)
        status = busctl("get-property", name, "/ai/kheish/Daemon1/run/1", f"{name}.Run", "Status")
        self.assertEqual(status, 's "running"\n')
        shown = busctl("introspect", name, "/ai/kheish/Daemon1/run/1")
        self.assertIn("Cancel", shown)

    def test_no_signal_goes_to_the_whole_bus(self):
        bus = f"--address={self.environment['DBUS_SYSTEM_BUS_ADDRESS']}"
        monitor = self.start(
            "busctl", bus, "--json=short", "--match=type='signal'", "monitor",
            stderr=subprocess.PIPE,
        )  # fmt: skip
        self.assertIn("Monitoring", read_line(monitor.stderr))
        self.ctl("sessions", "create", "bobs-plan")
        self.ctl("sessions", "input", "bobs-plan", "hold")
        # kheishctl has called when its run starts: it is told of that.
        self.ctl("run", "quick", "--session-id", "bobs-plan", "--wait")
        end = ["emit", "/org/example/End", "org.example.End", "Ended"]
        subprocess.run(["busctl", bus, *end], check=True, timeout=PATIENCE_SECONDS)
        told = []
        for line in monitor.stdout:  # not read_line(): several lines may come at once
            signal = json.loads(line)
            if signal["interface"] == "org.example.End":
                break
            if "/ai/kheish" in signal["path"]:
                told.append((signal["member"], signal.get("destination")))
        self.assertIn("InterfacesAdded", [member for member, _ in told])
        for member, destination in told:
            self.assertTrue(destination and destination.startswith(":"), f"{member} was for all")


def main(arguments):
    if arguments[1:] == ["--list"]:
        print("\n".join(unittest.TestLoader().getTestCaseNames(Kheishctl)))
        return 0
    PROGRAMS.update(daemon=os.path.abspath(arguments[2]), kheishctl=os.path.abspath(arguments[3]))
    suite = unittest.TestSuite([Kheishctl(arguments[1])])
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    return 0 if result.wasSuccessful() and result.testsRun == 1 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
