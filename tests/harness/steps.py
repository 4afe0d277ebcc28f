"""Runs the long commands of a test run: output to a log, progress with elapsed time to the terminal."""

import os
import resource
import selectors
import signal
import subprocess
import sys
import time

PROGRESS_SECONDS = 15
SHOWN_LINES = 120
KILL_AFTER_SECONDS = 20


def clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def what_failed(lines):
    """The part of a log worth showing: from ninja's first failure on, else the end."""
    for number, line in enumerate(lines):
        if line.startswith("FAILED:"):
            return [line for line in lines[number:] if not line.startswith("[")][:SHOWN_LINES]
    return lines[-SHOWN_LINES:]


def processor_seconds():
    """What all ended children have used: unlike the clock, comparable on a busy machine."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Steps:
    """Keeps how long each step took, and ends what still runs when the run is interrupted."""

    def __init__(self, log_folder):
        self.log_folder = log_folder
        self.started = time.monotonic()
        self.taken = []
        self.process = None
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self.interrupted)

    def say(self, text):
        print(f"[{clock(time.monotonic() - self.started)}] {text}", flush=True)

    def interrupted(self, number, _frame):
        self.end_process()
        self.say(f"interrupted by {signal.Signals(number).name}")
        sys.exit(128 + number)

    def end_process(self):
        """Ends the running step with all of its process group."""
        process = self.process
        if process is None or process.poll() is not None:
            return
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(KILL_AFTER_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def run(self, title, command, show=False, environment=None, own_terminal=False):
        """Exit code of `command`. `show` passes its lines on as they come, else only progress is shown."""
        self.say(title)
        began, processor = time.monotonic(), processor_seconds()
        os.makedirs(self.log_folder, exist_ok=True)
        log_name = title.split(":")[0].replace(" ", "-").replace("+", "") + ".log"
        log_path = os.path.join(self.log_folder, log_name)
        with open(log_path, "wb") as log:
            code = self._follow(title, command, log, show, environment, own_terminal)
        seconds = time.monotonic() - began
        self.taken.append((title, seconds, processor_seconds() - processor))
        if code != 0 and not show:
            with open(log_path, encoding="utf-8", errors="replace") as log:
                print("".join(what_failed(log.readlines())), flush=True)
        verdict = "done" if code == 0 else f"FAILED with exit code {code}"
        self.say(f"{title}: {verdict} in {clock(seconds)}, log in {log_path}")
        return code

    def _follow(self, title, command, log, show, environment, own_terminal):
        try:
            self.process = subprocess.Popen(
                command,
                stdin=None if own_terminal else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                # sudo asks for a password on the terminal of its own process group.
                process_group=None if own_terminal else 0,
            )
        except OSError as error:
            log.write(f"{command[0]}: {error.strerror}\n".encode())
            return 127
        reader = selectors.DefaultSelector()
        reader.register(self.process.stdout, selectors.EVENT_READ)
        last, began, told = b"", time.monotonic(), time.monotonic()
        while True:
            if reader.select(1.0):
                data = os.read(self.process.stdout.fileno(), 65536)
                if not data:
                    break
                log.write(data)
                lines = data.strip().splitlines()
                last = lines[-1] if lines else last
                if show:
                    sys.stdout.buffer.write(data)
                    sys.stdout.flush()
            if time.monotonic() - told >= PROGRESS_SECONDS and not show:
                told = time.monotonic()
                self.say(f"  {title}: {clock(told - began)}  {last.decode(errors='replace')[:90]}")
        return self.process.wait()

    def print_times(self):
        print(f"  {'time':>6}  {'cpu':>6}")
        for title, seconds, processor in self.taken:
            print(f"  {clock(seconds):>6}  {clock(processor):>6}  {title}")
        whole = sum(processor for _, _, processor in self.taken)
        print(f"  {clock(time.monotonic() - self.started):>6}  {clock(whole):>6}  in all", flush=True)
