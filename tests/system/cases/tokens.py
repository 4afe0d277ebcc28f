"""HTTP beyond the local socket: who has a token is known by it, may what its role says, and nobody else is let in."""

import json
import re

from agents import DATABASE, Agents, bash, turn
from harness import case, check, check_in

ADDRESS = "http://127.0.0.1:4000"
RUNS = {"gate": [turn("Soon.", bash("gated", "id -un")), turn("It said: {{result 'gated'}}")]}
SOCKET = "kheish-http.socket"


def curl(machine, method, path, token=None, body=None, headers=()):
    """Status and body of one request from inside the machine, by a user who is none of theirs."""
    words = ["curl", "-sS", "--max-time", "20", "-X", method, "-w", "\n%{http_code}"]
    words += ["-H", f"Authorization: Bearer {token}"] if token else []
    for header in headers:
        words += ["-H", header]
    if body is not None:
        words += ["-H", "Content-Type: application/json", "--data", json.dumps(body)]
    text, _, code = machine.run_as("bob", [*words, ADDRESS + path]).out.rpartition("\n")
    return int(code), text


def status(machine, *arguments, **options):
    return curl(machine, *arguments, **options)[0]


def create(agents, name, role):
    made = agents.ctl("tokens", "create", name, "--role", role)
    check_in(f"the secret of {name}", made.err)
    secret = made.out.strip()
    check(bool(re.fullmatch("kheish_[0-9a-f]{64}", secret)), True, f"the secret of {name}")
    return secret


def listening(machine):
    """Sockets are handed to a kheishd that starts."""
    machine.run(f"systemctl stop kheish.service; systemctl start {SOCKET} kheish.service")


def forget(machine, agents):
    agents.forget()
    for token in agents.ask("tokens", "list"):
        agents.ctl("tokens", "revoke", token["name"])
    machine.run(f"systemctl stop kheish.service {SOCKET}; systemctl start kheish.service")


@case
def the_socket_beyond_the_host_waits_for_an_administrator(machine):
    check(machine.run(f"systemctl is-enabled {SOCKET}", check=False).out, "disabled\n")
    check(machine.run(f"systemctl is-active {SOCKET}", check=False).out, "inactive\n")
    agents = Agents(machine)
    refused = agents.ctl("--no-ask-password", "tokens", "create", "mine", user="alice", check=False)
    check(refused.code, 4, refused.text())
    check(agents.ctl("--no-ask-password", "tokens", "list", user="alice", check=False).code, 4)
    check(agents.ask("tokens", "list"), [])


@case
def a_token_may_what_its_role_says(machine):
    agents = Agents(machine)
    agents.configure(RUNS)
    agents.create("alice", "alices-own")
    listening(machine)
    reader, operator, admin = (create(agents, role, role) for role in ("reader", "operator", "admin"))
    check(status(machine, "GET", "/healthz"), 200)
    for path in ("/v1/sessions", "/v1/status", "/v1/nothing"):
        code, text = curl(machine, "GET", path)
        check((code, json.loads(text)["code"]), (401, "missing_token"), path)
    check(status(machine, "POST", "/v1/sessions", reader, {"session_id": "of-a-reader"}), 403)
    check(status(machine, "POST", "/v1/sessions", operator, {"session_id": "of-an-operator"}), 201)
    reads = {name: status(machine, "GET", "/v1/sessions/alices-own", token)
             for name, token in (("reader", reader), ("operator", operator), ("admin", admin))}
    check(reads, {"reader": 200, "operator": 403, "admin": 200})
    check(status(machine, "POST", "/v1/sessions/alices-own/interrupt", operator, {}), 403)
    check(status(machine, "POST", "/v1/sessions/alices-own/interrupt", admin, {}), 200)
    code, text = curl(machine, "POST", "/v1/sessions/of-an-operator/runs", operator, {"content": "gate"})
    check(code, 202, text)
    run = json.loads(text)["run_id"]
    agents.until_status(run, "waiting_for_approval")
    approval = agents.pending(run)[0]["id"]
    decision = {"resolutions": [{"request_id": approval, "behavior": "allow"}]}
    check(status(machine, "POST", f"/v1/runs/{run}/approvals", reader, decision), 403)
    check(status(machine, "POST", f"/v1/runs/{run}/approvals", operator, decision), 202)
    agents.wait(run)
    check_in("kheish-agent", agents.answer(run), "a token has no user of its own to work as")
    who = {event["authority"] for event in agents.ask("runs", "events", run)}
    check_in("token:operator", " ".join(who))
    check(agents.ask("sessions", "list", user="alice")[0]["session_id"], "alices-own", "tokens change nothing for alice")
    forget(machine, agents)


