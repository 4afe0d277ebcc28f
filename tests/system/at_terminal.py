#!/usr/bin/python3
"""Runs a command at a terminal of its own and types a password whenever it is asked for one.

Usage: at_terminal.py PASSWORD COMMAND...

Prints what the terminal showed and exits as the command did.
"""

import os
import pty
import select
import sys

SECONDS = 30


def main(password, *command):
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    shown, answered = b"", 0
    while select.select([terminal], [], [], SECONDS)[0]:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # EIO: the other side is closed
            break
        if not chunk:
            break
        shown += chunk
        if shown.count(b"Password: ") > answered:
            answered += 1
            os.write(terminal, password.encode() + b"\n")
    else:
        os.kill(pid, 9)
    print(shown.decode(errors="replace"))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
