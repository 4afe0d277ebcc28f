"""Rubbish at the real edges: a precise answer for each, and nothing has changed."""

import base64
import json
import os

from agents import DATABASE, Agents, turn
from harness import case, check, check_in

CLIENT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "raw_http.py")
SESSIONS = "/v1/sessions"
RUNS = "/v1/sessions/sane/runs"
MANAGER = "ai.kheish.Daemon1 /ai/kheish/Daemon1 ai.kheish.Daemon1.Manager"
ERROR = "ai.kheish.Daemon1.Error."


def post(path, body, *headers, length=None):
    body = body if isinstance(body, bytes) else body.encode()
    lines = [f"POST {path} HTTP/1.1", "Host: kheish", "Content-Type: application/json", *headers]
    if length is not False:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def get(path, *headers, method="GET", version="HTTP/1.1", host="Host: kheish"):
    return "\r\n".join([f"{method} {path} {version}", *([host] if host else []), *headers, "", ""]).encode()


# (what, request, status, code of the problem, part of its detail)
HTTP = (
    ("an unknown field", post(SESSIONS, '{"session_id":"a","nope":1}'), 400, "unknown_field", "nope"),
    ("an unknown field deep inside", post(RUNS, '{"content":"x","generation":{"heat":1}}'), 400, "unknown_field", "heat"),
    ("a key twice", post(SESSIONS, '{"session_id":"a","session_id":"b"}'), 400, "invalid_json", "session_id"),
    ("a number for a string", post(SESSIONS, '{"session_id":5}'), 400, "bad_request", "session_id"),
    ("a string for an object", post(RUNS, '{"content":"x","metadata":"y"}'), 400, "bad_request", "metadata"),
    ("an array as body", post(SESSIONS, "[]"), 400, "bad_request", "object"),
    ("no JSON", post(SESSIONS, "session_id=a"), 400, "invalid_json", ""),
    ("half of a body", post(SESSIONS, '{"session_id":'), 400, "invalid_json", ""),
    ("something behind the body", post(SESSIONS, '{"session_id":"a"} x'), 400, "invalid_json", ""),
    ("a body that is too deep", post(SESSIONS, "[" * 5000 + "]" * 5000), 400, "invalid_json", ""),
    ("bytes that are no UTF-8", post(SESSIONS, b'{"session_id":"\xff\xfe"}'), 400, "invalid_utf8", ""),
    ("half of a surrogate pair", post(RUNS, '{"content":"\\ud800"}'), 400, "invalid_json", ""),
    ("an empty input", post(RUNS, "{}"), 400, "bad_request", "content"),
    ("an empty id", post(SESSIONS, '{"session_id":""}'), 400, "invalid_session_id", ""),
    ("a dot as id", post(SESSIONS, '{"session_id":"."}'), 400, "invalid_session_id", ""),
    ("two dots as id", post(SESSIONS, '{"session_id":".."}'), 400, "invalid_session_id", ""),
    ("a path as id", post(SESSIONS, '{"session_id":"../x"}'), 400, "invalid_session_id", ""),
    ("an id that is too long", post(SESSIONS, json.dumps({"session_id": "a" * 129})), 400, "invalid_session_id", ""),
    ("two dots in the path", get("/v1/sessions/%2e%2e"), 400, "bad_request", "dot segment"),
    ("an unknown session", get("/v1/sessions/nobody"), 404, "session_not_found", "nobody"),
    ("input for an unknown session", post("/v1/sessions/nobody/runs", '{"content":"x"}'), 404, "session_not_found", "nobody"),
    ("an unknown run", get("/v1/runs/run-424242"), 404, "run_not_found", "run-424242"),
    ("a run that is none", get("/v1/runs/run-x"), 404, "run_not_found", "look like run-17"),
    ("an unknown route", get("/v1/nothing"), 404, "route_not_found", ""),
    ("an unknown method", get(SESSIONS, method="BREW"), 400, "bad_request", "method"),
    ("a method that is not for this path", get(SESSIONS, method="DELETE"), 405, "method_not_allowed", "DELETE"),
    ("another media type", post(SESSIONS, "{}").replace(b"application/json", b"text/plain"), 415, "unsupported_media_type", "application/json"),
    ("a limit of 0", get("/v1/runs?limit=0"), 400, "invalid_limit", ""),
    ("a cursor that is none", get("/v1/runs?cursor=!"), 400, "invalid_cursor", ""),
    ("a query that is unknown", get("/v1/runs?colour=red"), 400, "unknown_field", "colour"),
    ("two lengths", post(SESSIONS, "{}", "Content-Length: 3"), 400, "bad_request", "content-length"),
    ("a length that is no number", post(SESSIONS, "{}", length="2x"), 400, "bad_request", "content-length"),
    ("a length and chunks", post(SESSIONS, "0\r\n\r\n", "Transfer-Encoding: chunked"), 400, "bad_request", ""),
    ("a length that is too much", post(SESSIONS, "", length=1 << 40), 413, "payload_too_large", ""),
    ("a body that is too long", post(RUNS, json.dumps({"content": "x" * (3 << 20)})), 413, "payload_too_large", ""),
    ("a header that is too long", get("/healthz", "X-Long: " + "x" * 40000), 431, None, ""),
    ("too many headers", get("/healthz", *(f"X-{i}: y" for i in range(200))), 431, None, ""),
    ("a target that is too long", get("/" + "x" * 10000), 414, None, ""),
    ("no host", get("/healthz", host=None), 400, "bad_request", "Host"),
    ("a name with a space", get("/healthz", "Bad Name: x"), 400, "bad_request", ""),
    ("another protocol", get("/healthz", version="HTTP/3.0"), 505, None, ""),
    ("no HTTP at all", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400, "bad_request", ""),
)

