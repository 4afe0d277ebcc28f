#!/usr/bin/python3
"""Runs a command as a throw-away user. Usage (as root): unprivileged.py CHECKOUT SCRATCH -- COMMAND...

As root no test would ever see EACCES. The user has no groups and no capabilities, and exists in private
mount and process namespaces only: /etc/passwd knows it there, CHECKOUT can be reached even below a home
folder that is closed to others, and no process outlives the command. SCRATCH becomes its HOME and TMPDIR.
"""

import os
import signal
import subprocess
import sys

UID = 61999
NAME = "kheish-test"


def own_namespaces(arguments):
    """Runs this script again as PID 1 of its own mount and process namespaces; never returns."""
    inside = [sys.executable, os.path.abspath(__file__), "--inside", *arguments]
    options = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    os.execvp("unshare", ["unshare", *options, "--", *inside])


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def add_user(scratch):
    """Makes the user known to getpwuid() in this mount namespace."""
    for name, line in [
        ("passwd", f"{NAME}:x:{UID}:{UID}::{scratch}:/bin/sh\n"),
        ("group", f"{NAME}:x:{UID}:\n"),
    ]:
        with open(f"/etc/{name}", encoding="utf-8") as file:
            lines = file.read()
        copy = os.path.join(scratch, f".{name}")
        with open(copy, "w", encoding="utf-8") as file:
            file.write(lines + line)
        os.chmod(copy, 0o644)
        mount("--bind", copy, f"/etc/{name}")


def open_path(checkout, scratch):
    """Replaces the first folder above the checkout that others may not enter by one that holds only it."""
    folder = "/"
    for part in checkout.strip("/").split("/")[:-1]:
        folder = os.path.join(folder, part)
        if not os.stat(folder).st_mode & 0o001:
            kept = os.path.join(scratch, ".checkout")
            os.mkdir(kept)
            mount("--bind", checkout, kept)
            mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", folder)
            os.makedirs(checkout)
            mount("--move", kept, checkout)
            return


def become_user(scratch):
    os.setgroups([])
    os.setresgid(UID, UID, UID)
    os.setresuid(UID, UID, UID)
    os.umask(0o022)
    runtime = os.path.join(scratch, "run")
    os.makedirs(runtime, mode=0o700, exist_ok=True)
    os.environ.update(
        HOME=scratch, TMPDIR=scratch, USER=NAME, LOGNAME=NAME, XDG_RUNTIME_DIR=runtime
    )
    for name in ("SUDO_USER", "SUDO_UID", "SUDO_GID", "DBUS_SESSION_BUS_ADDRESS"):
        os.environ.pop(name, None)


def supervise(child):
    """Waits for the command as PID 1 does: passes signals on and reaps what is left to it."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: os.kill(child, received))
    while True:
        ended, status = os.wait()
        if ended == child:
            return os.waitstatus_to_exitcode(status)


def main(arguments):
    if arguments[:1] != ["--inside"]:
        own_namespaces(arguments)
    checkout, scratch = os.path.realpath(arguments[1]), arguments[2]
    command = arguments[arguments.index("--") + 1 :]
    mount("--make-rprivate", "/")
    add_user(scratch)
    open_path(checkout, scratch)
    child = os.fork()
    if child == 0:
        os.chdir(checkout)
        become_user(scratch)
        os.execvp(command[0], command)
    code = supervise(child)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
