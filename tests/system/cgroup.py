"""One cgroup of our own, below the root of the unified hierarchy: everything in it can be ended at once."""

import contextlib
import os
import select
import time

KILL_SECONDS = 30


def unified_mount():
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            fields, _, rest = line.partition(" - ")
            if rest.split()[0] == "cgroup2":
                return fields.split()[4]
    raise OSError("no cgroup2 file system is mounted")


def _kill(path):
    """SIGKILL to every process below `path`; returns when they are gone."""
    if not os.path.isdir(path):
        return
    with open(os.path.join(path, "cgroup.kill"), "w", encoding="ascii") as file:
        file.write("1")
    deadline = time.monotonic() + KILL_SECONDS
    with open(os.path.join(path, "cgroup.events"), encoding="ascii") as events:
        changed = select.poll()
        changed.register(events, select.POLLPRI | select.POLLERR)
        while _populated(events):
            left = deadline - time.monotonic()
            if left <= 0:
                raise OSError(f"{path} is still populated {KILL_SECONDS} s after SIGKILL")
            changed.poll(left * 1000)


def _populated(events):
    events.seek(0)
    return "populated 1" in events.read()


def _members(path):
    with contextlib.suppress(FileNotFoundError):
        with open(os.path.join(path, "cgroup.procs"), encoding="ascii") as file:
            return [int(line) for line in file]
    return []


class Group:
    def __init__(self, name):
        self.path = os.path.join(unified_mount(), name)

    def create(self):
        os.makedirs(self.path, exist_ok=True)

    def enter(self):
        """Moves the calling process into a cgroup of its own in here; for subprocess's preexec_fn."""
        folder = self._command(os.getpid())
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "cgroup.procs"), "w", encoding="ascii") as file:
            file.write("0")

    def kill_command(self, pid):
        """Ends what the process `pid` that called enter() started, wherever it is by now.

        What nsenter started inside a machine becomes a child of this process's PID 1 when nsenter is gone.
        If that is us, we collect it: a zombie that nobody collects keeps its machine from shutting down.
        """
        folder = self._command(pid)
        members = _members(folder)
        _kill(folder)
        for other in members:
            if other != pid:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(other, os.WNOHANG)

    def kill(self):
        """Ends every process in here."""
        _kill(self.path)

    def _command(self, pid):
        return os.path.join(self.path, f"command-{pid}")

    def remove(self):
        for folder, _, _ in os.walk(self.path, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
