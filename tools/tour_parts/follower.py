"""Follows one run twice: as people see it, and as JSON for the tour to react to."""

import json
import os
import selectors
import subprocess
import sys
import time

from .shell import TourError, as_user

SILENCE_SECONDS = 180
VIEW_SECONDS = 5
CHUNK_BYTES = 1 << 16
SHOWN_BYTES = 1 << 20
ENDS = ("completed", "failed", "cancelled", "interrupted")


class Stream:
    """The standard output of a `kheishctl` that follows the run."""

    def __init__(self, user, words):
        self.process = subprocess.Popen(
            [*as_user(user), "kheishctl", *words], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        self.rest = b""
        self.is_open = True

    def fileno(self):
        return self.process.stdout.fileno()

    def read(self):
        chunk = os.read(self.fileno(), CHUNK_BYTES)
        self.is_open = bool(chunk)
        return chunk

    def lines(self):
        parts = (self.rest + self.read()).split(b"\n")
        self.rest = parts.pop()
        return parts

    def close(self):
        self.process.kill()
        self.process.communicate()


def is_readable(streams, seconds):
    """Those of `streams` that can be read within `seconds`."""
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            if stream.is_open:
                selector.register(stream, selectors.EVENT_READ)
        return [key.fileobj for key, _ in selector.select(seconds)] if selector.get_map() else []


class Follower:
    def __init__(self, run, user, decider, restart):
        self.run = run
        self.user = user
        self.decider = decider
        self.restart = restart
        self.tools = {}  # call -> tool
        self.decided = set()
        self.last_id = 0
        self.status = "new"
        self.accounted = False
        self.shown = b""

    def follow(self):
        """Returns when the run is over and, if it has completed, its scope is accounted for."""
        self.view = Stream(self.user, ["runs", "stream", self.run])
        self.frames = self.open_frames()
        heard = time.monotonic()
        try:
            while not self.is_over():
                if not self.frames.is_open:
                    self.frames = self.reopen_frames()
                if self.pump():
                    heard = time.monotonic()
                if time.monotonic() - heard > SILENCE_SECONDS:
                    raise TourError(f"nothing has happened in {self.run} for {SILENCE_SECONDS} s")
            self.show_rest()
        finally:
            self.view.close()
            self.frames.close()
        self.restart.finish()

    def is_over(self):
        return self.status in ENDS and (self.accounted or self.status != "completed")

    def open_frames(self, *words):
        return Stream(self.user, ["--output", "json", "runs", "stream", self.run, *words])

    def reopen_frames(self):
        """A stream ends shortly after its run; the end of the scope may come later."""
        self.frames.close()
        if self.status not in ENDS:
            raise TourError(f"the stream of {self.run} ended while the run was {self.status}")
        return self.open_frames("--cursor", str(self.last_id))

    def pump(self):
        ready = is_readable([self.view, self.frames], 1)
        self.restart.check_ended()
        if self.view in ready:
            self.show(self.view.read())
        if self.frames in ready:
            for line in self.frames.lines():
                self.on_frame(json.loads(line))
        return bool(ready)

    def show(self, chunk):
        self.shown = (self.shown + chunk)[-SHOWN_BYTES:]
        sys.stdout.buffer.write(chunk)
        sys.stdout.flush()

    def show_until(self, text):
        """Lets the view catch up with what the frames have said already."""
        deadline = time.monotonic() + VIEW_SECONDS
        while text.encode() not in self.shown:
            if not is_readable([self.view], max(0, deadline - time.monotonic())):
                return
            self.show(self.view.read())

    def show_rest(self):
        """The view ends by itself after the run."""
        deadline = time.monotonic() + VIEW_SECONDS
        while self.view.is_open and is_readable([self.view], max(0, deadline - time.monotonic())):
            self.show(self.view.read())

    def on_frame(self, frame):
        self.last_id = frame.get("id") or self.last_id
        data = frame["data"]
        if frame["event"] == "run_updated":
            self.on_run(data["run"])
        elif frame["event"] == "trace":
            self.on_trace(data["trace"]["kind"])

    def on_run(self, run):
        self.status = run["status"]
        for approval in run.get("pending_approvals", []):
            if approval["id"] not in self.decided:
                self.decided.add(approval["id"])
                self.show_until("approvals deny " + approval["id"])
                self.decider.decide(approval)

    def on_trace(self, kind):
        for proposed in kind.get("calls", []):
            self.tools[proposed["call"]] = proposed["tool"]
        if kind["type"] == "run_scope_ended" and self.status in ENDS:
            self.accounted = True
        is_command = kind["type"] == "tool_started" and self.tools.get(kind["call"]) == "bash"
        if is_command and self.restart.wanted and self.restart.call is None:
            scope = f"kheish-{self.run}-{kind['scope_attempt']}.scope"
            self.show_until(scope)
            self.restart.begin(kind["call"], scope)
