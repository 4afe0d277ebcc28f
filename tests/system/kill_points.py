"""Kills of kheishd at a chosen system call, by strace(1): which there are, and which are tried.

kheishd is started through a script that, once per rule, puts strace beside it. The rule is used up by the start
that reads it, so that the kheishd that systemd starts afterwards lives.
"""

import collections
import os
import random
import re

FOLDER = "/var/lib/kheish/kill"  # kheishd's own user writes there
PROGRAM = "/usr/sbin/kheishd"
DROP_IN = "/etc/systemd/system/kheish.service.d/kill.conf"
SCRIPT = "/usr/local/libexec/kheish-under-strace"
# What commits, what writes and what talks to runners, launcher, bus, clients and the system's journal.
CALLS = ("fdatasync", "fsync", "pwrite64", "write", "writev", "sendmsg", "sendto", "read", "pread64", "recvmsg", "recvfrom")
UNIT = f"""[Service]
ExecStart=
ExecStart={SCRIPT}
NotifyAccess=all
SystemCallFilter=
LockPersonality=no
RestrictRealtime=no
"""
# -D: kheishd stays the main process. Not with --seccomp-bpf, under which strace 6.1 injects no signal.
WRAPPER = """#!/bin/sh
if [ -r FOLDER/rule ]; then
    read -r rule < FOLDER/rule
    mv FOLDER/rule FOLDER/used
    exec strace -D -f -qqq -o FOLDER/trace $rule PROGRAM
fi
exec PROGRAM
"""


def prepare(machine, program=PROGRAM):
    """kheishd, or what takes its place, can be killed from now on."""
    machine.run("install -d /usr/local/libexec /etc/systemd/system/kheish.service.d")
    machine.write(SCRIPT, WRAPPER.replace("FOLDER", FOLDER).replace("PROGRAM", program), mode=0o755)
    machine.write(DROP_IN, UNIT)
    machine.run(f"install -d -o kheish -g kheish {FOLDER}; systemctl daemon-reload; systemctl restart kheish.service")


def remove(machine):
    machine.run(f"rm -rf {DROP_IN} {SCRIPT} {FOLDER}; systemctl daemon-reload; systemctl restart kheish.service")


def restart_under(machine, rule):
    machine.write(f"{FOLDER}/rule", rule + "\n")
    machine.run(f"chown kheish {FOLDER}/rule; rm -f {FOLDER}/used {FOLDER}/trace")
    # A kheishd that dies before it is ready makes the restart fail, and comes up a little later.
    machine.run("systemctl restart kheish.service", check=False)


def count(machine):
    """How often a kheishd that was started by restart_under(COUNT) has made each call since."""
    made = collections.Counter()
    for line in machine.run(f"cat {FOLDER}/trace").out.splitlines():
        found = re.match(r"\d+\s+(\w+)\(", line)
        if found and found[1] in CALLS:
            made[found[1]] += 1
    return made


COUNT = "-e trace=" + ",".join(CALLS)


def kill_at(call, number):
    return f"-e trace={call} -e inject={call}:signal=KILL:when={number}"


def all_points(made):
    return [(call, number) for call in CALLS for number in range(1, made[call] + 1)]


def choose(points):
    """$KHEISH_KILLS of them ("all", or a number; 24 where it is not set), by $KHEISH_KILL_SEED.

    A third are commits: what comes between two of them can be done again, what a commit has said can not.
    """
    wanted = os.environ.get("KHEISH_KILLS", "24")
    if wanted == "all":
        return points
    draw = random.Random(int(os.environ.get("KHEISH_KILL_SEED", "1")))
    commits = [point for point in points if point[0] == "fdatasync"]
    others = [point for point in points if point[0] != "fdatasync"]
    third = min(int(wanted) // 3, len(commits))
    return draw.sample(commits, third) + draw.sample(others, min(int(wanted) - third, len(others)))
