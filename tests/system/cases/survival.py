"""Runs that outlive their caller, their daemon and their host."""

from agents import Agents, bash, slow_bash, turn
from harness import case, check, check_in

RUNS = {
    "say hello": [turn("Hello, {{input}}")],
    "sleep long": [
        turn("I sleep.", slow_bash("sleeper")),
        turn("It said: {{result 'sleeper'}}"),
    ],
    "think long": [turn("I have thought.", delay_ms=3000)],
    "note it": [
        turn("I write.", ("note", "write_file", {"path": "note-{{input}}", "content": "{{input}}\n"})),
        turn("Written: {{result 'note'}}"),
    ],
    "rate limited": [
        turn("At last.", errors=[{"kind": "rate_limited", "retry_after_ms": 4000}]),
    ],
    "needs a nod": [
        turn("May I?", bash("gated", "echo executed >> gated.count; echo done as $(id -un)")),
        turn("It said: {{result 'gated'}}"),
    ],
}


@case
def a_run_of_a_client_that_is_killed_at_once_completes(machine):
    agents = Agents(machine)
    agents.configure(RUNS, allowed=("bash",))
    agents.create("alice", "cut-off")
    client = machine.start(["kheishctl", "sessions", "input", "cut-off", "sleep long", "--wait"], user="alice")
    machine.until("the run is there", lambda: agents.ask("runs", "list", "--session-id", "cut-off"))
    client.kill()
    client.communicate()
    run = agents.ask("runs", "list", "--session-id", "cut-off")[0]["run_id"]
    agents.until_executed("alice", "cut-off", "sleeper")
    agents.release("alice", "cut-off", "sleeper")
    check(agents.wait(run)["status"], "completed")
    check_in("sleeper has ended", agents.answer(run))


@case
def a_run_of_an_http_client_that_never_reads_the_answer_completes(machine):
    agents = Agents(machine)
    agents.configure(RUNS)
    agents.create("alice", "unread")
    script = (
        "import socket\n"
        "body = b'{\"content\": \"say hello\"}'\n"
        "client = socket.socket(socket.AF_UNIX)\n"
        "client.connect('/run/kheish/http.sock')\n"
        "client.sendall(b'POST /v1/sessions/unread/runs HTTP/1.1\\r\\nHost: kheish\\r\\n'\n"
        "    b'Content-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(body) + body)\n"
        "import os; os._exit(0)\n"
    )
    machine.run_as("alice", ["python3", "-c", script])
    machine.until("the run is there", lambda: agents.ask("runs", "list", "--session-id", "unread"))
    run = agents.ask("runs", "list", "--session-id", "unread")[0]["run_id"]
    agents.wait(run)
    check(agents.answer(run), "Hello, say hello")


@case
def a_tool_that_sleeps_through_restart_kill_and_stop_is_executed_once(machine):
    agents = Agents(machine)
    agents.configure(RUNS, allowed=("bash",))
    agents.create("alice", "sleeps")
    run = agents.submit("alice", "sleeps", "sleep long")
    agents.until_executed("alice", "sleeps", "sleeper")
    processes = agents.processes(run)

    machine.run("systemctl restart kheish.service")
    check(agents.status(run), "running", "after restart")
    agents.kill_daemon()
    check(agents.status(run), "running", "after kill -9")
    machine.run("systemctl stop kheish.service kheish.socket")
    check(agents.processes(run), processes, "processes of the run while kheishd is stopped")
    machine.run("systemctl start kheish.service")
    check(agents.status(run), "running", "after stop and start")

    check(agents.processes(run), processes, "processes of the run")
    agents.release("alice", "sleeps", "sleeper")
    agents.wait(run)
    check_in("sleeper has ended", agents.answer(run))
    check(agents.executed("alice", "sleeps", "sleeper"), 1, "how often the command was executed")
    for kind, expected in (("tool.started", 1), ("tool.finished", 1), ("launched", 1)):
        check(agents.count(run, kind), expected, kind)
    machine.until("nothing of the run is left", lambda: not agents.processes(run))


@case
def a_tool_that_ends_while_the_daemon_is_stopped_gives_its_result(machine):
    agents = Agents(machine)
    agents.configure(RUNS, allowed=("bash",))
    agents.create("alice", "ended")
    run = agents.submit("alice", "ended", "sleep long")
    agents.until_executed("alice", "ended", "sleeper")
    machine.run("systemctl stop kheish.service kheish.socket")
    before = agents.processes(run)
    agents.release("alice", "ended", "sleeper")
    machine.until("the command has ended", lambda: len(agents.processes(run)) < len(before))
    machine.run("systemctl start kheish.socket kheish.service")
    agents.wait(run)
    check_in("sleeper has ended", agents.answer(run))
    check(agents.executed("alice", "ended", "sleeper"), 1, "how often the command was executed")


