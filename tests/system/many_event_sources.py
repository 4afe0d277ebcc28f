#!/usr/bin/python3
"""Many clients of one event stream of kheishd, each of which comes back with its last id until the run is over.

Usage: many_event_sources.py COUNT TARGET

Prints "following" once every client has its stream, then a line `CLIENTS IDS` for each different list of ids
(comma-separated) that clients have seen, with how many have seen it.
"""

import asyncio
import collections
import json
import resource
import sys

SOCKET = "/run/kheish/http.sock"
ENDS = ("run.completed", "run.failed", "run.cancelled", "run.interrupted")
FRAME_LIMIT_BYTES = 1 << 22


class Client:
    def __init__(self, target, started):
        self.target = target
        self.started = started  # called once, when the first stream is there
        self.ids = []
        self.over = False

    async def run(self):
        while not self.over:
            try:
                await self.follow()
            except (ConnectionError, asyncio.IncompleteReadError):
                # Cut off: that is what Last-Event-ID is for.
                continue

    async def follow(self):
        reader, writer = await asyncio.open_unix_connection(SOCKET, limit=FRAME_LIMIT_BYTES)
        try:
            last = f"Last-Event-ID: {self.ids[-1]}\r\n" if self.ids else ""
            # HTTP/1.0: the stream comes as it is, without chunks.
            writer.write(f"GET {self.target} HTTP/1.0\r\nHost: kheish\r\n{last}\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            if " 200 " not in head.split("\r\n", 1)[0]:
                # Leaving, or not up yet: 503 says when to ask again.
                if " 503 " in head.split("\r\n", 1)[0]:
                    return
                sys.exit(head)
            if self.started:
                self.started()
                self.started = None
            fields = {}
            while not self.over:
                line = (await reader.readuntil(b"\n")).decode().strip("\r\n")
                name, separator, value = line.partition(": ")
                if separator:
                    fields[name] = value
                elif not line:
                    self.take(fields)
                    fields = {}
        finally:
            writer.close()

    def take(self, fields):
        if "id" in fields:
            self.ids.append(fields["id"])
            self.over = json.loads(fields["data"]).get("cause") in ENDS


async def main(count, target):
    waiting = count

    def started():
        nonlocal waiting
        waiting -= 1
        if waiting == 0:
            print("following", flush=True)

    clients = [Client(target, started) for _ in range(count)]
    await asyncio.gather(*[client.run() for client in clients])
    seen = collections.Counter(",".join(client.ids) for client in clients)
    for ids, times in seen.items():
        print(times, ids)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
