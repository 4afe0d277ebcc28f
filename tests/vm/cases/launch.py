"""The launch path on a kernel of its own, where nothing of a container helps or hides."""

import time

from agents import Agents, bash, slow_bash, turn
from harness import case, check, check_in

DAY = 24 * 3600
TOMORROW_MS = int((time.time() + DAY) * 1000)
SLICE = "/sys/fs/cgroup/kheish.slice/kheish-runs.slice"
HOG = "python3 -c 'x = bytearray(400 << 20); print(len(x))'"
FORKS = "for i in $(seq 400); do sleep 300 & done; wait"
RUNS = {
    "look": [
        turn("I look.", ("ls", "list_files", {"path": "."}), bash("who", "id -un; ls /run/kheish; cat /proc/self/cgroup")),
        turn("{{result 'ls'}}{{result 'who'}}"),
    ],
    "sleep": [turn("I sleep.", slow_bash("sleeper")), turn("It said: {{result 'sleeper'}}")],
    "hog": [turn("I eat memory.", bash("hog", HOG)), turn("It said: {{result 'hog'}}")],
    "fork": [turn("I fork.", bash("fork", FORKS, timeout_ms=20000)), turn("It said: {{result 'fork'}}")],
    "asks": [
        turn("I need to know.", ("ask", "ask_user_question", {"questions": [{"question": "Go on?"}]})),
        turn("You said: {{result 'ask'}}"),
    ],
    "comes back": [
        turn("Here I am.", errors=[{"kind": "rate_limited", "message": "later", "retry_after_ms": 120_000}]),
    ],
    "thinks": [turn("I have thought.", delay_ms=3_600_000)],
    "soon": [turn("Now.", errors=[{"kind": "rate_limited", "message": "later", "retry_after_ms": 20_000}])],
    "by tomorrow": [
        turn("Quick!", ("ask", "ask_user_question", {"questions": [{"question": "Go on?"}], "expires_at_ms": TOMORROW_MS})),
        turn("You said: {{result 'ask'}}"),
    ],
    "needs a nod": [
        turn("May I?", ("note", "write_file", {"path": "note", "content": "written\n"})),
        turn("Written: {{result 'note'}}"),
    ],
}
SETTINGS = "[limits]\nmemory_max_bytes = 134217728\ntasks_max = 64\nrequire = true\n"


@case(timeout=600)
def the_kernel_has_all_controllers_and_nothing_is_degraded(machine):
    controllers = machine.run("cat /sys/fs/cgroup/cgroup.controllers").out.split()
    check({"cpu", "io", "memory", "pids"} <= set(controllers), True, f"controllers: {controllers}")
    agents = Agents(machine)
    agents.configure(RUNS, allowed=("bash",), settings=SETTINGS)
    agents.create("alice", "look")
    run = agents.submit("alice", "look", "look")
    view = agents.wait(run)
    answer = agents.answer(run)
    check_in("alice", answer)
    check("http.sock" in answer, False, f"the sandbox sees the control socket: {answer}")
    launched = [event for event in agents.events(run) if event["type"] == "launched"]
    check(launched[0].get("degraded", []), [], "limits that are not kept")
    check(view["status"], "completed")
    machine.until("the scope is accounted for", lambda: agents.count(run, "scope_ended"))
    used = agents.view(run)["accounting"]
    print(f"accounting: {used}")
    check(used["memory_peak_bytes"] > 1 << 20, True, "memory is counted")
    check(used["cpu_usage_us"] > 0, True, "CPU time is counted")


@case(timeout=600)
def a_run_that_eats_memory_is_stopped_by_its_limit(machine):
    agents = Agents(machine)
    agents.create("alice", "hog")
    run = agents.submit("alice", "hog", "hog")
    # systemd before 253 ends a scope as a whole when the kernel has killed something in it.
    agents.until_status(run, "waiting_for_approval")
    check([event["lost"] for event in agents.events(run) if event["type"] == "scope_ended"], [True])
    machine.until("nothing of it is left", lambda: not agents.processes(run))
    check(machine.run("systemctl is-active kheish.service").out, "active\n")
    agents.ctl("approvals", "deny", agents.pending(run)[0]["id"], "--reason", "it ate all its memory")
    agents.wait(run)
    check_in("it ate all its memory", agents.answer(run))


@case(timeout=600)
def a_fork_bomb_stays_within_its_tasks(machine):
    agents = Agents(machine)
    agents.create("alice", "fork")
    run = agents.submit("alice", "fork", "fork")
    agents.until_over(run)
    number = run.removeprefix("run-")
    machine.until("nothing of it is left", lambda: not agents.processes(run))
    check(machine.run("systemctl is-active kheish.service").out, "active\n")
    check(int(machine.run("ps -e --no-headers | wc -l").out) < 200, True, "processes of the machine")
    print(f"the fork bomb ended as: {agents.status(run)} {agents.answer(run)[:200]!r} (run {number})")


