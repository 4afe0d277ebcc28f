"""What a run's tools can reach on a host where kheishd serves it, and what happens when its runner dies.

cases/runner.py and cases/launcher.py take the sandbox apart piece by piece; here it is seen from the inside
of an ordinary run, as it was configured by the package.
"""

import shlex

from agents import Agents, bash, slow_bash, turn
from harness import case, check, check_in

# Each line is one attempt: its name, and a command that must fail inside.
ATTEMPTS = (
    ("the control socket", "ls /run/kheish"),
    ("a connection to it", "curl -sS --unix-socket /run/kheish/http.sock http://kheish/healthz"),
    ("a connection to the launcher", "test -e /run/kheish/launcher.sock"),
    ("its own runner's socket", "ls /run/kheish/runs"),
    ("the system bus", "busctl list"),
    ("kheishctl", "kheishctl status"),
    ("the journal", "ls /var/lib/kheish"),
    ("bob's files", "cat /home/bob/readable"),
    ("alice's other files", "cat /home/alice/private"),
    ("the credential store", "ls /etc/credstore"),
    ("the configuration of routes", "cat /etc/credstore/anthropic-api-key"),
    ("other processes", "test $(ls /proc | grep -c '^[0-9]') -gt 8"),
    ("the network", "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 4711), 2)'"),
    ("a name of the network", "getent hosts example.org"),
    ("packets", "ping -c 1 127.0.0.1"),
    ("a key in the environment", "env | grep -i key"),
    ("the daemon's environment", "env | grep -E 'STATE_DIRECTORY|CREDENTIALS_DIRECTORY|LISTEN_|NOTIFY_SOCKET|JOURNAL_STREAM'"),
    ("the runner's environment", "cat /proc/1/environ"),
    ("the runner's memory", "cat /proc/1/mem"),
    ("the runner's descriptors", "ls /proc/1/fd/"),
    ("tracing", "strace -p 1"),
    ("root", "sudo -n true"),
    ("setuid programs", "su -c true"),
    ("new namespaces", "unshare -Ur true"),
    ("the kernel's log", "dmesg"),
    ("its own limits", "mkdir /sys/fs/cgroup/x"),
)
SCRIPT = "".join(
    f"({command}) >/dev/null 2>&1 && echo {shlex.quote('REACHED: ' + name)}\n" for name, command in ATTEMPTS
)
RUNS = {
    "try all": [
        turn("I try.", bash("try", SCRIPT + "echo tried; id -un; kill -9 -1; kill -9 1; echo still here")),
        turn("{{result 'try'}}"),
    ],
    "sleep": [turn("I sleep.", slow_bash("sleeper")), turn("It said: {{result 'sleeper'}}")],
}


@case
def a_tool_of_an_ordinary_run_reaches_nothing_of_ours(machine):
    agents = Agents(machine)
    machine.run("install -d -m 700 /etc/credstore && install -m 600 /dev/stdin /etc/credstore/anthropic-api-key", data="sk-secret")
    machine.run("echo readable > /home/bob/readable; chmod 644 /home/bob/readable; chmod 755 /home/bob")
    machine.run_as("alice", "echo private > private")
    agents.configure(RUNS, allowed=("bash",))
    agents.create("alice", "tries")
    run = agents.submit("alice", "tries", "try all")
    agents.wait(run)
    answer = agents.answer(run)
    check("REACHED" in answer, False, answer)
    check_in("tried\nalice\n", answer)
    check_in("still here", answer)
    machine.run("rm -r /etc/credstore; chmod 700 /home/bob; rm /home/bob/readable /home/alice/private")


@case
def the_same_attempts_succeed_outside(machine):
    """Else the case before this one would prove nothing: a sample of what is there to be reached."""
    for command in ("ls /run/kheish", "kheishctl status", "busctl list", "unshare -Ur true", "mkdir -p .x"):
        machine.run_as("alice", command)


@case
def no_secret_of_the_daemon_is_in_the_record(machine):
    agents = Agents(machine)
    machine.run("install -d -m 700 /etc/credstore && install -m 600 /dev/stdin /etc/credstore/anthropic-api-key", data="sk-very-secret")
    agents.configure(RUNS, allowed=("bash",))
    agents.create("alice", "silent")
    agents.wait(agents.submit("alice", "silent", "try all"))
    found = machine.run("grep -rl sk-very-secret /var/lib/kheish /var/lib/kheish-workspaces /home/alice", check=False)
    check(found.out, "", "files with the key")
    check("sk-very-secret" in machine.run("journalctl --boot --output=verbose --no-pager").out, False, "the log has the key")
    machine.run("rm -r /etc/credstore")


@case
def a_killed_runner_is_reported_and_leaves_no_process(machine):
    agents = Agents(machine)
    agents.configure(RUNS, allowed=("bash",))
    agents.create("alice", "robbed")
    run = agents.submit("alice", "robbed", "sleep")
    agents.until_executed("alice", "robbed", "sleeper")
    runner = [pid for pid in agents.processes(run) if machine.run(["cat", f"/proc/{pid}/comm"]).out == "kheish-runner\n"]
    # The first process of the sandbox takes the others with it, maybe before they are killed themselves.
    machine.run(["kill", "-9", *runner], check=False)
    # bash may have done something: somebody has to say whether it is to run again.
    agents.until_status(run, "waiting_for_approval")
    machine.until("no process of the run is left", lambda: not agents.processes(run))
    ended = [event for event in agents.events(run) if event["type"] == "scope_ended"]
    check([event["lost"] for event in ended], [True], "the end of its scope is on record as a loss")
    machine.wait_for_journal("runner of a run is gone")
    agents.ctl("approvals", "deny", agents.pending(run)[0]["id"], "--reason", "it was killed")
    agents.wait(run)
    check_in("it was killed", agents.answer(run))
    check(agents.executed("alice", "robbed", "sleeper"), 1, "how often it was executed")


@case
def a_cancelled_run_leaves_no_process(machine):
    agents = Agents(machine)
    agents.create("alice", "stopped")
    run = agents.submit("alice", "stopped", "sleep")
    agents.until_executed("alice", "stopped", "sleeper")
    check(len(agents.processes(run)) > 1, True, "there is something to end")
    agents.ctl("runs", "cancel", run, "--reason", "enough", user="alice")
    check(agents.wait(run, code=6)["status"], "cancelled")
    machine.until("no process of the run is left", lambda: not agents.processes(run))
    agents.forget()
