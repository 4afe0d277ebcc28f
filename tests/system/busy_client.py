#!/usr/bin/python3
"""Asks kheishd over and over, on a new connection each time. Usage: busy_client.py http|bus STOP

Ends when the file STOP is there; prints how many requests were answered, then what went wrong, a line each.
"""

import os
import socket
import subprocess
import sys
import time

SOCKET = "/run/kheish/http.sock"
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: kheish\r\nConnection: close\r\n\r\n"
SECONDS = 60


def ask_http():
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(SECONDS)
        connection.connect(SOCKET)
        connection.sendall(REQUEST)
        answer = connection.makefile("rb").read()
    return "" if answer.startswith(b"HTTP/1.1 200 ") else f"answered {answer[:60]!r}"


def ask_bus():
    done = subprocess.run(["kheishctl", "status"], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"exit {done.returncode}: {done.stderr.strip()}"


def main(kind, stop):
    ask = {"http": ask_http, "bus": ask_bus}[kind]
    answered, wrong = 0, []
    while not os.path.exists(stop):
        try:
            problem = ask()
        except OSError as error:
            problem = str(error)
        if problem:
            wrong.append(f"{time.time():.3f} {problem}")
        else:
            answered += 1
    print("\n".join([str(answered), *wrong]))


if __name__ == "__main__":
    main(*sys.argv[1:])
