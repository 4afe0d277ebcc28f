"""A real systemd, D-Bus, polkit and logind: a container on an overlay of the running root file system.

    machine = Machine(folder, "x") # an empty folder of ours, in a private mount namespace; a unique name
    machine.prepare()              # overlay, users alice and bob (password = name), units masked
    machine.install("build-test")  # what the build installs, into the overlay
    machine.boot()                 # returns when systemd says that the boot is complete
    machine.run("systemctl status kheish.service")
    machine.close()

What is written below / lands in memory and goes away with the machine; the checkout and the build folder
are visible read-only at their own paths, /tmp is empty. There is no network but loopback, unless
`network` lets it use the host's. All processes of the machine live in one cgroup of ours, so that close()
ends them and nothing else.
"""

import contextlib
import glob
import os
import select
import shutil
import socket
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass

import cgroup
import install

BOOT_SECONDS = 120
STOP_SECONDS = 60
COMMAND_SECONDS = 60
POLL_SECONDS = 0.05
REBOOT_EXIT_CODE = 133
USERS = ("alice", "bob")
# Folders that may be file systems of their own, which an overlay of / does not show.
OWN_MOUNTS = ("usr", "var", "opt", "srv")
# Units that start without being enabled and that no test needs.
MASKED = (
    "apt-daily-upgrade.service", "apt-daily.service", "systemd-networkd.service",
    "systemd-networkd-wait-online.service", "systemd-resolved.service", "systemd-udevd.service",
    "systemd-udev-trigger.service",
)  # fmt: skip
LANDLOCK = ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self")
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
    "SYSTEMD_PAGER": "",
    "SYSTEMD_COLORS": "0",
}


class MachineError(Exception):
    """The machine did not do what it was asked to."""


@dataclass
class Result:
    """What a command inside the machine did."""

    command: str
    code: int
    out: str
    err: str

    def text(self):
        return f"{self.command}\nexit code {self.code}\n{self.out}{self.err}"


class Command(subprocess.Popen):
    """A running command inside the machine; kill() reaches what it forked, too."""

    def __init__(self, group, words, **options):
        self.group = group
        super().__init__(words, start_new_session=True, preexec_fn=group.enter, **options)

    def kill(self):
        self.group.kill_command(self.pid)


