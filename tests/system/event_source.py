#!/usr/bin/python3
"""A client of Server-Sent Events on the HTTP socket of kheishd, which comes back as a browser does.

Usage: event_source.py TARGET [LAST_EVENT_ID]

Prints a line `ID EVENT CAUSE` for each frame that has an id; CAUSE is what changed the run, or "-". Whenever
the connection ends it connects again with the last id as Last-Event-ID, until the run of the stream is
over. Exits 1 on an answer that is no event stream.
"""

import http.client
import json
import socket
import sys

SOCKET = "/run/kheish/http.sock"
ENDS = ("run.completed", "run.failed", "run.cancelled", "run.interrupted")


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(SOCKET)


def frames(answer):
    """(fields of one frame) as they come, until the stream ends; a half frame at its end is dropped."""
    fields = {}
    for line in answer:
        text = line.decode().rstrip("\n")
        if text:
            name, _, value = text.partition(": ")
            fields[name] = value
        else:
            yield fields
            fields = {}


def follow(target, last_id):
    """Prints one connection's frames; (the last id, whether the run is over)."""
    connection = Connection("kheish")
    connection.request("GET", target, headers={"Last-Event-ID": last_id} if last_id else {})
    answer = connection.getresponse()
    if answer.status != 200 or answer.headers["Content-Type"] != "text/event-stream":
        sys.exit(f"{answer.status} {answer.read().decode()}")
    for frame in frames(answer):
        if "id" not in frame:
            continue
        last_id = frame["id"]
        cause = json.loads(frame["data"]).get("cause", "-")
        print(last_id, frame["event"], cause, flush=True)
        if cause in ENDS:
            return last_id, True
    return last_id, False


def main(target, last_id=None):
    over = False
    while not over:
        try:
            last_id, over = follow(target, last_id)
        except (ConnectionError, http.client.HTTPException):
            # Cut off: that is what Last-Event-ID is for. The socket queues us while kheishd is away.
            continue


if __name__ == "__main__":
    main(*sys.argv[1:3])
