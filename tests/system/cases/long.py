"""A long run: its turns cost what they say, not what was said before.

By default a sample of it; KHEISH_LONG_TURNS=10000 tests/system/run --case 'long.*' is the whole, with 100 MB of tool
output, and so is `tools/test --suite long-run`.
"""

import json
import os
import time

from agents import DATABASE, SCENARIO, Agents, turn
from harness import case, check

TURNS = int(os.environ.get("KHEISH_LONG_TURNS", "300"))
# 10 kB that no turn before has said.
TOOL = "#!/bin/sh\nread n < n\necho $((n + 1)) > n\nexec seq -s, $((n * 10000)) $((n * 10000 + 1250))\n"
# The last one is not the end, so that there is something to go on with after the kill there.
MARKS = [mark for mark in (10, 100, 1000) if mark < TURNS // 2] + [TURNS - 60]
CONTEXT_BYTES = 100_000
MEBIBYTE = 1 << 20


def scenario():
    """The shortest there is: a file of a mebibyte has to do."""
    turns = [
        {"tool_calls": [{"name": f"c{number}", "tool": "bash", "input": {"command": "./w"}}]}
        for number in range(1, TURNS)
    ]
    return json.dumps({"version": 1, "turns": [*turns, {"text": "The end."}]}, separators=(",", ":"))


def sqlite(machine, query):
    return machine.run(["sqlite3", "-separator", "\t", f"file:{DATABASE}?mode=ro", query]).out


class Meter:
    def __init__(self, machine, agents, folder):
        self.machine, self.agents, self.folder = machine, agents, folder

    def turns(self):
        """By what the tool has counted: nobody is asked, who would be measured too."""
        with open(f"/proc/{self.machine.leader}/root{self.folder}/n", encoding="ascii") as counter:
            return int(counter.read() or 0)

    def read(self):
        """(turns, resident bytes of kheishd, bytes of the journal)."""
        status = self.machine.run(f"cat /proc/{self.agents.main_pid()}/status").out
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
        pages = sqlite(self.machine, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        return self.turns(), resident * 1024, int(pages)


def events_of(machine, run, kind):
    """(time in us, body) of each: there are too many events in a long run for all of them to leave the machine."""
    query = (
        f"SELECT at_us, CAST(body AS TEXT) FROM events WHERE run_id = {run.removeprefix('run-')} AND type = '{kind}'"
        " ORDER BY seq"
    )
    rows = (line.split("\t") for line in sqlite(machine, query).splitlines())
    return [(int(at_us), json.loads(body)) for at_us, body in rows]


def milliseconds_per_turn(requests, first, last):
    """Between the requests to the model of two turns, as the journal has them."""
    when = {body["turn"]: at_us for at_us, body in requests}
    return (when[last] - when[first]) / (last - first) / 1000


@case(timeout=3 * 3600)
def every_turn_costs_the_same_and_memory_is_flat(machine):
    agents = Agents(machine)
    settings = f"[runs]\nmax_turns = 0\ncontext_limit_bytes = {CONTEXT_BYTES}\n"
    agents.configure({"": [turn("Not yet.")]}, allowed=["bash"], settings=settings)
    machine.write(SCENARIO, scenario())
    machine.run("systemctl restart kheish.service")
    agents.create("alice", "long")
    folder = agents.workspace("alice", "long")
    machine.run_as("alice", f"echo 1 > {folder}/n && cat > {folder}/w && chmod +x {folder}/w", data=TOOL)
    began = time.monotonic()
    run = agents.submit("alice", "long", "go on and on")
    meter = Meter(machine, agents, folder)
    readings = []
    for mark in MARKS:
        machine.until(f"{run} is at turn {mark}", lambda mark=mark: meter.turns() >= mark, 3 * 3600)
        readings.append(meter.read())
    killed = time.monotonic()
    agents.kill_daemon()
    restart = time.monotonic() - killed
    check(agents.wait(run)["status"], "completed")
    seconds = time.monotonic() - began
    check(len(events_of(machine, run, "tool.finished")), TURNS - 1, "calls on record")
    check(len(events_of(machine, run, "context.trimmed")) > 0, True, "the conversation was never too long")
    requests = events_of(machine, run, "model.requested")
    for mark, (turns, resident, journal) in zip(MARKS, readings):
        cost = milliseconds_per_turn(requests, max(1, mark - 9), mark)
        sizes = f"{resident / MEBIBYTE:.1f} MiB resident, journal {journal / MEBIBYTE:.1f} MiB"
        print(f"long: turn {turns}: {sizes}, {cost:.1f} ms a turn")
    early = (readings[-2][2] - readings[0][2]) / (readings[-2][0] - readings[0][0])
    late = (readings[-1][2] - readings[-2][2]) / max(1, readings[-1][0] - readings[-2][0])
    print(f"long: killed at turn {MARKS[-1]}, ready again in {restart:.1f} s")
    print(f"long: {TURNS} turns in {seconds:.0f} s; journal: {early:.0f} bytes a turn at first, {late:.0f} at last")
    check(readings[-1][1] - readings[-2][1] < 8 * MEBIBYTE, True, f"memory grows: {readings}")
    check(late < 1.5 * early, True, f"the journal grows ever faster: {readings}")
    agents.forget()
