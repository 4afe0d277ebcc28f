"""The journal's own files on a running system: looked after, damaged, full, replaced by an older copy."""

import json

from agents import DATABASE, Agents, bash, turn
from harness import case, check, check_in

STATE = "/var/lib/kheish"
# Longer than a page of the database, so that some pages hold nothing else.
ANSWER = "An answer that is kept. " * 800
RUNS = {
    "wait": [turn("I ask.", bash("make", "echo made")), turn("It said: {{result 'make'}}")],
    "": [turn(ANSWER)],
}
# One bit is flipped in each overflow page (which begins with the number of the next) that holds a part of the answer.
FLIP = (
    "import sys\n"
    "data = bytearray(open(sys.argv[1], 'rb').read())\n"
    "pages = [at for at in range(0, len(data), 4096) if data[at] == 0 and b'that is kept' in data[at + 4 : at + 60]]\n"
    "assert pages, 'no page holds the answer alone'\n"
    "for at in pages:\n"
    "    data[at + 200] ^= 4\n"
    "open(sys.argv[1], 'wb').write(data)\n"
)


def prepare(machine, session):
    """A run that is over and one that waits, in a session of alice's."""
    agents = Agents(machine)
    agents.configure(RUNS)
    agents.create("alice", session)
    over = agents.submit("alice", session, "hello")
    agents.wait(over)
    waiting = agents.submit("alice", session, "wait")
    agents.until_status(waiting, "waiting_for_approval")
    return agents, over, waiting


def care(machine, *words, code=0):
    done = machine.run(["kheishctl", "--output", "json", "journal", *words], check=False)
    check(done.code, code, done.text())
    return json.loads(done.out) if done.out.startswith("{") else done.text()


def ready(machine):
    """Status and body of /readyz."""
    answer = machine.run(
        "curl -sS -w '\\n%{http_code}' --unix-socket /run/kheish/http.sock http://localhost/readyz", check=False
    ).out.rpartition("\n")
    return answer[2], answer[0]


def stop(machine):
    """Nobody connects until it is started again."""
    machine.run("systemctl stop kheish.service")


def start(machine):
    machine.run("systemctl start kheish.service")


@case
def it_is_verified_and_exported_while_kheishd_works(machine):
    agents, over, waiting = prepare(machine, "verified")
    verdict = care(machine, "verify")
    check(verdict["findings"], 0, verdict)
    check(verdict["runs"] >= 2, True, verdict)
    lines = machine.run("kheishctl journal export --after 0").out.splitlines()
    check(len(lines) >= verdict["events"], True, "an event a line")
    check([json.loads(line)["seq"] for line in lines], list(range(1, len(lines) + 1)))
    for words in (["verify"], ["export"], ["backup", "/home/alice/copy.db"]):
        refused = machine.run(["kheishctl", "journal", *words], user="alice", check=False)
        check(refused.code, 4, refused.text())
    check(machine.run("test -e /home/alice/copy.db", check=False).code != 0, True, "half a backup")
    agents.allow(waiting)
    agents.wait(waiting)


@case
def a_backup_takes_the_place_of_a_lost_journal(machine):
    agents, over, waiting = prepare(machine, "restored")
    machine.run("rm -f /root/copy.db")
    care(machine, "backup", "/root/copy.db")
    check(care(machine, "backup", "/root/copy.db", code=6).count("File exists"), 1)
    check(machine.run("stat -c '%a %U' /root/copy.db").out, "600 root\n")
    later = agents.submit("alice", "restored", "later")
    stop(machine)
    machine.run(f"install -o kheish -g kheish -m 600 /root/copy.db {DATABASE}; rm -f {DATABASE}-wal {DATABASE}-shm")
    # Without a word from the operator, nothing that was acknowledged is forgotten.
    refused = machine.run("systemctl start kheish.service", check=False)
    check(refused.code != 0, True, "it does not start")
    check_in("were acknowledged", machine.run("journalctl -b -u kheish.service").out)
    stop(machine)
    machine.run(f"rm {DATABASE}.acknowledged")
    start(machine)
    check(agents.status(waiting), "waiting_for_approval")
    check(agents.ctl("runs", "get", later, check=False).code, 5, "what came after the backup")
    agents.allow(waiting)
    agents.wait(waiting)
    check_in("made", agents.answer(waiting))
    check(care(machine, "verify")["findings"], 0)


