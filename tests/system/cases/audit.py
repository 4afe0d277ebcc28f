"""The audit log: made of a real journal, and held by somebody else against a checkpoint that was kept."""

import re

from agents import Agents, bash, turn
from harness import case, check, check_in

RUNS = {"gate": [turn("May I?", bash("audited", "echo audited")), turn("Done.")]}


def audit(machine, *words, user="root", code=0):
    done = machine.run(["kheishctl", "audit", *words], user=user, check=False)
    check(done.code, code, done.text())
    return done


@case
def what_was_done_is_held_against_a_checkpoint_that_was_kept(machine):
    agents = Agents(machine)
    agents.configure(RUNS)
    agents.create("alice", "audited")
    run = agents.submit("alice", "audited", "gate")
    agents.until_status(run, "waiting_for_approval")
    agents.allow(run)
    agents.wait(run)
    key = audit(machine, "key").out.strip()
    check(bool(re.fullmatch(r"kheish/journal/[0-9a-f]{32}\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+", key)), True, key)
    check(machine.run("stat -c '%U %a' /var/lib/kheish/audit-signing.key").out, "kheish 600\n")
    machine.write("/home/bob/kept", audit(machine, "checkpoint").out)
    agents.ctl("sessions", "end", "audited")
    export = audit(machine, "export").out
    machine.write("/home/bob/export", export)
    for kind in ("run.accepted", "approval.resolved", "tool.started", "model.requested"):
        check_in(f'"type":"{kind}"', export)
    # bob has the export, the public key and the checkpoint, and nothing of kheish's.
    verify = ("verify", "/home/bob/export", "--key", key, "--checkpoint", "/home/bob/kept")
    check_in("none changed, removed or put elsewhere", audit(machine, *verify, user="bob").out)
    machine.write("/home/bob/export", export.replace('"allowed":true', '"allowed":false', 1))
    check_in("is not what it was when it was hashed", audit(machine, *verify, user="bob", code=1).out)
    audit(machine, "export", user="bob", code=4)
    agents.forget()
