"""A virtual machine with a power switch, emulated by QEMU: all cgroup controllers, a kernel of its own.

It has the methods of tests/system/machine.py that agents.py and the cases use, and besides them
power_off() and power_on(), which are a power cut and what follows it.
"""

import json
import os
import select
import socket
import subprocess
import threading
import time

BOOT_SECONDS = 300
COMMAND_SECONDS = 120
POLL_SECONDS = 0.5
# Of writes the host has taken nothing is lost when QEMU is killed: it writes through to the image.
CACHE = "writethrough"


class VirtualMachineError(Exception):
    """The virtual machine did not do what it was asked to."""


class Result:
    """What a command inside did."""

    def __init__(self, command, code, out, err):
        self.command, self.code, self.out, self.err = str(command), code, out, err

    def text(self):
        return f"{self.command}\nexit code {self.code}\n{self.out}{self.err}"


class VirtualMachine:
    def __init__(self, folder, image, kernel, initrd):
        self.folder = folder
        self.image, self.kernel, self.initrd = image, kernel, initrd
        self.console_path = os.path.join(folder, "console.log")
        self.qemu = None
        self.port = None
        self.pending = b""

    def power_on(self):
        """Returns when its agent answers."""
        address = os.path.join(self.folder, "port")
        with socket.socket(socket.AF_UNIX) as listening:
            if os.path.exists(address):
                os.unlink(address)
            listening.bind(address)
            listening.listen(1)
            listening.settimeout(BOOT_SECONDS)
            self._start_qemu(address)
            self.port, _ = listening.accept()
        self.pending = b""
        ready = self._read_line(BOOT_SECONDS)
        if not ready.get("ready"):
            raise VirtualMachineError(f"the agent said {ready}")

    def power_off(self):
        """A power cut."""
        self.qemu.kill()
        self.qemu.wait()
        self.port.close()
        self.qemu = None

    def alive(self):
        return self.qemu is not None and self.qemu.poll() is None

    def boot(self):
        self.power_on()

    def close(self):
        if self.alive():
            self.power_off()

    def run(self, command, user="root", check=True, timeout=COMMAND_SECONDS, data=None, environment=None):
        """Runs a list of words, or a string in sh, and returns its Result."""
        words = ["sh", "-c", command] if isinstance(command, str) else list(command)
        home = "/root" if user == "root" else f"/home/{user}"
        if user != "root":
            drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
            words = [*drop, "env", f"--chdir={home}", f"HOME={home}", f"USER={user}", *words]
        request = {"words": words, "input": data, "environment": environment or {}, "seconds": timeout}
        self.port.sendall(json.dumps(request).encode() + b"\n")
        answer = self._read_line(timeout + COMMAND_SECONDS)
        result = Result(command, answer["code"], answer["out"], answer["err"])
        if check and result.code != 0:
            raise VirtualMachineError(result.text())
        return result

    def run_as(self, user, command, **options):
        return self.run(command, user=user, **options)

    def until(self, what, condition, timeout=180):
        """Waits until `condition()` is true, for what sends no event; returns what it returned."""
        deadline = time.monotonic() + timeout
        pause = threading.Event()
        while not (value := condition()):
            if time.monotonic() > deadline:
                raise VirtualMachineError(f"not so after {timeout} s: {what}")
            pause.wait(POLL_SECONDS)
        return value

    def write(self, path, text, mode=0o644):
        script = 'umask 077; mkdir -p "$(dirname "$1")"; cat >"$1"; chmod "$2" "$1"'
        self.run(["sh", "-c", script, "sh", path, f"{mode:o}"], data=text)

    def console(self):
        with open(self.console_path, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-40:])

    def _start_qemu(self, address):
        command = ["setpriv", "--pdeathsig=KILL", "qemu-system-x86_64"]
        command += ["-accel", "tcg,thread=multi", "-cpu", "max", "-m", "1024", "-smp", "2"]
        command += ["-nographic", "-no-reboot", "-nic", "none"]
        command += ["-kernel", self.kernel, "-initrd", self.initrd]
        command += ["-append", "root=/dev/vda rw console=ttyS0 quiet"]
        command += ["-drive", f"file={self.image},if=virtio,format=raw,cache={CACHE}"]
        command += ["-chardev", f"socket,path={address},id=agent", "-device", "virtio-serial"]
        command += ["-device", "virtserialport,chardev=agent,name=kheish"]
        with open(self.console_path, "ab") as console:
            self.qemu = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT
            )

    def _read_line(self, seconds):
        deadline = time.monotonic() + seconds
        while b"\n" not in self.pending:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self.port], [], [], left)[0]:
                raise VirtualMachineError(f"no answer in {seconds} s\n{self.console()}")
            chunk = self.port.recv(65536)
            if not chunk:
                raise VirtualMachineError(f"the virtual machine has ended\n{self.console()}")
            self.pending += chunk
        line, _, self.pending = self.pending.partition(b"\n")
        return json.loads(line)
