"""Alice and Bob on one host: neither sees, steers or decides what is the other's."""

import json

from agents import Agents, bash, turn
from harness import case, check, check_in

RUNS = {
    "secret": [
        turn("Bob's secret plan.", bash("gated", "echo executed >> gated.count")),
        turn("It said: {{result 'gated'}}"),
    ],
}
FORBIDDEN = (4, 5)


def curl(machine, user, method, path, body=None):
    words = ["curl", "-sS", "--unix-socket", "/run/kheish/http.sock", "-X", method, "-w", "\n%{http_code}"]
    if body is not None:
        words += ["-H", "Content-Type: application/json", "--data", json.dumps(body)]
    out = machine.run_as(user, [*words, f"http://kheish{path}"]).out
    text, _, code = out.rpartition("\n")
    return int(code), text


def prepare(machine):
    """Bob's session `bobs-plan`, with a run that waits for an approval."""
    agents = Agents(machine)
    if "bobs-plan" not in agents.ctl("sessions", "list").out:
        agents.configure(RUNS)
        agents.create("bob", "bobs-plan")
    for run in agents.ask("runs", "list", "--session-id", "bobs-plan", "--live"):
        return agents, run["run_id"]
    run = agents.submit("bob", "bobs-plan", "secret thing")
    agents.until_status(run, "waiting_for_approval")
    return agents, run


@case
def alice_cannot_read_steer_or_decide_bobs_run_with_kheishctl(machine):
    agents, run = prepare(machine)
    approval = agents.pending(run)[0]["id"]
    before = agents.events(run)
    for words in (
        ("runs", "get", run),
        ("runs", "explain", run),
        ("runs", "events", run),
        ("runs", "stream", run),
        ("runs", "wait", run),
        ("runs", "cancel", run),
        ("sessions", "get", "bobs-plan"),
        ("sessions", "events", "bobs-plan"),
        ("sessions", "stream", "bobs-plan"),
        ("sessions", "input", "bobs-plan", "mine now"),
        ("sessions", "interrupt", "bobs-plan"),
        ("sessions", "end", "bobs-plan"),
        ("approvals", "show", approval),
        ("approvals", "allow", approval),
        ("approvals", "deny", approval),
    ):
        refused = agents.ctl("--no-ask-password", *words, user="alice", check=False)
        check(refused.code in FORBIDDEN, True, f"alice: {refused.text()}")
        check("secret" in refused.out + refused.err, False, f"alice learns of it: {refused.text()}")
    for words in (("runs", "list"), ("sessions", "list"), ("approvals", "list")):
        listed = agents.ctl("--output", "json", *words, user="alice").out
        check("bobs-plan" in listed or run + '"' in listed, False, f"{words}: {listed}")
    check(agents.events(run), before, "the record of bob's run")
    check(agents.status(run), "waiting_for_approval")


@case
def alice_cannot_read_steer_or_decide_bobs_run_over_http(machine):
    agents, run = prepare(machine)
    approval = agents.pending(run)[0]["id"]
    before = agents.events(run)
    decision = {"resolutions": [{"request_id": approval, "behavior": "allow"}]}
    for method, path, body in (
        ("GET", f"/v1/runs/{run}", None),
        ("GET", f"/v1/runs/{run}/events", None),
        ("GET", f"/v1/runs/{run}/stream", None),
        ("POST", f"/v1/runs/{run}/cancel", {}),
        ("POST", f"/v1/runs/{run}/approvals", decision),
        ("GET", "/v1/sessions/bobs-plan", None),
        ("GET", "/v1/sessions/bobs-plan/events", None),
        ("GET", "/v1/sessions/bobs-plan/stream", None),
        ("POST", "/v1/sessions/bobs-plan/input", {"content": "mine now"}),
        ("POST", "/v1/sessions/bobs-plan/runs", {"content": "mine now"}),
        ("POST", "/v1/sessions/bobs-plan/interrupt", {}),
        ("POST", "/v1/sessions/bobs-plan/end", {}),
        ("POST", "/v1/sessions/bobs-plan/approvals", decision),
        ("POST", "/v1/sessions/bobs-plan/approval-runs", decision),
    ):
        code, text = curl(machine, "alice", method, path, body)
        check(code in (403, 404), True, f"alice: {method} {path}: {code} {text}")
        check(json.loads(text)["status"], code, f"{method} {path}: problem document")
        check("secret" in text, False, f"alice learns of it: {text}")
    for path in ("/v1/runs", "/v1/sessions"):
        code, text = curl(machine, "alice", "GET", path)
        check(code, 200, path)
        check("bobs-plan" in text, False, f"{path}: {text}")
    check(agents.events(run), before, "the record of bob's run")
    check(curl(machine, "bob", "GET", f"/v1/runs/{run}")[0], 200, "bob reads his own")


@case
def a_session_of_bob_cannot_be_made_or_taken_by_alice(machine):
    agents, _ = prepare(machine)
    machine.run_as("alice", "mkdir -p work")
    taken = agents.ctl("sessions", "create", "bobs-plan", "--workspace", "/home/alice/work", user="alice", check=False)
    check(taken.code in (4, 5, 6), True, taken.text())
    code, text = curl(machine, "alice", "POST", "/v1/sessions", {"session_id": "bobs-plan"})
    check(code in (403, 404, 409), True, text)
    check(json.loads(agents.ctl("--output", "json", "sessions", "get", "bobs-plan", user="bob").out)["session_id"], "bobs-plan")


@case
def bob_decides_with_his_password_and_alice_cannot_with_hers(machine):
    """Without a person to ask, a decision of an ordinary user is refused, and nothing has happened."""
    agents, run = prepare(machine)
    approval = agents.pending(run)[0]["id"]
    refused = agents.ctl("--no-ask-password", "approvals", "allow", approval, user="bob", check=False)
    check(refused.code, 4, refused.text())
    check(agents.status(run), "waiting_for_approval")
    # Over HTTP the owner is the owner: SO_PEERCRED says who it is.
    code, text = curl(machine, "bob", "POST", f"/v1/runs/{run}/approvals",
                      {"resolutions": [{"request_id": approval, "behavior": "allow"}]})
    check(code in (200, 202), True, text)
    agents.wait(run)
    check(machine.run("cat /home/bob/work-bobs-plan/gated.count").out, "executed\n")


@case
def the_bus_does_not_tell_alice_of_bobs_session(machine):
    agents, run = prepare(machine)
    tree = machine.run_as("alice", "busctl tree --list ai.kheish.Daemon1", check=False)
    check_in("/ai/kheish/Daemon1", tree.out)
    check("bobs" in tree.out, False, f"the tree: {tree.out}")
    objects = machine.run_as(
        "alice",
        "busctl call ai.kheish.Daemon1 /ai/kheish/Daemon1 org.freedesktop.DBus.ObjectManager GetManagedObjects",
        check=False,
    )
    check("bobs" in objects.out or "secret" in objects.out, False, f"GetManagedObjects: {objects.out}")
    number = run.removeprefix("run-")
    read = machine.run_as(
        "alice",
        f"busctl get-property ai.kheish.Daemon1 /ai/kheish/Daemon1/run/{number} ai.kheish.Daemon1.Run Status",
        check=False,
    )
    check(read.code != 0, True, f"a property of bob's run: {read.out}")
    Agents(machine).forget()