@case(timeout=600)
def a_tool_sleeps_through_a_restart(machine):
    agents = Agents(machine)
    agents.create("alice", "sleep")
    run = agents.submit("alice", "sleep", "sleep")
    agents.until_executed("alice", "sleep", "sleeper")
    processes = agents.processes(run)
    machine.run("systemctl restart kheish.service")
    agents.kill_daemon()
    check(agents.processes(run), processes, "processes of the run")
    agents.release("alice", "sleep", "sleeper")
    agents.wait(run)
    check(agents.executed("alice", "sleep", "sleeper"), 1, "how often it was executed")


def uptime(machine):
    return float(machine.run("cat /proc/uptime").out.split()[0])


@case(timeout=900)
def a_power_cut_loses_nothing_that_was_acknowledged(machine):
    agents = Agents(machine)
    for session in ("gate", "work", "question", "timer"):
        agents.create("alice", session)
    waiting = agents.submit("alice", "gate", "needs a nod")
    running = agents.submit("alice", "work", "sleep")
    queued = agents.submit("alice", "work", "look")
    asking = agents.submit("alice", "question", "asks")
    later = agents.submit("alice", "timer", "comes back")
    agents.until_status(waiting, "waiting_for_approval")
    agents.until_executed("alice", "work", "sleeper")
    agents.until_status(asking, "waiting_for_user_question")
    machine.until("the timer runs", lambda: agents.view(later).get("wait_reason") == "timer")
    # The effect of the command is on the disk; kheish syncs its own.
    machine.run("sync")
    machine.power_off()
    machine.power_on()
    check(agents.status(waiting), "waiting_for_approval")
    agents.until_status(running, "waiting_for_approval")
    check(agents.status(queued), "queued")
    check(agents.status(asking), "waiting_for_user_question")
    check(agents.executed("alice", "work", "sleeper"), 1, "how often it was executed")
    agents.ctl("approvals", "deny", agents.pending(running)[0]["id"], "--reason", "the power was cut")
    agents.allow(waiting)
    agents.ctl("questions", "answer", agents.view(asking)["pending_question_ids"][0], "--declined")
    for run in (waiting, running, queued, asking, later):
        agents.wait(run)
    check_in("the power was cut", agents.answer(running))
    check_in("declined", agents.answer(asking))
    check(agents.answer(later), "Here I am.")
    check(agents.count(later, "model.retry_due"), 1, "how often the timer fired")
    check(machine.run("cat /home/alice/work-gate/note").out, "written\n")
    check(agents.executed("alice", "work", "sleeper"), 1, "how often it was executed")


@case(timeout=900)
def a_clock_that_is_set_ends_no_wait_early_and_none_late(machine):
    agents = Agents(machine)
    for session in ("soon", "tomorrow"):
        agents.create("alice", session)
    question = agents.submit("alice", "tomorrow", "by tomorrow")
    agents.until_status(question, "waiting_for_user_question")
    began = uptime(machine)
    run = agents.submit("alice", "soon", "soon")
    machine.until("the timer runs", lambda: agents.view(run).get("wait_reason") == "timer")
    # A duration is one, however the clock is set meanwhile.
    machine.run("date -s '+6 hours'")
    machine.run("date -s '-12 hours'")
    check(agents.wait(run)["status"], "completed")
    took = uptime(machine) - began
    check(took >= 20, True, f"it waited {took:.1f} s of 20")
    print(f"a wait of 20 s through two settings of the clock took {took:.1f} s, submission and all")
    # A moment of the calendar is that moment.
    check(agents.status(question), "waiting_for_user_question")
    machine.run("date -s '+2 days'")
    agents.until_status(question, "cancelled")


def slept(machine):
    """Seconds that the machine has been suspended since its boot."""
    clocks = "import time; print(time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC))"
    return float(machine.run(["python3", "-c", clocks]).out)


@case(timeout=900)
def a_machine_that_sleeps_goes_on_with_its_runs(machine):
    agents = Agents(machine)
    agents.configure(RUNS, allowed=("bash",), settings=SETTINGS)
    for session in ("mind", "tool"):
        agents.create("alice", session)
    thinking = agents.submit("alice", "mind", "thinks")
    machine.until("the model is asked", lambda: agents.view(thinking).get("wait_reason") == "model")
    working = agents.submit("alice", "tool", "sleep")
    agents.until_executed("alice", "tool", "sleeper")
    machine.run("rtcwake --mode no --seconds 20 && systemctl suspend")
    machine.until("the machine has slept", lambda: slept(machine) > 5)
    machine.until("the model is asked again", lambda: agents.view(thinking).get("wait_reason") == "model")
    failed = {event["error"] for event in agents.events(thinking) if event["type"] == "model.failed"}
    check(failed, {"the machine goes to sleep"})
    agents.release("alice", "tool", "sleeper")
    agents.wait(working)
    check(agents.executed("alice", "tool", "sleeper"), 1, "how often it was executed")
    agents.ctl("runs", "cancel", thinking)
