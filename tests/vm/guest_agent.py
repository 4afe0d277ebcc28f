#!/usr/bin/python3
"""Runs inside the virtual machine, as root: executes what the host asks for on the virtio port "kheish".

One JSON object a line, {"words": [...], "input": text or null, "environment": {...}, "seconds": n}; the answer
is one line, too: {"code": n, "out": text, "err": text}. The first line says that it is there: {"ready": true}.
"""

import json
import os
import subprocess
import sys

PORT = "/dev/virtio-ports/kheish"


def execute(request):
    try:
        done = subprocess.run(
            request["words"],
            input=request["input"],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=request["seconds"],
            env={**os.environ, **request["environment"]},
        )
    except subprocess.TimeoutExpired:
        return {"code": 124, "out": "", "err": f"no end after {request['seconds']} s"}
    except OSError as error:
        return {"code": 127, "out": "", "err": str(error)}
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr}


def main():
    # Unbuffered in both directions: the port is one device, not a pair of pipes.
    with open(PORT, "r+b", buffering=0) as port:
        port.write(b'{"ready": true}\n')
        pending = b""
        while True:
            chunk = port.read(65536)
            if not chunk:
                sys.exit("the host is gone")
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                port.write(json.dumps(execute(json.loads(line))).encode() + b"\n")


if __name__ == "__main__":
    main()
