"""The launcher on a real service manager, with a stand-in for the runner that says what it can do inside."""

from harness import case, check, check_in

SOCKET = "/run/kheish/launcher.sock"
PROBE = "/usr/libexec/kheish/launcher-probe"
AS_DAEMON = f"setpriv --reuid=kheish --regid=kheish --clear-groups {PROBE}"
RUNS = "/kheish.slice/kheish-runs.slice"
DROP_IN = """[Service]
ExecStart=
ExecStart=/usr/libexec/kheish/kheish-launcher --runner /usr/libexec/kheish/stand-in-runner
"""


def prepare(machine):
    """The launcher with the stand-in for the runner, and a workspace for alice."""
    machine.run("install -d /usr/libexec/kheish /run/systemd/system/kheish-launcher.service.d")
    for name in ("launcher-probe", "stand-in-runner"):
        machine.run(f"install -m 0755 {machine.test_program(name)} /usr/libexec/kheish/")
    machine.write("/run/systemd/system/kheish-launcher.service.d/stand-in.conf", DROP_IN)
    machine.run("install -d -o alice /home/alice/project")
    machine.run("systemctl daemon-reload && systemctl restart kheish-launcher.socket")


def clean(machine):
    """No run left, the real runner in force."""
    machine.run("systemctl stop kheish-runs.slice kheish-launcher.service kheish-launcher.socket")
    machine.run("rm -r /run/systemd/system/kheish-launcher.service.d && systemctl daemon-reload")


def probe(machine, arguments, code=0):
    result = machine.run(f"{AS_DAEMON} {SOCKET} {arguments}", check=False)
    check(result.code, code, result.text())
    return result.out.strip()


def start(machine, run, attempt=1, user="alice", workspace="/home/alice/project", profile="default", code=0):
    uid = machine.run(f"id -u {user}").out.strip()
    return probe(machine, f"start {run} {attempt} {uid} {workspace} {profile}", code)


def inside(machine, run, script):
    """What `script` prints in the sandbox of `run`."""
    quoted = "'" + script.replace("'", "'\\''") + "'"
    result = machine.run(f"{AS_DAEMON} /run/kheish/runs/{run}.sock ask {quoted}")
    return result.out.strip()


def processes(machine, run, attempt):
    scope = f"/sys/fs/cgroup{RUNS}/kheish-runs-{run}.slice/kheish-run-{run}-{attempt}.scope"
    return machine.run(f"cat {scope}/cgroup.procs 2>/dev/null", check=False).out.split()


def check_nothing_left(machine, run):
    machine.until(
        f"nothing of run {run} is left",
        lambda: not machine.run(
            f"ls -d /sys/fs/cgroup{RUNS}/kheish-runs-{run}.slice /run/kheish/runs/{run}.sock", check=False
        ).out,
    )


@case
def the_units_are_sound(machine):
    units = "kheish-launcher.service kheish-launcher.socket kheish-runs.slice"
    checked = machine.run(f"systemd-analyze verify --man=no {units}")
    check(checked.out + checked.err, "", "systemd-analyze verify")
    machine.run("systemd-analyze security --offline=true --threshold=40 kheish-launcher.service")


@case
def a_run_gets_scope_slice_and_sandbox(machine):
    prepare(machine)
    reply = start(machine, 1)
    slice_path = f"/sys/fs/cgroup{RUNS}/kheish-runs-1.slice"
    check(reply, f"started {slice_path} /run/kheish/runs/1.sock")
    pids = processes(machine, 1, 1)
    check(len(pids), 2, "bubblewrap and its process 1")
    for pid in pids:
        line = machine.run(f"grep ^0:: /proc/{pid}/cgroup").out.strip()
        check(line, f"0::{RUNS}/kheish-runs-1.slice/kheish-run-1-1.scope")
    for name, value in (("CollectMode", "inactive-or-failed"), ("TimeoutStopUSec", "2s"), ("RuntimeMaxUSec", "1d")):
        check(machine.run(f"systemctl show -P {name} kheish-run-1-1.scope").out.strip(), value, name)
    check(machine.run("systemctl show -P TasksMax kheish-runs-1.slice").out, "512\n")
    check(machine.run("stat -c '%a %U %G' /run/kheish/runs/1.sock").out, "660 root kheish\n")
    check(probe(machine, "list"), "list run-1-1")


