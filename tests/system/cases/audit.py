"""The audit log: made of a real journal, and held by somebody else against a checkpoint that was kept."""

import base64
import json
import re

from agents import Agents, bash, turn
from harness import case, check, check_in

UNIT = "kheish-audit-checkpoint.service"
LAST = f"journalctl -n 1 -o cat _SYSTEMD_UNIT={UNIT} --output-fields="
LAST_CHECKPOINT = f"{LAST}KHEISH_CHECKPOINT"
CREDENTIAL = "/etc/credstore/audit-signing-key"
ENCRYPTED = "/etc/credstore.encrypted/audit-signing-key"
DROP_IN = f"/run/systemd/system/{UNIT}.d"
KEY_FILE = "/var/lib/kheish/audit-signing.key"
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
    check(machine.run(f"test -e {KEY_FILE}", check=False).code, 1)
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
    machine.run(f"install -d -m 0700 /etc/credstore && mv {KEY_FILE} {CREDENTIAL}")
    machine.run("systemctl start kheish-audit-checkpoint.service")
    check(machine.run(f"test -e {KEY_FILE}", check=False).code, 1)
    signed = audit(machine, "export", "--signing-key", CREDENTIAL).out
    machine.write("/home/bob/export", signed)
    machine.write("/home/bob/logged", machine.run(LAST_CHECKPOINT).out)
    audit(machine, *verify, key, user="bob")
    encrypt(machine, CREDENTIAL)
    machine.run(f"mv {CREDENTIAL} /root/audit-signing-key; systemctl start {UNIT}")
    machine.write("/home/bob/logged", machine.run(LAST_CHECKPOINT).out)
    audit(machine, *verify, key, user="bob")
    check(machine.run(f"test -e {KEY_FILE}", check=False).code, 1)
    machine.run(f"rm -r {DROP_IN} {ENCRYPTED}; mv /root/audit-signing-key {KEY_FILE}")
    machine.run("systemctl daemon-reload")
    agents.forget()


def encrypt(machine, key):
    """The timer's service has that key from now on, encrypted."""
    machine.run(f"install -d -m 0700 /etc/credstore.encrypted && install -d {DROP_IN}")
    machine.run(f"systemd-creds --with-key=host --name=audit-signing-key encrypt {key} {ENCRYPTED}")
    machine.write(f"{DROP_IN}/key.conf", "[Service]\nLoadCredentialEncrypted=audit-signing-key\n")
    machine.run("systemctl daemon-reload")


def expect_verified(machine, known, *signing):
    """bob, who has nothing but `known` and the checkpoint of its time, is led to the key that signs now."""
    machine.write("/home/bob/export", audit(machine, "export", *signing).out)
    newest = audit(machine, "key", *signing).out.strip()
    told = audit(machine, "verify", "/home/bob/export", "--key", known, "--checkpoint", "/home/bob/kept", user="bob").out
    check_in("none changed, removed or put elsewhere", told)
    check_in(f"the key has been handed over since; now it is {newest}\n", told)
    audit(machine, "verify", "/home/bob/export", "--key", newest, user="bob")
    return newest


@case
def a_key_that_was_remembered_verifies_what_came_after_its_change(machine):
    agents = Agents(machine)
    agents.create("alice", "before-change")
    machine.write("/home/bob/kept", audit(machine, "checkpoint").out)
    known = audit(machine, "key").out.strip()
    agents.create("alice", "after-change")
    epoch, record, second, how = audit(machine, "rotate-key").out.strip().split("  ", 3)
    check(how, "handed over by the former key")
    check_in("session.created", audit(machine, "show", str(int(record) - 1)).out, "the last one before it")
    check(second == known, False, "the same key again")
    check(audit(machine, "key").out.strip(), second)
    for name in ("audit-signing.key", "audit-key-epochs"):
        check(machine.run(["stat", "-c", "%U %a", f"/var/lib/kheish/{name}"]).out, "kheish 600\n")
    check(expect_verified(machine, known), second)
    # The log of the system has the note of the epoch, which is a checkpoint, too.
    machine.run(f"systemctl start {UNIT}")
    check_in(f"\nkey-epoch {epoch} {second}\nformer-epoch ", machine.run(f"{LAST}KHEISH_AUDIT_EPOCH").out)
    machine.write("/home/bob/epoch", machine.run(f"{LAST}KHEISH_AUDIT_EPOCH").out)
    audit(machine, "verify", "/home/bob/export", "--key", known, "--checkpoint", "/home/bob/epoch", user="bob")

    # From the file to a credential, and from that to one that is encrypted.
    machine.run(f"install -d -m 0700 /etc/credstore; umask 077; kheishctl audit generate-key > {CREDENTIAL}")
    audit(machine, "rotate-key", "--next-signing-key", CREDENTIAL)
    machine.run(f"systemctl start {UNIT}")
    refused = audit(machine, "export", code=6)
    check_in("has handed over to others", refused.err)
    third = expect_verified(machine, known, "--signing-key", CREDENTIAL)
    machine.run("umask 077; kheishctl audit generate-key > /root/next")
    audit(machine, "rotate-key", "--signing-key", CREDENTIAL, code=2)
    audit(machine, "rotate-key", "--signing-key", CREDENTIAL, "--next-signing-key", "/root/next")
    # Somebody has forgotten to put it in the place of the former.
    check(machine.run(f"systemctl start {UNIT}", check=False).code, 1)
    check_in("has handed over to others", machine.run(f"journalctl -n 20 -u {UNIT} -o cat").out)
    machine.run(f"rm {CREDENTIAL}")
    encrypt(machine, "/root/next")
    machine.run(f"systemctl start {UNIT}")
    fourth = expect_verified(machine, known, "--signing-key", "/root/next")
    epochs = [json.loads(line) for line in audit(machine, "epochs", "--output", "json").out.splitlines()]
    check([one["key"] for one in epochs], [known, second, third, fourth])
    check([one["handed_over"] for one in epochs], [False, True, True, True])
    check([one["epoch"] for one in epochs], [1, 2, 3, 4])

    # The key is lost: nothing goes on by itself, and who has remembered one is told.
    machine.run(f"rm -rf {DROP_IN} {ENCRYPTED} /root/next {KEY_FILE}; systemctl daemon-reload")
    check_in("which is not in the state directory", audit(machine, "export", code=5).err)
    audit(machine, "rotate-key", code=6)
    _, record, last, how = audit(machine, "rotate-key", "--lost").out.strip().split("  ", 3)
    check(how, "without the signature of the former key")
    machine.write("/home/bob/export", audit(machine, "export").out)
    told = audit(machine, "verify", "/home/bob/export", "--key", known, user="bob", code=1).out
    check_in(f"the key changed at record {record} without the signature of the former", told)
    audit(machine, "verify", "/home/bob/export", "--key", last, "--checkpoint", "/home/bob/kept", user="bob")
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
