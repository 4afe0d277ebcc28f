"""The machine around the runs: its network, its sleep, and what it is kept from while they work."""

from agents import Agents, slow_bash, turn
from harness import case, check, check_in

RUNS = {
    "offline": [
        turn("I am back.", errors=[{"kind": "network", "message": "no route to host", "retry_after_ms": 3_600_000}]),
    ],
    "sleep": [turn("I work.", slow_bash("sleeper")), turn("It said: {{result 'sleeper'}}")],
}


def locks(machine, mode):
    """What logind holds for kheishd in this mode."""
    listed = machine.run("systemd-inhibit --list --no-legend").out
    return [line.split()[5] for line in listed.splitlines() if line.startswith("kheish ") and line.split()[-1] == mode]


@case
def a_new_route_wakes_a_run_that_waits_for_the_network(machine):
    agents = Agents(machine)
    agents.configure(RUNS)
    agents.create("alice", "offline")
    run = agents.submit("alice", "offline", "offline")
    machine.until(f"{run} waits for the network", lambda: agents.view(run).get("wait_reason") == "network")
    check(agents.status(run), "running", "an hour without network is no failure")
    check_in("network", agents.ctl("runs", "explain", run).out)
    machine.run("ip route add 203.0.113.0/24 dev lo")
    check(agents.wait(run)["status"], "completed")
    check(agents.count(run, "model.retry_woken"), 1, "woken by the route, an hour early")


@case
def kheishd_holds_up_a_sleep_until_all_is_written_and_nothing_else(machine):
    agents = Agents(machine)
    agents.configure(RUNS, allowed=["bash"])
    machine.until("the sleep waits for kheishd", lambda: locks(machine, "delay") == ["sleep"])
    agents.create("alice", "quiet")
    run = agents.submit("alice", "quiet", "sleep")
    agents.until_executed("alice", "quiet", "sleeper")
    check(locks(machine, "block"), [], "a run at work keeps the machine from nothing by default")
    agents.release("alice", "quiet", "sleeper")
    agents.wait(run)


@case
def a_run_at_work_keeps_the_machine_awake_where_that_is_configured(machine):
    agents = Agents(machine)
    agents.configure(RUNS, allowed=["bash"], settings="[inhibit]\nidle = true\nsleep = true\nlid = true\n")
    agents.create("alice", "awake")
    check(locks(machine, "block"), [], "nothing works yet")
    run = agents.submit("alice", "awake", "sleep")
    agents.until_executed("alice", "awake", "sleeper")
    machine.until("the lock is there", lambda: locks(machine, "block") == ["sleep:idle:handle-lid-switch"])
    agents.kill_daemon()
    machine.until("the next kheishd has it", lambda: locks(machine, "block") == ["sleep:idle:handle-lid-switch"])
    agents.release("alice", "awake", "sleeper")
    agents.wait(run)
    machine.until("it is given back", lambda: locks(machine, "block") == [])
    agents.forget()