@case
def the_inside_is_the_users_and_small(machine):
    uid = machine.run("id -u alice").out.strip()
    check(inside(machine, 1, "id -u; pwd; hostname; echo $HOME"), f"{uid}\n/home/alice/project\nkheish\n/tmp/home\nexit 0")
    status = inside(machine, 1, "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status").split()
    check(status[1:10:2], ["0000000000000000"] * 5, "capabilities")
    check(status[10:], ["NoNewPrivs:", "1", "Seccomp:", "2", "exit", "0"])
    check(inside(machine, 1, "ls /proc | grep -c ^[0-9]; cat /proc/net/dev | grep -vc lo:").split("\n")[1], "2")
    check(inside(machine, 1, "ls /proc/self/fd | wc -l; env | sort | cut -d= -f1 | tr '\\n' ' '").split("\n")[1],
          "HOME LANG LOGNAME PATH PWD SHELL TERM TMPDIR USER exit 0")


@case
def the_inside_cannot_get_out(machine):
    machine.run("echo secret > /home/bob/secret; chmod 644 /home/bob/secret; chmod 755 /home/bob")
    for script in (
        "cat /home/bob/secret",
        "ls /run/kheish",
        "ls /var/lib",
        "ls /sys",
        "touch /usr/x",
        "touch /etc/x",
        "touch /x",
        "mkdir /home/x",
        "unshare -U true",
        "unshare -n true",
        "mount -t tmpfs none /tmp",
        "strace -o /dev/null true",
        "nsenter -t 1 -p true",
        "cat /proc/1/environ",
        "ls /proc/1/fd/",
        "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM)'",
        "python3 -c 'import socket; socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)'",
        "su -c true",
    ):
        answer = inside(machine, 1, script)
        check(answer.endswith("exit 0"), False, f"{script}: {answer}")
    check(inside(machine, 1, "kill -9 1; kill -STOP 1"), "exit 0", "process 1 does not hear its own namespace")
    check(inside(machine, 1, "touch made; ls; echo x > /tmp/y; cat /tmp/y"), "made\nx\nexit 0")
    check(machine.run("stat -c %U /home/alice/project/made").out, "alice\n")
    check(machine.run("ls /tmp/y", check=False).code != 0, True, "the sandbox's /tmp is its own")


@case
def the_run_outlives_the_launcher(machine):
    machine.run("systemctl stop kheish-launcher.service")
    check(len(processes(machine, 1, 1)), 2)
    check(inside(machine, 1, "echo alive"), "alive\nexit 0")
    check(probe(machine, "list"), "list run-1-1", "the socket started the launcher again")
    machine.run("systemctl kill -s KILL kheish-launcher.service")
    check(probe(machine, "list"), "list run-1-1")
    check(inside(machine, 1, "echo alive"), "alive\nexit 0")


@case
def the_same_attempt_is_refused_and_the_next_is_not(machine):
    check_in("has a scope already", start(machine, 1, 1, code=3))
    start(machine, 1, 2)
    check(probe(machine, "list"), "list run-1-1 run-1-2")
    check(probe(machine, "stop 1 1"), "stopped 1")
    check(inside(machine, 1, "echo second"), "second\nexit 0", "the socket is attempt 2's")


@case
def stopping_leaves_nothing(machine):
    inside(machine, 1, "setsid sleep 1000 >/dev/null 2>&1 & trap '' TERM; (sleep 1000 &) >/dev/null 2>&1")
    check(len(processes(machine, 1, 2)) > 2, True, "tools are running")
    check(probe(machine, "stop 1 0"), "stopped 1")
    check(processes(machine, 1, 2), [])
    machine.run("test -d /sys/fs/cgroup/kheish.slice/kheish-runs.slice/kheish-runs-1.slice")
    check(probe(machine, "stop 1 0 release"), "stopped 0")
    check_nothing_left(machine, 1)
    check(probe(machine, "stop 1 0 release"), "stopped 0", "stopping again is fine")


@case
def a_killed_runner_ends_everything(machine):
    start(machine, 2)
    inside(machine, 2, "(setsid sleep 1000 &) >/dev/null 2>&1")
    runner = processes(machine, 2, 1)[1]
    check_in("stand-in", machine.run(f"cat /proc/{runner}/comm").out)
    machine.run(f"kill -9 {runner}")
    machine.until("the scope is gone", lambda: processes(machine, 2, 1) == [])
    check(probe(machine, "list"), "list")
    check(probe(machine, "stop 2 1 release"), "stopped 0")
    check_nothing_left(machine, 2)


@case
def the_sweep_kills_what_nobody_answers_for(machine):
    for run in (3, 4, 5):
        start(machine, run)
    check(probe(machine, "sweep 4 1"), "swept 2 2")
    check(probe(machine, "list"), "list run-4-1")
    check_nothing_left(machine, 3)
    check(probe(machine, "sweep"), "swept 1 1")
    check(probe(machine, "sweep"), "swept 0 0")