@case
def damage_is_never_acted_on_and_ends_writing(machine):
    agents, over, waiting = prepare(machine, "damaged")
    stop(machine)
    machine.run(f"cp -a {DATABASE} /root/whole.db")
    machine.run(["python3", "-c", FLIP, DATABASE])
    start(machine)
    check_in("journal_corrupt", agents.view(over)["view_error"])
    machine.until("writing has ended", lambda: ready(machine)[0] == "503")
    check_in("journal_corrupt", ready(machine)[1])
    new = agents.ctl("sessions", "input", "damaged", "more", user="alice", check=False)
    check_in("journal_corrupt", new.err)
    found = care(machine, "verify", code=1)
    check(found["findings"] > 0, True, found)
    check_in("checksum", care(machine, "backup", "/root/damaged.db", code=1))
    check(machine.run("test -e /root/damaged.db", check=False).code != 0, True, "half a backup")
    stop(machine)
    machine.run(f"cp -a /root/whole.db {DATABASE}; rm -f {DATABASE}-wal {DATABASE}-shm {DATABASE}.acknowledged")
    start(machine)
    check(agents.answer(over), ANSWER)
    agents.allow(waiting)
    agents.wait(waiting)


@case
def what_is_old_is_pruned_and_rows_are_made_anew(machine):
    agents, over, waiting = prepare(machine, "pruned")
    machine.until("its scope is accounted for", lambda: all(run["run_id"] != over for run in agents.live()))
    pruned = care(machine, "prune", "--older-than", "0")
    check(pruned["blobs"] > 0, True, pruned)
    check_in("[pruned: ", agents.answer(over))
    check(care(machine, "verify")["findings"], 0)
    check_in("in use by", care(machine, "rebuild", code=7))
    stop(machine)
    rebuilt = care(machine, "rebuild")
    machine.run(f"test -e {rebuilt['kept_as']}")
    check(machine.run(f"stat -c '%a %U' {DATABASE}").out, "600 kheish\n")
    start(machine)
    check(agents.status(waiting), "waiting_for_approval")
    agents.allow(waiting)
    agents.wait(waiting)
    check_in("made", agents.answer(waiting))
    check(care(machine, "verify")["findings"], 0)


def on_a_small_disk(machine):
    """A state directory of a few megabytes, with nothing in it."""
    stop(machine)
    machine.run(f"mount -t tmpfs -o size=8m,mode=700,uid=kheish,gid=kheish none {STATE}", check=False)
    check(machine.run(f"findmnt -n -o FSTYPE {STATE}").out, "tmpfs\n")
    agents = Agents(machine)
    agents.configure(RUNS)
    start(machine)
    agents.create("alice", "small")
    waiting = agents.submit("alice", "small", "wait")
    agents.until_status(waiting, "waiting_for_approval")
    return agents, waiting


def off_the_small_disk(machine):
    stop(machine)
    machine.run(f"umount {STATE}")
    start(machine)


@case
def a_full_disk_refuses_new_work_until_there_is_room(machine):
    agents, waiting = on_a_small_disk(machine)
    machine.run(f"dd if=/dev/zero of={STATE}/ballast bs=4k", check=False)
    refused = None

    def is_refused():
        nonlocal refused
        refused = agents.ctl("sessions", "input", "small", "more " * 200, user="alice", check=False)
        return refused.code != 0

    machine.until("the disk is full", is_refused)
    check_in("storage_full", refused.err)
    code, body = ready(machine)
    check(code, "503", body)
    check_in("storage_full", body)
    check(agents.status(waiting), "waiting_for_approval", "what was acknowledged is kept, and read")
    machine.run(f"rm {STATE}/ballast")
    machine.until("it goes on by itself", lambda: ready(machine)[0] == "200")
    agents.allow(waiting)
    agents.wait(waiting)
    check_in("made", agents.answer(waiting))
    check(care(machine, "verify")["findings"], 0)
    off_the_small_disk(machine)
