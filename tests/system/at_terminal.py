#!/usr/bin/python3
"""Runs a command at a terminal of its own and types a password whenever it is asked for one.

Usage: at_terminal.py PASSWORD COMMAND...

Prints what the terminal showed and exits as the command did.
"""

import os
import pty
import select
import sys
import termios
import time

SECONDS = 30


def hides_what_is_typed(terminal):
    return not termios.tcgetattr(terminal)[3] & termios.ECHO


def main(password, *command):
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    shown, answered = b"", 0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        # The agent prompts first, then hides what is typed and discards what was typed until then: no file
        # descriptor tells when it has.
        asks = shown.count(b"Password: ") > answered
        if asks and hides_what_is_typed(terminal):
            answered += 1
            os.write(terminal, password.encode() + b"\n")
            continue
        if not select.select([terminal], [], [], 0.005 if asks else 1)[0]:
            continue
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # EIO: the other side is closed
            break
        if not chunk:
            break
        shown += chunk
    else:
        os.kill(pid, 9)
    print(shown.decode(errors="replace"))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
