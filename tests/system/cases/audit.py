"""The audit log: made of a real journal, and held by somebody else against a checkpoint that was kept."""

import base64
import json
import re

from agents import Agents, bash, turn
from harness import case, check, check_in

LAST_CHECKPOINT = (
    "journalctl -n 1 -o cat --output-fields=KHEISH_CHECKPOINT _SYSTEMD_UNIT=kheish-audit-checkpoint.service"
)
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
    listed = [line.split("  ") for line in audit(machine, "list", "--run-id", run).out.splitlines()]
    resolved = next(line for line in listed if line[2] == "approval.resolved")
    check(resolved[3:], ["user:0", run])
    check_in('"allowed":true', audit(machine, "show", resolved[0]).out)
    check(machine.run("test -e /var/lib/kheish/audit-signing.key", check=False).code, 1)
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


@case
def checkpoints_go_to_the_log_of_the_system_by_themselves(machine):
    agents = Agents(machine)
    check(machine.run("systemctl is-enabled kheish-audit-checkpoint.timer").out, "enabled\n")
    machine.run("systemd-analyze security --offline=true --threshold=15 kheish-audit-checkpoint.service")
    agents.create("alice", "before-checkpoint")
    machine.run("systemctl start kheish-audit-checkpoint.service")
    logged = machine.run(LAST_CHECKPOINT).out
    key = audit(machine, "key").out.strip()
    machine.write("/home/bob/logged", logged)
    agents.create("alice", "after-checkpoint")
    machine.write("/home/bob/export", audit(machine, "export").out)
    verify = ("verify", "/home/bob/export", "--checkpoint", "/home/bob/logged", "--key")
    audit(machine, *verify, key, user="bob")
    # A key that root keeps, encrypted or not, where its user cannot see it.
    kept = "/etc/credstore/audit-signing-key"
    machine.run(f"install -d -m 0700 /etc/credstore && mv /var/lib/kheish/audit-signing.key {kept}")
    machine.run("systemctl start kheish-audit-checkpoint.service")
    check(machine.run("test -e /var/lib/kheish/audit-signing.key", check=False).code, 1)
    signed = audit(machine, "export", "--signing-key", kept).out
    machine.write("/home/bob/export", signed)
    machine.write("/home/bob/logged", machine.run(LAST_CHECKPOINT).out)
    audit(machine, *verify, key, user="bob")
    encrypted = "/etc/credstore.encrypted/audit-signing-key"
    drop_in = "/run/systemd/system/kheish-audit-checkpoint.service.d"
    machine.run(f"install -d -m 0700 /etc/credstore.encrypted && install -d {drop_in}")
    machine.run(f"systemd-creds --with-key=host encrypt {kept} {encrypted} && mv {kept} /root/audit-signing-key")
    machine.write(f"{drop_in}/key.conf", "[Service]\nLoadCredentialEncrypted=audit-signing-key\n")
    machine.run("systemctl daemon-reload && systemctl start kheish-audit-checkpoint.service")
    machine.write("/home/bob/logged", machine.run(LAST_CHECKPOINT).out)
    audit(machine, *verify, key, user="bob")
    check(machine.run("test -e /var/lib/kheish/audit-signing.key", check=False).code, 1)
    machine.run(f"rm -r {drop_in} {encrypted}; mv /root/audit-signing-key /var/lib/kheish/audit-signing.key")
    machine.run("systemctl daemon-reload")
    agents.forget()


@case
def a_start_is_on_record_with_its_configuration(machine):
    line = "# a remark that only this case makes\n"
    machine.run("install -d /etc/kheish/kheish.toml.d")
    machine.write("/etc/kheish/kheish.toml.d/60-start.toml", line)
    machine.run("systemctl restart kheish.service")
    starts = [entry for entry in machine.run("kheishctl audit list").out.splitlines() if "daemon.started" in entry]
    check(len(starts) > 0, True)
    exported = [json.loads(line) for line in machine.run("kheishctl journal export --content").out.splitlines()]
    contents = [base64.b64decode(entry["base64"]).decode("utf-8", "replace") for entry in exported if "base64" in entry]
    check(any("a remark that only this case makes" in content for content in contents), True)
    machine.run("rm /etc/kheish/kheish.toml.d/60-start.toml; systemctl restart kheish.service")
    again = [entry for entry in machine.run("kheishctl audit list").out.splitlines() if "daemon.started" in entry]
    check(len(again), len(starts) + 1, "another start is another record")