class Machine:
    def __init__(self, folder, name, binds=(), network=False):
        self.folder = folder
        self.binds = [os.path.realpath(path) for path in binds]
        self.network = network
        self.root = os.path.join(folder, "root")
        self.console_path = os.path.join(folder, "console.log")
        self.name = name
        self.nspawn = None
        self.leader = None
        self.group = cgroup.Group(name)

    def prepare(self):
        upper = os.path.join(self.folder, "up")
        os.makedirs(upper)
        os.makedirs(self.root)
        self._host("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", upper)
        self._overlay("/", os.path.join(upper, "root"), self.root)
        for name in OWN_MOUNTS:
            if os.path.ismount(f"/{name}"):
                self._overlay(f"/{name}", os.path.join(upper, name), os.path.join(self.root, name))
        self._identify()
        self._forget_host_services()
        # An image's policy against starting services would make package installation start nothing.
        self._remove("usr/sbin/policy-rc.d")
        for user in USERS:
            self._add_user(user)
        self.group.create()

    def install(self, build=None, package=None):
        """Installs before the boot: a Debian package, or what `meson install` of the folder `build` does."""
        if package:
            install.package(self.root, package)
        elif build:
            install.build(self.root, build)

    def boot(self):
        """Starts the machine and waits for the end of its boot."""
        address = os.path.join(self.folder, "notify")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(address)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(address)
            self._start_nspawn(address)
            self._wait_for_boot(notify)
        state = self.run("systemctl is-system-running", check=False).out.strip()
        if state != "running":
            failed = self.run("systemctl --failed --no-legend --plain", check=False).out
            raise MachineError(f"the machine is {state}; failed units:\n{failed}")

    def reboot(self):
        """`systemctl reboot`: everything but the kernel and the overlay is new."""
        self.run("systemctl reboot", check=False)
        self._wait_for_end(expected=REBOOT_EXIT_CODE)
        self.boot()

    def kill(self):
        """Ends every process of the machine at once, as a power cut does; boot() starts it again."""
        self.group.kill()
        self._reap(STOP_SECONDS)

    def alive(self):
        return self.nspawn is not None and self.nspawn.poll() is None

    def close(self):
        """Ends the machine and takes down what prepare() put up. Goes well in any state."""
        self.group.kill()
        if self.nspawn is not None:
            self._reap(STOP_SECONDS)
        self.group.remove()
        for path in (self.root, os.path.join(self.folder, "up")):
            if os.path.ismount(path):
                subprocess.run(["umount", "--lazy", path], check=False)

    def run(
        self, command, user="root", check=True, timeout=COMMAND_SECONDS, data=None, environment=None
    ):
        """Runs a list of words, or a string in sh, and returns its Result.

        `check` raises MachineError on any exit code but 0; `data` (text) is its standard input.
        """
        process = self.start(command, user, environment, stdin=None if data is None else subprocess.PIPE)
        try:
            out, err = process.communicate(None if data is None else data.encode(), timeout)
        except BaseException as error:
            process.kill()
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise MachineError(f"no end after {timeout} s: {command}") from error
            raise
        result = Result(
            str(command),
            process.returncode,
            out.decode("utf-8", "replace"),
            err.decode("utf-8", "replace"),
        )
        if check and result.code != 0:
            raise MachineError(result.text())
        return result

    def run_as(self, user, command, **options):
        """run() with the uid, the groups and the home folder of `user`, and no login session."""
        return self.run(command, user=user, **options)

    def run_in_session(self, user, command, **options):
        """run() in a logind session of `user`, with XDG_RUNTIME_DIR and a user manager."""
        words = ["sh", "-c", command] if isinstance(command, str) else list(command)
        service = ["systemd-run", "--quiet", "--pipe", "--wait", "--collect", f"--uid={user}"]
        return self.run([*service, "--property=PAMName=login", "--", *words], **options)

    def start(self, command, user="root", environment=None, stdin=None):
        """Starts a command as run() does and returns it running; outputs are pipes. The caller ends it."""
        if self.leader is None:
            raise MachineError("the machine is not up")
        words = ["sh", "-c", command] if isinstance(command, str) else list(command)
        home = "/root" if user == "root" else f"/home/{user}"
        if user != "root":
            drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
            words = [*drop, "--reset-env", "env", *self._assignments(environment), *words]
        enter = ["nsenter", "--target", str(self.leader), "--all", "--", "env", f"--chdir={home}"]
        return Command(
            self.group,
            [*enter, *words],
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**ENVIRONMENT, "HOME": home, "USER": user, **(environment or {})},
        )

    def test_program(self, name):
        """The path of a program of tests/system in the build that is shown to the machine."""
        for folder in self.binds:
            path = os.path.join(folder, "tests/system", name)
            if os.path.exists(path):
                return path
        raise MachineError(f"no build with {name} is bound into the machine")

    def until(self, what, condition, timeout=30):
        """Waits until `condition()` is true, for what sends no event; returns what it returned."""
        deadline = time.monotonic() + timeout
        pause = threading.Event()
        while not (value := condition()):
            if time.monotonic() > deadline:
                raise MachineError(f"not so after {timeout} s: {what}")
            pause.wait(POLL_SECONDS)
        return value

    def wait_for_journal(self, pattern, since=None, timeout=30):
        """Waits for a journal entry of this boot that matches the regular expression; returns its line."""
        begin = [f"--since=@{since}"] if since else []
        command = ["journalctl", "--boot", "--follow", "--lines=all", "--output=cat", *begin]
        follow = self.start([*command, f"--grep={pattern}"])
        try:
            if not select.select([follow.stdout], [], [], timeout)[0]:
                raise MachineError(f"no journal entry matched {pattern!r} in {timeout} s")
            return follow.stdout.readline().decode("utf-8", "replace").rstrip("\n")
        finally:
            follow.kill()
            follow.communicate()

    def write(self, path, text, mode=0o644):
        """Writes a file into the machine, as root."""
        script = 'umask 077; mkdir -p "$(dirname "$1")"; cat >"$1"; chmod "$2" "$1"'
        self.run(["sh", "-c", script, "sh", path, f"{mode:o}"], data=text)

    def host_path(self, path):
        """Where a path of the machine's root file system is outside; not for /run, /tmp, /proc, /sys."""
        return os.path.join(self.root, path.lstrip("/"))

    @staticmethod
    def _assignments(environment):
        kept = {key: value for key, value in ENVIRONMENT.items() if key != "TERM"}
        return [f"{key}={value}" for key, value in {**kept, **(environment or {})}.items()]

    @staticmethod
    def _host(*command, data=None):
        done = subprocess.run(command, input=data, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise MachineError(f"{' '.join(command)}: {done.stdout}{done.stderr}")

    def _overlay(self, lower, upper, target):
        for name in ("upper", "work"):
            os.makedirs(os.path.join(upper, name))
        layers = f"lowerdir={lower},upperdir={upper}/upper,workdir={upper}/work"
        self._host("mount", "-t", "overlay", "overlay", "-o", layers, target)

    def _forget_host_services(self):
        """Leaves what systemd starts by itself: no service, mount or swap that the host has enabled."""
        for pattern in ("etc/systemd/system/*.wants", "etc/systemd/system/*.requires", "etc/rc?.d"):
            for folder in glob.glob(os.path.join(self.root, pattern)):
                shutil.rmtree(folder)
        for path in ("etc/fstab", "etc/crypttab"):
            self._remove(path)
        for unit in MASKED:
            self._link("/dev/null", f"etc/systemd/system/{unit}")

    def _identify(self):
        """A machine of its own: identity and name differ from the host's."""
        for path in ("etc/machine-id", "var/lib/dbus/machine-id", "etc/hostname"):
            self._remove(path)
        with open(os.path.join(self.root, "etc/machine-id"), "w", encoding="ascii") as file:
            file.write(uuid.uuid4().hex + "\n")
        with open(os.path.join(self.root, "etc/hostname"), "w", encoding="ascii") as file:
            file.write("kheish-test\n")

    def _remove(self, path):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.root, path))

    def _link(self, target, path):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        self._remove(path)
        os.symlink(target, full)

    def _add_user(self, user):
        home = os.path.join(self.root, "home", user)
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run(["chroot", self.root, "userdel", user], capture_output=True, check=False)
        self._host("chroot", self.root, "useradd", "--create-home", "--shell=/bin/bash", user)
        os.chmod(home, 0o700)
        self._host("chroot", self.root, "chpasswd", data=f"{user}:{user}\n")

    def _start_nspawn(self, notify_address):
        command = ["setpriv", "--pdeathsig=KILL", "systemd-nspawn", "--quiet", "--boot"]
        command += ["--register=no", "--keep-unit", "--notify-ready=yes"]
        command += [] if self.network else ["--private-network"]
        # The filter of this nspawn is older than Landlock.
        command += [f"--system-call-filter={' '.join(LANDLOCK)}"]
        command += ["--console=pipe", f"--machine={self.name}", f"--directory={self.root}"]
        command += [f"--bind-ro={path}" for path in self.binds]
        with open(self.console_path, "ab") as console:
            self.nspawn = Command(
                self.group,
                command,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                env={
                    **ENVIRONMENT,
                    "NOTIFY_SOCKET": notify_address,
                    "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
                    "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "yes",
                },
            )

    def _wait_for_boot(self, notify):
        """nspawn tells the pid of the machine's first process, and passes on that process's READY=1."""
        deadline = time.monotonic() + BOOT_SECONDS
        end = os.pidfd_open(self.nspawn.pid)
        try:
            while True:
                left = max(0.0, deadline - time.monotonic())
                ready = select.select([notify, end], [], [], left)[0]
                if notify not in ready:
                    why = "nspawn ended" if ready else f"no READY=1 in {BOOT_SECONDS} s"
                    raise MachineError(f"the machine did not boot: {why}\n{self.console()}")
                lines = notify.recv(4096).decode("utf-8", "replace").splitlines()
                for line in lines:
                    if line.startswith("X_NSPAWN_LEADER_PID="):
                        self.leader = int(line.partition("=")[2])
                if "READY=1" in lines and self.leader:
                    return
        finally:
            os.close(end)

    def console(self):
        """The end of what the machine printed on its console."""
        with contextlib.suppress(FileNotFoundError):
            with open(self.console_path, encoding="utf-8", errors="replace") as file:
                return "".join(file.readlines()[-40:])
        return ""

    def _wait_for_end(self, expected):
        try:
            code = self.nspawn.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise MachineError(f"the machine did not stop in {STOP_SECONDS} s") from error
        self.nspawn, self.leader = None, None
        if code != expected:
            raise MachineError(f"nspawn ended with {code}, not {expected}\n{self.console()}")

    def _reap(self, timeout):
        """Collects nspawn after its cgroup was killed."""
        if self.nspawn is not None:
            self.nspawn.wait(timeout)
        self.nspawn, self.leader = None, None
