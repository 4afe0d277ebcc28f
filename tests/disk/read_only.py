"""kheishd on a file system that turns read-only under it, as ext4 does on an error of its own."""

import contextlib
import json
import os
import socket
import subprocess

from unix_http import UnixConnection

STARTED_SECONDS = 60


def ask(path, method, target, body=None):
    """(status, body)"""
    client = UnixConnection(path)
    with contextlib.closing(client):
        headers = {"Content-Type": "application/json"} if body is not None else {}
        client.request(method, target, json.dumps(body) if body is not None else None, headers)
        answer = client.getresponse()
        return answer.status, answer.read().decode()


@contextlib.contextmanager
def kheishd(build, state, scratch):
    """The path of its socket, once it listens."""
    config = os.path.join(scratch, "config")
    os.makedirs(config, exist_ok=True)
    with open(os.path.join(config, "kheish.toml"), "w", encoding="ascii") as file:
        file.write(f'runtime_directory = "{scratch}"\nworkspaces_directory = "{scratch}"\n')
    path = os.path.join(scratch, "http.sock")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    command = [os.path.join(build, "daemon", "kheishd"), "--config-directory", config, "--state-directory", state]
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with contextlib.closing(notify):
        notify.bind(f"\0kheish-disk-{os.getpid()}")
        notify.settimeout(STARTED_SECONDS)
        environment = {**os.environ, "NOTIFY_SOCKET": f"@kheish-disk-{os.getpid()}"}
        daemon = subprocess.Popen([*command, "--listen", path, "--bus", "none"], env=environment)
        try:
            while b"READY=1" not in notify.recv(4096):
                pass
            yield path
        finally:
            daemon.terminate()
            daemon.wait(STARTED_SECONDS)


def expect(what, answer, status, part=""):
    if answer[0] != status or part not in answer[1]:
        raise AssertionError(f"{what}: {answer}, not {status} {part!r}")


def break_file_system(device):
    with open(f"/sys/fs/ext4/{os.path.basename(device)}/trigger_fs_error", "w", encoding="ascii") as trigger:
        trigger.write("1")


def refuse_and_keep(build, state, scratch, device):
    """What was there is shown, new work is refused, and both say so."""
    with kheishd(build, state, scratch) as path:
        expect("a session", ask(path, "POST", "/v1/sessions", {"session_id": "before"}), 201)
        break_file_system(device)
        refused = ask(path, "POST", "/v1/sessions", {"session_id": "after"})
        expect("a session on a read-only disk", refused, 503, "journal_unavailable")
        expect("readiness", ask(path, "GET", "/readyz"), 503, "journal_unavailable")
        expect("what was refused", ask(path, "GET", "/v1/sessions/after"), 404)
        expect("what was acknowledged", ask(path, "GET", "/v1/sessions/before"), 200)


def go_on(build, state, scratch):
    """After the repair nothing acknowledged is missing, and there is new work again."""
    with kheishd(build, state, scratch) as path:
        expect("what was acknowledged, after the repair", ask(path, "GET", "/v1/sessions/before"), 200)
        expect("what was refused, after the repair", ask(path, "GET", "/v1/sessions/after"), 404)
        expect("readiness after the repair", ask(path, "GET", "/readyz"), 200)
        expect("new work after the repair", ask(path, "POST", "/v1/sessions", {"session_id": "after"}), 201)
