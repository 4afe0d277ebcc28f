"""What a session may prove itself with at most, and what its runs are shown: through kheishctl, over a restart."""

import json

from agents import Agents, turn
from harness import case, check, check_in

CREDENTIALS = {"route_allow": ["another"], "route_deny": ["old"]}
CAPABILITIES = {"mcp_server_allow": ["files"], "skill_allow": []}
RUNS = {
    "mail": [
        turn("Now.", ("mail", "mcp__mail__read", {})),
        turn("It said: {{result 'mail'}}"),
    ],
}


def create(agents, session, *words, code=0):
    done = agents.ctl("sessions", "create", session, "--workspace", "/home/alice", *words, user="alice", check=False)
    check(done.code, code, done.text())
    return done


@case
def a_session_keeps_its_scopes_and_takes_no_others(machine):
    agents = Agents(machine)
    agents.configure(RUNS)
    machine.write("/home/alice/scope.json", json.dumps(CREDENTIALS))
    words = ("--credential-scope-file", "/home/alice/scope.json", "--capability-scope-json", json.dumps(CAPABILITIES))
    create(agents, "scoped", *words)
    machine.run("systemctl restart kheish.service")
    create(agents, "scoped", *words)
    view = agents.ask("sessions", "get", "scoped", user="alice")
    check((view["credential_scope"], view["capability_scope"]), (CREDENTIALS, CAPABILITIES))
    check(view["effective_capability_scope"], CAPABILITIES)
    wider = create(agents, "scoped", "--capability-scope-json", '{"mcp_server_allow":["files","mail"]}', code=6)
    check_in("has another capability scope", wider.err)
    refused = agents.ctl("sessions", "input", "scoped", "mail", user="alice", check=False)
    check_in("the credential scope of session scoped blocks route scripted", refused.err)
    unknown = create(agents, "other", "--capability-scope-json", '{"route_allow":[]}', code=2)
    check_in("route_allow", unknown.err)
    agents.forget()


@case
def a_tool_that_is_hidden_is_none(machine):
    agents = Agents(machine)
    agents.configure(RUNS)
    create(agents, "few-tools", "--capability-scope-json", json.dumps(CAPABILITIES))
    run = agents.submit("alice", "few-tools", "mail")
    agents.wait(run)
    check_in('there is no tool "mcp__mail__read"', agents.answer(run))
    finished = [event for event in agents.events(run) if event["type"] == "tool.finished"]
    check([event["outcome"] for event in finished], ["invalid"])
    tried = ("permissions", "check", "mcp__mail__read")
    view = agents.ask(*tried, "--session-id", "few-tools", user="alice")
    check(view["decision"], "deny")
    check_in("capability scope", view["reason"])
    agents.forget()