@case
def queued_running_and_waiting_runs_survive_kill(machine):
    agents = Agents(machine)
    agents.configure(RUNS)
    for session in ("line", "gate"):
        agents.create("alice", session)
    agents.create("bob", "thought")
    waiting = agents.submit("alice", "line", "needs a nod")
    queued = agents.submit("alice", "line", "say hello")
    second = agents.submit("alice", "gate", "needs a nod")
    running = agents.submit("bob", "thought", "think long")
    for run in (waiting, second):
        agents.until_status(run, "waiting_for_approval")
    agents.until_status(running, "running")
    before = [approval["id"] for approval in agents.pending(waiting)]

    agents.kill_daemon()

    check(agents.status(waiting), "waiting_for_approval")
    check(agents.status(second), "waiting_for_approval")
    check(agents.status(queued), "queued")
    check([approval["id"] for approval in agents.pending(waiting)], before, "the pending approval")
    check(agents.wait(running)["status"], "completed")
    agents.allow(waiting)
    agents.wait(waiting)
    check_in("done as alice", agents.answer(waiting))
    agents.wait(queued)
    check(agents.answer(queued), "Hello, say hello")
    agents.ctl("approvals", "deny", agents.pending(second)[0]["id"], "--reason", "not today")
    agents.wait(second)
    check_in("not today", agents.answer(second))
    check(machine.run("test -e /home/alice/work-gate/gated.count", check=False).code, 1, "a denied call was executed")


@case(timeout=240)
def runs_go_on_after_a_reboot_without_any_client(machine):
    agents = Agents(machine)
    agents.configure(RUNS, allowed=("write_file",))
    for session in ("calm", "busy", "limited", "gated"):
        agents.create("alice", session)
    waiting = agents.submit("alice", "gated", "needs a nod")
    running = agents.submit("alice", "busy", "think long")
    queued = agents.submit("alice", "busy", "note it")
    retrying = agents.submit("alice", "limited", "rate limited")
    after = agents.submit("alice", "limited", "note it")
    agents.until_status(waiting, "waiting_for_approval")
    agents.until_status(running, "running")
    machine.until("the retry is scheduled", lambda: agents.count(retrying, "model.retry_scheduled"))

    machine.reboot()

    # Seen from outside, on the file system: nobody connects to kheishd.
    for session in ("busy", "limited"):
        note = f"{agents.workspace('alice', session)}/note-note it"
        machine.until(f"{note} is there", lambda path=note: machine.run(["test", "-s", path], check=False).code == 0)
    for run in (running, queued, retrying, after):
        check(agents.wait(run)["status"], "completed", run)
    check(agents.answer(retrying), "At last.")
    check(agents.status(waiting), "waiting_for_approval")


@case
def a_pending_approval_of_before_the_reboot_completes(machine):
    agents = Agents(machine)
    run = agents.ask("runs", "list", "--session-id", "gated")[0]["run_id"]
    agents.kill_daemon()
    check(agents.status(run), "waiting_for_approval")
    agents.allow(run)
    agents.wait(run)
    check_in("done as alice", agents.answer(run))
    check(machine.run("cat /home/alice/work-gated/gated.count").out, "executed\n")


@case(timeout=240)
def a_command_under_way_at_a_power_cut_is_neither_repeated_nor_dropped(machine):
    agents = Agents(machine)
    agents.configure(RUNS, allowed=("bash",))
    agents.create("alice", "cut")
    run = agents.submit("alice", "cut", "sleep long")
    agents.until_executed("alice", "cut", "sleeper")
    machine.kill()
    machine.boot()
    # bash is at_most_once: whether it has happened, nobody knows, so somebody has to say.
    agents.until_status(run, "waiting_for_approval")
    check(agents.executed("alice", "cut", "sleeper"), 1, "how often the command was executed")
    agents.allow(run)
    machine.until("it is executed again", lambda: agents.executed("alice", "cut", "sleeper") == 2)
    agents.release("alice", "cut", "sleeper")
    agents.wait(run)
    check(agents.executed("alice", "cut", "sleeper"), 2, "executions, the second because somebody said so")
    check_in("sleeper has ended", agents.answer(run))
    agents.forget()


@case
def the_same_key_is_the_same_request_whatever_it_asks_for(machine):
    agents = Agents(machine)
    agents.configure(RUNS, allowed=("write_file",))
    one_shot = ("run", "say hello", "--workspace", "/home/alice", "--idempotency-key", "one-shot")
    first = agents.ctl(*one_shot, user="alice").out
    agents.kill_daemon()
    check(agents.ctl(*one_shot, user="alice").out, first, "the session and the run of the first time")
    other = agents.ctl("run", "say hello too", *one_shot[2:], user="alice", check=False)
    check_in("idempotency_conflict", other.err)
    run = first.split()[-1]
    agents.until_over(run)
    session = agents.view(run)["session_id"]
    stop = ("sessions", "interrupt", session, "--reason", "enough", "--idempotency-key", "stop")
    check_in("nothing was running", agents.ctl(*stop, user="alice").out)
    later = agents.submit("alice", session, "say hello")
    check_in("nothing was running", agents.ctl(*stop, user="alice").out)
    check(agents.wait(later)["status"], "completed", "of a later run, by a repeated interrupt")