# (arguments of busctl after the manager, name of the error, part of its message)
BUS = (
    ("CreateSession a{sv} 1 nope s x", ERROR + "UnknownField", "nope"),
    ("CreateSession a{sv} 1 session_id i 5", ERROR + "BadRequest", "session_id"),
    ('CreateSession a{sv} 1 session_id s ""', ERROR + "InvalidSessionId", ""),
    ("CreateSession a{sv} 1 session_id s ..", ERROR + "InvalidSessionId", ""),
    ("CreateSession a{sv} 2 session_id s a session_id s b", ERROR + "BadRequest", "session_id"),
    ("ListRuns a{sv} 1 limit t 0", ERROR + "InvalidLimit", ""),
    ("ListRuns a{sv} 1 session_id s nobody", ERROR + "SessionNotFound", "nobody"),
    ("CreateSession s x", "org.freedesktop.DBus.Error.InvalidArgs", ""),
    ("Nothing", "org.freedesktop.DBus.Error.UnknownMethod", ""),
)

# (arguments of kheishctl, exit code, part of what it says)
COMMANDS = (
    (("runs", "get", "run-424242"), 5, "run_not_found"),
    (("runs", "get", "run-x"), 2, "run-x"),
    (("runs", "wait", "run-424242"), 5, "run_not_found"),
    (("sessions", "get", "nobody"), 5, "session_not_found"),
    (("sessions", "input", "nobody", "x"), 5, "session_not_found"),
    (("sessions", "create", ".."), 2, "invalid_session_id"),
    (("sessions", "create", ""), 2, "invalid_session_id"),
    (("sessions", "input", "sane", ""), 2, "content"),
    (("sessions", "input", "sane", "x", "--metadata-json", '{"a":1,"a":2}'), 2, "metadata"),
    (("sessions", "input", "sane", "x", "--provider", "nowhere"), 6, "route_not_ready"),
    (("sessions", "input", "sane", "x", "--idempotency-key", "a\nb"), 2, "invalid_idempotency_key"),
    (("approvals", "allow", "approval-9-9"), 5, "approval_not_found"),
    (("runs", "list", "--limit", "0"), 2, "limit"),
    (("runs", "list", "--colour", "red"), 2, "--colour"),
    (("runs", "dance"), 2, "dance"),
    ((), 2, "a command is missing"),
)


