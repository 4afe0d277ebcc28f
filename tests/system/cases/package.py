"""The Debian package on a running system: installed, configured, upgraded, removed, purged."""

import os
import re

from agents import Agents, slow_bash, turn
from harness import case, check, check_in

CLIENT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "busy_client.py")
CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
UNITS = (
    "kheish.service kheish.socket kheish-launcher.service kheish-launcher.socket kheish-runs.slice"
    " kheish-audit-checkpoint.service kheish-audit-checkpoint.timer"
)
IDLE_LIMIT_KIB = 20 * 1024
RUNS = {
    "sleep": [turn("I sleep.", slow_bash("sleeper")), turn("It said: {{result 'sleeper'}}")],
    "": [turn("Hello.")],
}
APT = "DEBIAN_FRONTEND=noninteractive apt-get -q -y"


def install(machine, name="kheish"):
    if machine.run("dpkg-query -W -f '${Status}' kheish", check=False).out != "install ok installed" or name != "kheish":
        machine.run(f"{APT} install /opt/{name}.deb", timeout=120)


def processes(machine):
    """Of kheish, and of its users."""
    found = machine.run("ps -eo user:20,comm,args --no-headers", check=False).out.splitlines()
    return [line for line in found if re.match(r"kheish", line) or re.search(r"\skheish(d|-\w+)?\s", line)]


@case(machine="bare")
def it_installs_and_is_up_at_once(machine):
    check(processes(machine), [])
    install(machine)
    check(machine.run("systemctl is-active kheish.service kheish.socket kheish-launcher.socket").out, "active\n" * 3)
    check(machine.run("systemctl is-enabled kheish.service kheish.socket kheish-launcher.socket").out, "enabled\n" * 3)
    check_in("is ready", machine.run_as("alice", "kheishctl status").out)
    for page in ("1 kheishctl", "5 kheish.toml", "5 kheish-scenario", "7 kheish-durability", "8 kheishd", "8 kheish-launcher"):
        section, name = page.split()
        machine.run(f"gzip -t /usr/share/man/man{section}/{name}.{section}.gz")


@case(machine="bare")
def lintian_finds_no_error(machine):
    install(machine)
    found = machine.run("lintian --allow-root --fail-on error --suppress-tags bad-distribution-in-changes-file /opt/kheish.deb", timeout=100)
    check("E: " in found.out, False, found.out)


@case(machine="bare")
def its_units_are_sound(machine):
    install(machine)
    checked = machine.run(f"systemd-analyze verify {UNITS}")
    check(checked.out + checked.err, "", "systemd-analyze verify")
    # In tenths: at most 1.5 and 4.0.
    for unit, threshold in (("kheish.service", 15), ("kheish-launcher.service", 40)):
        judged = machine.run(f"systemd-analyze security --threshold={threshold} {unit}")
        print(judged.out.strip().splitlines()[-1].strip())


@case(machine="bare")
def it_is_small_when_idle(machine):
    install(machine)
    machine.run("systemctl restart kheish.service && kheishctl status")
    pid = machine.run("systemctl show -P MainPID kheish.service").out.strip()
    resident = int(machine.run(f"grep VmRSS /proc/{pid}/status").out.split()[1])
    print(f"kheishd has {resident} KiB resident when idle")
    check(resident < IDLE_LIMIT_KIB, True, f"{resident} KiB resident")


@case(machine="bare")
def a_drop_in_by_systemctl_edit_is_honoured(machine):
    install(machine)
    machine.write("/opt/edit", '#!/bin/sh\nprintf "[Service]\\nEnvironment=KHEISH_LOG=debug\\nMemoryMax=512M\\n" >"$1"\n', 0o755)
    # Without a terminal systemctl does not start an editor.
    machine.run("SYSTEMD_EDITOR=/opt/edit script -qec 'systemctl edit kheish.service' /dev/null")
    machine.run("systemctl restart kheish.service")
    check_in("KHEISH_LOG=debug", machine.run("systemctl show -P Environment kheish.service").out)
    check(machine.run("systemctl show -P MemoryMax kheish.service").out, f"{512 << 20}\n")
    pid = machine.run("systemctl show -P MainPID kheish.service").out.strip()
    check_in("KHEISH_LOG=debug", machine.run(f"cat /proc/{pid}/environ").out)
    machine.run("systemctl revert kheish.service && systemctl restart kheish.service")