@case
def the_sweep_releases_the_slice_of_a_run_that_is_over(machine):
    for run in (12, 13):
        start(machine, run)
        check(probe(machine, f"stop {run} 0"), "stopped 1")
    slices = "/sys/fs/cgroup/kheish.slice/kheish-runs.slice/kheish-runs-{}.slice"
    check(probe(machine, "sweep 12 0"), "swept 0 1")
    machine.run(f"test -d {slices.format(12)} && ! test -e {slices.format(13)}")
    check_nothing_left(machine, 13)
    check(probe(machine, "sweep"), "swept 0 1")
    check_nothing_left(machine, 12)


@case
def the_network_profile_has_the_hosts(machine):
    start(machine, 6, profile="network")
    script = "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM); print(1)'"
    check(inside(machine, 6, script), "1\nexit 0")
    raw = "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)'"
    check_in("Operation not permitted", inside(machine, 6, raw))
    probe(machine, "stop 6 0 release")


@case
def refused_starts_leave_nothing(machine):
    uid = machine.run("id -u alice").out.strip()
    project = "/home/alice/project"
    machine.run("ln -sfn /run/kheish /home/alice/link; install -d -m 700 /home/bob/private; chown bob /home/bob/private")
    for arguments, reason in (
        (f"start 7 1 0 {project}", "root"),
        (f"start 7 1 1 {project}", "system user"),
        (f"start 7 1 65534 {project}", "nobody"),
        (f"start 7 1 54321 {project}", "no such user"),
        (f"start 7 1 {uid} /home/bob/private", "Permission denied"),
        (f"start 7 1 {uid} /home/alice/none", "No such file"),
        (f"start 7 1 {uid} /home/alice/.profile", "Not a directory"),
        (f"start 7 1 {uid} /home/alice/link", "kheish"),
        (f"start 7 1 {uid} /run/kheish", "belongs to kheish"),
        (f"start 7 1 {uid} /", "file tree"),
        (f"start 7 1 {uid} /home/alice/../bob", "plain path"),
        (f"start 7 1 {uid} relative", "absolute"),
        (f"start 7 1 {uid} {project} nosuch", "nosuch"),
        (f"start 7 1 {uid} {project} ../x", "profile name"),
        ("raw nonsense", "protocol"),
    ):
        check_in(reason, probe(machine, arguments, code=3))
        check_nothing_left(machine, 7)
    service = machine.run("id -u kheish").out.strip()
    check_in("daemon's own", probe(machine, f"start 7 1 {service} {project}", code=3))
    start(machine, 7, user="kheish-agent", workspace="/srv", code=0)
    probe(machine, "stop 7 0 release")


@case
def a_sandbox_that_cannot_start_is_named(machine):
    machine.run("mv /usr/libexec/kheish/stand-in-runner /usr/libexec/kheish/away")
    check_in("stand-in-runner", start(machine, 8, code=3))
    machine.run("install -m 0755 /bin/false /usr/libexec/kheish/stand-in-runner")
    check_in("sandbox", start(machine, 8, code=3))
    check_nothing_left(machine, 8)
    machine.run("mv /usr/libexec/kheish/away /usr/libexec/kheish/stand-in-runner")
    start(machine, 8)
    probe(machine, "stop 8 0 release")
    check_nothing_left(machine, 8)


@case
def others_are_not_served(machine):
    refused = machine.run_as("alice", f"{PROBE} {SOCKET} list", check=False)
    check_in("Permission denied", refused.err)
    as_root = machine.run(f"{PROBE} {SOCKET} list", check=False)
    check(as_root.code != 0, True, "root's own connection is not the daemon's")
    check(probe(machine, "list"), "list")


@case
def stopping_the_slice_ends_all_runs(machine):
    for run in (9, 10):
        start(machine, run)
    machine.run("systemctl stop kheish-runs.slice")
    check(processes(machine, 9, 1) + processes(machine, 10, 1), [])
    start(machine, 11)
    check(probe(machine, "sweep"), "swept 1 1")
    clean(machine)


@case
def the_real_runner_gets_ready(machine):
    machine.run("systemctl start kheish-launcher.socket")
    start(machine, 12)
    runner = processes(machine, 12, 1)[1]
    check(machine.run(f"cat /proc/{runner}/comm").out, "kheish-runner\n")
    refused = machine.run_as("alice", f"cat /proc/{runner}/environ", check=False)
    check_in("Permission denied", refused.err, "the runner is not dumpable")
    check(probe(machine, "stop 12 0 release"), "stopped 1")
    check_nothing_left(machine, 12)
    machine.run("systemctl stop kheish-launcher.service kheish-runs.slice")
