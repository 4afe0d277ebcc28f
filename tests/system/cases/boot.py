"""The test bed itself: what the other cases take for granted."""

import os

from harness import case, check, check_in


@case
def the_services_are_up(machine):
    for unit in ("dbus.service", "systemd-logind.service", "systemd-journald.service"):
        check(machine.run(f"systemctl is-active {unit}").out, "active\n", unit)
    check(machine.run("systemctl is-system-running").out, "running\n")


@case
def polkit_answers_on_the_bus(machine):
    machine.run(
        "busctl call org.freedesktop.PolicyKit1 /org/freedesktop/PolicyKit1/Authority"
        " org.freedesktop.PolicyKit1.Authority EnumerateActions s C"
    )
    check(machine.run("systemctl is-active polkit.service").out, "active\n")


@case
def users_are_ordinary(machine):
    check(machine.run_as("alice", "id -un; echo $HOME; pwd").out, "alice\n/home/alice\n/home/alice\n")
    refused = machine.run_as("alice", "cat /home/bob/.profile", check=False)
    check(refused.code, 1, "alice reads bob's file")
    check_in("Permission denied", refused.err)


@case
def a_session_is_known_to_logind(machine):
    session = machine.run_in_session("alice", "echo $XDG_SESSION_ID $XDG_RUNTIME_DIR").out.split()
    uid = machine.run("id -u alice").out.strip()
    check(session[1], f"/run/user/{uid}")
    check(session[0].isalnum(), True, "a session id")


@case
def the_network_is_loopback_only(machine):
    links = machine.run("ls /sys/class/net").out.split()
    check(links, ["lo"])


@case
def an_unprivileged_sandbox_works(machine):
    inside = machine.run_as(
        "alice",
        "bwrap --unshare-all --die-with-parent --ro-bind / / --proc /proc --dev /dev --tmpfs /tmp"
        " sh -c 'id -u; ls /proc | grep -c ^[0-9]; touch /home/alice/x'",
        check=False,
    )
    uid = machine.run("id -u alice").out.strip()
    lines = inside.out.split()
    check(lines[0], uid)
    check(int(lines[1]) < 10, True, "few processes are visible")
    check_in("Read-only file system", inside.err)


@case
def a_scope_and_its_cgroup_go_with_its_last_process(machine):
    shown = machine.run("systemd-run --quiet --scope --unit=probe.scope cat /proc/self/cgroup").out
    path = shown.strip().partition("::")[2]
    check(os.path.basename(path), "probe.scope")

    def is_gone():
        return machine.run(f"test -e /sys/fs/cgroup{path}", check=False).code == 1

    machine.until("the cgroup is gone", is_gone)
    check(machine.run("systemctl is-active probe.scope", check=False).out, "inactive\n")


@case
def a_reboot_keeps_the_overlay(machine):
    machine.write("/root/marker", "still here")
    before = machine.run("cat /proc/sys/kernel/random/boot_id /etc/machine-id").out.split()
    machine.reboot()
    after = machine.run("cat /proc/sys/kernel/random/boot_id /etc/machine-id").out.split()
    check(before[0] != after[0], True, "another boot id")
    check(before[1], after[1], "machine id")
    check(machine.run("cat /root/marker; rm /root/marker").out, "still here")


@case
def a_killed_machine_boots_again(machine):
    machine.write("/root/marker", "still here")
    machine.kill()
    check(machine.alive(), False)
    machine.boot()
    check(machine.run("cat /root/marker; rm /root/marker").out, "still here")