@case
def a_secret_that_was_replaced_or_revoked_is_void_at_once(machine):
    agents = Agents(machine)
    agents.configure(RUNS)
    listening(machine)
    old = create(agents, "ci", "reader")
    check(status(machine, "GET", "/v1/sessions", old), 200)
    follow = ["curl", "-sS", "-N", "-H", f"Authorization: Bearer {old}", ADDRESS + "/v1/events/stream"]
    stream = machine.start(follow, user="bob")
    machine.until("the stream is open", lambda: connected(machine))
    new = agents.ctl("tokens", "rotate", "ci").out.strip()
    stream.communicate(timeout=30)
    check(status(machine, "GET", "/v1/sessions", old), 401)
    check(status(machine, "GET", "/v1/sessions", new), 200)
    agents.kill_daemon()
    check(status(machine, "GET", "/v1/sessions", new), 200, "after a crash")
    check(status(machine, "GET", "/v1/sessions", old), 401, "after a crash")
    agents.ctl("tokens", "revoke", "ci", "--reason", "the case is over")
    check(status(machine, "GET", "/v1/sessions", new), 401)
    again = agents.ctl("tokens", "create", "ci", check=False)
    check(again.code, 6, again.text())
    record = machine.run("kheishctl journal export").out
    for kind in ("token.created", "token.rotated", "token.revoked"):
        check_in(f'"{kind}"', record)
    for secret in (old, new):
        check(secret in record, False, "the secret in the journal")
        check(secret in machine.run("journalctl --no-pager --boot").out, False, "the secret in the log")
        found = machine.run(["grep", "-c", secret, DATABASE, f"{DATABASE}-wal"], check=False).out
        check([line.rpartition(":")[2] for line in found.split()], ["0", "0"], "the secret in the files")
    check(machine.run("kheishctl journal verify").code, 0)
    forget(machine, agents)


def connected(machine):
    return "ESTAB" in machine.run("ss -Htn state established '( sport = :4000 )' | sed 's/^/ESTAB /'").out


@case
def pages_of_others_are_kept_out_and_failures_are_on_record(machine):
    agents = Agents(machine)
    agents.configure(RUNS)
    listening(machine)
    token = create(agents, "panel", "reader")
    for header in ("Host: evil.example", "Origin: http://evil.example", "Origin: http://127.0.0.1.evil.example"):
        check(status(machine, "GET", "/v1/sessions", token, headers=[header]), 403, header)
    check(status(machine, "GET", "/v1/sessions", token, headers=["Origin: http://localhost:3000"]), 200)
    guesses = "for n in $(seq 61); do curl -sS -o /dev/null -w '%{http_code} ' -H 'Authorization: Bearer wrong' "
    codes = machine.run_as("bob", guesses + ADDRESS + "/v1/sessions; done").out.split()
    check(codes, ["401"] * 60 + ["429"])
    check(status(machine, "GET", "/v1/sessions", token), 200, "a good token is let in all the same")
    events = [json.loads(line) for line in machine.run("kheishctl journal export").out.splitlines()]
    failures = [event["body"] for event in events if event["type"] == "auth.failed"]
    failures = [json.loads(body) if isinstance(body, str) else body for body in failures]
    seen = {(failure["reason"], failure["peer"], failure["limited"]) for failure in failures}
    for expected in (
        ("host_not_allowed", "127.0.0.1", False),
        ("origin_not_allowed", "127.0.0.1", False),
        ("invalid_token", "127.0.0.1", False),
        ("invalid_token", "127.0.0.1", True),
    ):
        check(expected in seen, True, f"{expected} in {seen}")
    forget(machine, agents)