def state(machine):
    """All that kheishd remembers, as far as a client could have changed it."""
    query = (
        "import sqlite3, sys\n"
        f"journal = sqlite3.connect('file:{DATABASE}?mode=ro', uri=True)\n"
        "tables = journal.execute(\"SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name\")\n"
        "for (table,) in tables.fetchall():\n"
        "    told = \" WHERE type <> 'daemon.started'\" if table == 'events' else ''\n"
        "    print(table, journal.execute('SELECT count(*) FROM ' + table + told).fetchone()[0])\n"
    )
    return machine.run(["python3", "-c", query]).out


def prepare(machine):
    agents = Agents(machine)
    if "sane" not in agents.ctl("sessions", "list").out:
        agents.configure({"": [turn("done")]})
        agents.create("alice", "sane")
        agents.wait(agents.submit("alice", "sane", "hello"))
        machine.until("its scope is accounted for", lambda: not agents.live())
    return agents


def check_all(failures):
    if failures:
        raise AssertionError(f"{len(failures)} answers are wrong:\n" + "\n".join(failures))


@case
def http_says_precisely_what_is_wrong(machine):
    prepare(machine)
    before = state(machine)
    requests = json.dumps([base64.b64encode(request).decode() for _, request, *_ in HTTP])
    answers = json.loads(machine.run(["/usr/bin/python3", CLIENT], user="alice", data=requests).out)
    failures = []
    for (what, _, status, code, part), (got, kind, body) in zip(HTTP, answers, strict=True):
        problem = json.loads(body) if kind == "application/problem+json" else {}
        fine = got == status and problem.get("status") == status and part in problem.get("detail", "")
        if not fine or (code and problem["code"] != code):
            failures.append(f"{what}: expected {status} {code} {part!r}, got {got} {kind} {body[:300]}")
    check_all(failures)
    check(state(machine), before, "what is on record")


@case
def the_bus_names_the_error(machine):
    prepare(machine)
    before = state(machine)
    failures = []
    for arguments, name, part in BUS:
        # Without the debug log busctl shows the message alone, not the error's name.
        debug = {"SYSTEMD_LOG_LEVEL": "debug"}
        done = machine.run(f"busctl call {MANAGER} {arguments}", user="alice", check=False, environment=debug)
        if done.code == 0 or f"error-name={name} " not in done.err or part not in done.err:
            failures.append(f"{arguments}: expected {name} {part!r}, got {done.text()}")
    check_all(failures)
    check(state(machine), before, "what is on record")


@case
def kheishctl_exits_by_the_kind_of_error(machine):
    agents = prepare(machine)
    before = state(machine)
    failures = []
    for words, code, part in COMMANDS:
        done = agents.ctl(*words, user="alice", check=False)
        if done.code != code or part not in done.err or done.out:
            failures.append(f"{words}: expected {code} {part!r}, got {done.text()}")
    check_all(failures)
    check(state(machine), before, "what is on record")


@case
def an_invalid_routes_file_stops_the_start_and_loses_nothing(machine):
    agents = prepare(machine)
    before = state(machine)
    routes = machine.run("cat /etc/kheish/routes.toml").out
    for text, part in (
        ("version = 1\n[routes.a]\ndriver = 'nothing'\n", "driver"),
        ("version = 2\n", "version"),
        ("version = 1\n[routes.a]\ndriver = 'scripted'\nscenario = 'relative'\n", "scenario"),
        ("version = 1\n[routes.a]\ndriver = 'anthropic'\ncolour = 'red'\ndefault_model = 'm'\nauth_ref = 'k'\n", "colour"),
        ("version = 1\n[routes.a\n", "routes.toml:2"),
    ):
        machine.write("/etc/kheish/routes.toml", text)
        checked = machine.run("/usr/sbin/kheishd --check-config", check=False)
        check(checked.code, 78, checked.text())
        check_in("/etc/kheish/routes.toml", checked.err)
        check_in(part, checked.err)
        check(machine.run("systemctl restart kheish.service", check=False).code != 0, True, "it has started")
        check(machine.run("systemctl show -P ExecMainStatus kheish.service").out, "78\n")
        check(machine.run("systemctl is-active kheish.service", check=False).out, "failed\n", "no restart follows")
    machine.write("/etc/kheish/routes.toml", routes)
    machine.run("systemctl restart kheish.service")
    check(state(machine), before, "what is on record")
    agents.wait(agents.submit("alice", "sane", "hello again"))
    agents.forget()
