"""The real runner in the real sandbox, under the launcher: tools, their isolation, and who survives whom."""

import shlex

from harness import case, check, check_in

LAUNCHER = "/usr/libexec/kheish/launcher-probe /run/kheish/launcher.sock"
PROBE = "/usr/libexec/kheish/runner-probe"
AS_DAEMON = "setpriv --reuid=kheish --regid=kheish --clear-groups"
RUN = 41
SCOPE = f"/sys/fs/cgroup/kheish.slice/kheish-runs.slice/kheish-runs-{RUN}.slice/kheish-run-{RUN}-1.scope"


def prepare(machine):
    for name in ("launcher-probe", "runner-probe"):
        machine.run(f"install -D -m 0755 {machine.test_program(name)} /usr/libexec/kheish/{name}")
    machine.run("systemctl daemon-reload && systemctl restart kheish-launcher.socket")


def launch(machine):
    machine.run("rm -rf /home/alice/tools && install -d -o alice /home/alice/tools")
    uid = machine.run("id -u alice").out.strip()
    machine.run(f"{AS_DAEMON} {LAUNCHER} start {RUN} 1 {uid} /home/alice/tools default")


def release(machine):
    machine.run(f"{AS_DAEMON} {LAUNCHER} stop {RUN} 0 release")


def probe(machine, *words, check_exit=True):
    line = " ".join(shlex.quote(word) for word in words)
    return machine.run(f"{AS_DAEMON} {PROBE} {RUN} {line}", check=check_exit).out


def bash(machine, call, script):
    return probe(machine, "bash", call, script)


def processes(machine):
    return machine.run(f"cat {SCOPE}/cgroup.procs 2>/dev/null", check=False).out.split()


@case
def tools_work_in_the_workspace(machine):
    prepare(machine)
    launch(machine)
    check(bash(machine, "a", "id -un; pwd; echo $HOME"), "alice\n/home/alice/tools\n/tmp/home\nok\n")
    check_in("wrote 3 bytes to f", probe(machine, "tool", "b", "write_file", '{"path":"f","content":"hi\\n"}'))
    check(machine.run("stat -c %U /home/alice/tools/f").out, "alice\n")
    check(probe(machine, "tool", "c", "read_file", '{"path":"f"}'), "hi\nok\n")
    check(probe(machine, "tool", "d", "list_files", "{}"), "f\nok\n")
    check(probe(machine, "tool", "e", "grep_search", '{"pattern":"h."}'), "f:1:hi\nok\n")
    check_in("leads out", bash(machine, "g", "ln -s /etc/passwd out") +
             probe(machine, "tool", "h", "read_file", '{"path":"out"}'))
    check(probe(machine, "known"), "running finished\n")


@case
def a_tool_sees_only_its_own_call(machine):
    check(bash(machine, "p1", "echo /proc/[0-9]*; cat /proc/1/comm"), "/proc/1 /proc/2\nkheish-runner\nok\n")
    # Its own process 1 is the runner's, non-dumpable: neither its memory nor its descriptors open.
    for call, script in enumerate(
        (
            "cat /proc/1/environ",
            "cat /proc/1/mem",
            "ls /proc/1/fd/",
            "unshare -U true",
            "unshare -m true",
            "mount -t tmpfs none /tmp",
            "nsenter -t 1 -p true",
            "ls /run/kheish",
            "ls /sys",
            "ls /home/bob",
            "touch /etc/x",
            "touch /home/alice/x",
        )
    ):
        check(bash(machine, f"p2-{call}", script).endswith("failed\n"), True, script)
    status = bash(machine, "p3", "grep -E '^(Cap(Eff|Prm|Bnd|Amb)|NoNewPrivs|Seccomp):' /proc/self/status")
    check_in("CapEff:\t0000000000000000", status)
    check_in("CapPrm:\t0000000000000000", status)
    check_in("NoNewPrivs:\t1\nSeccomp:\t2", status)


@case
def a_tool_cannot_end_its_runner_or_its_neighbours(machine):
    probe(machine, "start", "neighbour", "until [ -e go ]; do sleep 0.05; done; echo unharmed")
    machine.until("the neighbour runs", lambda: "neighbour" in probe(machine, "known"))
    bash(machine, "k1", "kill -9 -1; kill -9 1; kill -STOP 1; kill -TERM 1")
    bash(machine, "k2", "for i in $(seq 2 60); do kill -9 $i; done 2>/dev/null; true")
    bash(machine, "go", "touch go")
    check(probe(machine, "wait", "neighbour"), "unharmed\nok\n")
    check(bash(machine, "k3", "echo alive"), "alive\nok\n")


@case
def nothing_survives_its_call(machine):
    before = len(processes(machine))
    probe(machine, "start", "tree", "setsid sleep 1000 & (setsid sleep 1000 &) ; touch tree; trap '' TERM; sleep 1000")
    machine.until("the tree stands", lambda: machine.run("test -e /home/alice/tools/tree", check=False).code == 0)
    check(len(processes(machine)) > before + 3, True, "the tree is in the scope")
    check_in("cancelled\n", probe(machine, "cancel", "tree"))
    machine.until("the tree is gone", lambda: len(processes(machine)) == before)
    check(bash(machine, "bg", "setsid sleep 1000 & echo done"), "done\nok\n")
    machine.until("the background process is gone", lambda: len(processes(machine)) == before)


@case
def a_call_outlives_every_connection_and_the_launcher(machine):
    probe(machine, "start", "long", "echo x >> count; until [ -e end ]; do sleep 0.05; done; echo finished")
    machine.until("it has begun", lambda: machine.run("cat /home/alice/tools/count", check=False).out == "x\n")
    machine.run("systemctl kill -s KILL kheish-launcher.service", check=False)
    check(probe(machine, "known"), "running long finished\n")
    probe(machine, "start", "long", "echo x >> count")
    machine.run("touch /home/alice/tools/end")
    machine.until("it has ended", lambda: "finished long" in probe(machine, "known"))
    check(probe(machine, "wait", "long"), "finished\nok\n")
    check(machine.run("cat /home/alice/tools/count").out, "x\n")
    check(probe(machine, "known"), "running finished\n")


@case
def a_killed_runner_takes_everything_along(machine):
    probe(machine, "start", "doomed", "setsid sleep 1000 & touch doomed; sleep 1000")
    machine.until("it runs", lambda: machine.run("test -e /home/alice/tools/doomed", check=False).code == 0)
    runner = min(
        (pid for pid in processes(machine) if "kheish-runner" in machine.run(f"cat /proc/{pid}/comm", check=False).out),
        key=int,
    )
    machine.run(f"kill -9 {runner}")
    machine.until("no process is left", lambda: processes(machine) == [])
    check(probe(machine, "known", check_exit=False), "")
    release(machine)


@case
def others_cannot_reach_a_runner(machine):
    launch(machine)
    refused = machine.run_as("alice", f"{PROBE} {RUN} known", check=False)
    check_in("Permission denied", refused.err)
    release(machine)
