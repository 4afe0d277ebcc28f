"""kheishd is killed at its system calls, one after the other, and judged by what its tools have left behind.

The sample is the same each time; KHEISH_KILLS=100 KHEISH_KILL_SEED=7 tests/system/run --case 'kill.*' draws another, and
`tools/test --suite kill` tries every point.
"""

import collections
import time

import kill_points
import provider
from agents import ENDS, Agents, bash
from harness import case, check
from machine import MachineError

TURNS = 10
ACTING_FIRST_TRIES = 40
STEPS_PER_TURN = 2
STEPS = [f"step-{turn}-{place}" for turn in range(TURNS) for place in range(STEPS_PER_TURN)]
LOG = " ".join(map(str, range(TURNS))) + f" [{TURNS}]\n"
TOOLS = ["bash", "edit_file"]


def calls(number):
    """Those of a turn. Each step leaves its name in a file that no kheishd ever looks at, and each turn makes one edit

    in another: an edit that was lost or made twice is not the one that the next edit looks for.
    """
    steps = [step for step in STEPS if step.startswith(f"step-{number}-")]
    edit = {"path": "log", "old_string": f"[{number}]", "new_string": f"{number} [{number + 1}]"}
    return [bash(step, f"echo {step} >> effects; echo did {step}") for step in steps] + [
        (f"edit-{number}", "edit_file", edit)
    ]


def ask(number):
    """The request that a turn answers."""
    return provider.after(f"edit-{number - 1}") if number else provider.BEGINNING


def configure(machine, agents):
    """30 calls in ten turns, as a provider asks for them over HTTP."""
    provider.Provider(machine).start(
        [provider.answer(ask(number), f"Turn {number}.", *calls(number)) for number in range(TURNS)]
        + [provider.answer(ask(TURNS), "The last.")]
    )
    agents.configure_routes(provider.Provider.ROUTES, allowed=TOOLS)


def forget(machine, agents):
    kill_points.remove(machine)
    agents.forget()
    provider.Provider(machine).stop()


def submit(machine, agents, session):
    """As a client does that is not sure whether it was heard: again, with the same key."""
    words = ("sessions", "input", session, "go", "--idempotency-key", session)

    def heard():
        answer = agents.ctl(*words, user="alice", check=False)
        return answer.code == 0 and answer.out.strip()

    return machine.until(f"input of {session} is accepted", heard)


def judge(machine, agents, session, run):
    """What is wrong with a run that has ended; nothing where every promise was kept."""
    wrong = []
    view = agents.view(run)
    if view["status"] != "completed":
        wrong.append(f"{run} is {view['status']}: {view.get('error')}")
    effects = collections.Counter(machine.run(f"cat /home/alice/work-{session}/effects", check=False).out.split())
    wrong += [f"{step} happened {effects[step]} times" for step in STEPS if effects[step] != 1]
    wrong += [f"{name} was asked by nobody" for name in effects if name not in STEPS]
    events = agents.events(run)
    finished = collections.Counter(event["call"] for event in events if event["type"] == "tool.finished")
    wrong += [f"{call} has ended {times} times" for call, times in finished.items() if times != 1]
    if len(finished) != len(STEPS) + TURNS:
        wrong.append(f"{len(finished)} calls of {len(STEPS) + TURNS} are on record")
    log = machine.run(f"cat /home/alice/work-{session}/log", check=False).out
    if log != LOG:
        wrong.append(f"the edits made {log!r}")
    runs = agents.ask("runs", "list", "--session-id", session)
    if len(runs) != 1:
        wrong.append(f"{len(runs)} runs came of one submission")
    return wrong


def begin(machine, agents, session, rule):
    """A run of a kheishd under `rule`."""
    kill_points.restart_under(machine, rule)
    machine.until("a session is made", lambda: made(machine, agents, session))
    return submit(machine, agents, session)


def try_point(machine, agents, session, rule):
    """One run, with a kheishd under `rule`; what went wrong."""
    run = begin(machine, agents, session, rule)
    ended = agents.ctl("runs", "wait", run, check=False)
    wrong = [] if ended.code == 0 else [f"runs wait ended with {ended.code}: {ended.text()}"]
    try:
        wrong += judge(machine, agents, session, run)
    except MachineError:
        # The kill came as late as this; there is one for each rule.
        wrong += judge(machine, agents, session, run)
    machine.until(f"no process of {run} is left", lambda: not agents.processes(run))
    return wrong


def made(machine, agents, session):
    folder = f"/home/alice/work-{session}"
    machine.run_as("alice", f"mkdir -p {folder} && echo '[0]' > {folder}/log")
    return agents.ctl("sessions", "create", session, "--workspace", folder, user="alice", check=False).code == 0


def restarts(machine):
    return int(machine.run("systemctl show -P NRestarts kheish.service").out)


@case(timeout=6 * 3600)
def at_any_system_call_nothing_is_lost_and_nothing_happens_twice(machine):
    agents = Agents(machine)
    configure(machine, agents)
    kill_points.prepare(machine)
    check(try_point(machine, agents, "undisturbed", kill_points.COUNT), [], "without a kill")
    points = kill_points.all_points(kill_points.count(machine))
    chosen = kill_points.choose(points)
    began = time.monotonic()
    killed = 0
    broken = []
    for number, (call, when) in enumerate(chosen, 1):
        wrong = try_point(machine, agents, f"kill-{call}-{when}", kill_points.kill_at(call, when))
        # systemctl restart has set the count back; a kill adds to it. Some runs make a call less than others.
        killed += restarts(machine) > 0
        broken += [f"{call} {when}: {what}" for what in wrong]
        if number % 50 == 0:
            print(f"kill: {number} of {len(chosen)} points, {killed} kills, {len(broken)} broken promises", flush=True)
    forget(machine, agents)
    seconds = time.monotonic() - began
    print(
        f"kill: {len(points)} points, {len(chosen)} tried, {killed} kills, {len(broken)} broken promises, {seconds:.0f} s",
        flush=True,
    )
    check(broken, [])
    check(killed * 10 >= len(chosen) * 8, True, f"{killed} kills at {len(chosen)} points")


def has_ended_or_waits(agents, run):
    """A run that nobody has to be asked about ends; one whose promises were broken may wait for somebody."""
    return agents.status(run) in (*ENDS, "waiting_for_approval")


def try_until_it_rests(machine, agents, session, rule):
    """As try_point, for a kheishd that may leave its run waiting for somebody."""
    run = begin(machine, agents, session, rule)
    try:
        machine.until(f"{run} has ended or waits", lambda: has_ended_or_waits(agents, run))
    except MachineError as error:
        return [str(error)]
    return judge(machine, agents, session, run)


@case(timeout=1800)
def a_kheishd_that_acts_before_it_writes_is_found_out(machine):
    agents = Agents(machine)
    configure(machine, agents)
    kill_points.prepare(machine, machine.test_program("kheishd-acting-first"))
    check(try_until_it_rests(machine, agents, "acting-first", kill_points.COUNT), [], "without a kill")
    # What has been written outlives its process, synced or not: it is before the write that the fault shows.
    writes = kill_points.count(machine)["pwrite64"]
    tries = 0
    wrong = []
    for when in range(writes // 4, writes, max(1, writes // ACTING_FIRST_TRIES)):
        tries += 1
        wrong = try_until_it_rests(machine, agents, f"acting-first-{when}", kill_points.kill_at("pwrite64", when))
        if wrong:
            break
    forget(machine, agents)
    print(f"kill: the planted fault was found at kill {tries}: {wrong[:1]}", flush=True)
    check(bool(wrong), True, "the planted fault is found")