@case(machine="bare")
def the_log_has_fields_and_a_catalog(machine):
    install(machine)
    agents = Agents(machine)
    agents.configure(RUNS)
    agents.create("alice", "logged")
    run = agents.submit("alice", "logged", "x")
    agents.wait(run)
    shown = machine.run(f"journalctl --output=verbose --no-pager KHEISH_RUN_ID={run}").out
    for field in ("MESSAGE=run started", "MESSAGE=run ended", "KHEISH_SESSION_ID=logged", "MESSAGE_ID=", "_SYSTEMD_UNIT=kheish.service"):
        check_in(field, shown)
    explained = machine.run(f"journalctl --catalog --no-pager KHEISH_RUN_ID={run}").out
    check_in("Subject: Run ", explained)
    # Every message id of the source has its entry.
    with open(os.path.join(CHECKOUT, "daemon", "base", "log.hpp"), encoding="utf-8") as file:
        ids = re.findall(r'"([0-9a-f]{32})"', file.read())
    check(len(ids) >= 9, True, "ids of messages")
    for message in ids:
        check_in("Subject: ", machine.run(f"journalctl --dump-catalog {message}").out)


@case(machine="bare", timeout=300)
def an_upgrade_refuses_no_connection_and_kills_no_run(machine):
    install(machine)
    agents = Agents(machine)
    agents.configure(RUNS, allowed=("bash",))
    agents.create("alice", "upgraded")
    run = agents.submit("alice", "upgraded", "sleep")
    agents.until_executed("alice", "upgraded", "sleeper")
    before, old_pid = agents.processes(run), agents.main_pid()
    clients = [machine.start(["/usr/bin/python3", CLIENT, kind, "/opt/stop"], user="alice") for kind in ("http", "bus")]
    install(machine, "kheish-next")
    check(machine.run("dpkg-query -W -f '${Version}' kheish").out, "9.9.9")
    check(agents.main_pid() not in ("0", old_pid), True, "kheishd was restarted")
    machine.run("touch /opt/stop")
    for kind, client in zip(("http", "bus"), clients, strict=True):
        out, err = client.communicate(timeout=90)
        answered, *wrong = out.decode().splitlines()
        check((wrong, err), ([], b""), f"what went wrong over {kind}")
        check(int(answered) > 10, True, f"{answered} answers over {kind}")
        print(f"{answered} requests over {kind}, none refused")
    check(agents.processes(run), before, "processes of the run")
    agents.release("alice", "upgraded", "sleeper")
    agents.wait(run)
    check(agents.executed("alice", "upgraded", "sleeper"), 1, "how often the command was executed")
    machine.run("rm /opt/stop")


@case(machine="bare", timeout=300)
def removal_ends_everything_and_keeps_what_is_yours(machine):
    install(machine)
    agents = Agents(machine)
    agents.configure(RUNS, allowed=("bash",))
    agents.create("alice", "removed")
    run = agents.submit("alice", "removed", "sleep")
    agents.until_executed("alice", "removed", "sleeper")
    machine.run(f"{APT} remove kheish", timeout=120)
    check(processes(machine), [], "processes after the removal")
    check(agents.processes(run), [], "processes of the run")
    check(machine.run("ls /run/kheish/*.sock /run/kheish/runs/*", check=False).out, "", "sockets")
    left = machine.run("systemctl list-units --no-legend --plain 'kheish*'", check=False).out
    check(left, "", "units")
    machine.run("test -s /var/lib/kheish/journal.db && test -s /etc/kheish/routes.toml")
    # Installed again, it finds its runs again: this one was ended in the middle of a command.
    install(machine)
    agents.until_status(run, "waiting_for_approval")
    agents.ctl("approvals", "deny", agents.pending(run)[0]["id"])
    agents.wait(run)


@case(machine="bare", timeout=300)
def purge_leaves_no_process_and_no_journal(machine):
    install(machine)
    machine.run(f"{APT} purge kheish", timeout=120)
    check(processes(machine), [], "processes after the purge")
    left = machine.run("ls -d /var/lib/kheish /var/lib/kheish-workspaces /run/kheish", check=False).out
    check(left, "", "folders")
    # What people have written stays; caches are their owners', and /var/tmp shows what others build beside this.
    kept = "-path /etc/kheish -o -path /var/cache -o -path /var/tmp"
    found = machine.run(f"find /etc /usr /var /run -xdev \\( {kept} \\) -prune -o -name '*kheish*' -print", check=False)
    check(found.out, "", "files")
    check_in("could not be found", machine.run("systemctl status kheish.service", check=False).err)
