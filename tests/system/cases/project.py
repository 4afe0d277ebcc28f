"""Permission rules of a project and of a session: read by the runner, held for the run, and only ever narrower."""

from agents import Agents, bash, turn
from harness import case, check, check_in

SESSION = "with-project"
NO_PUSH = """[[rules]]
pattern = "bash"
command = "git push *"
behavior = "deny"
reason = "releases are made by people"
"""
LOOSEN = bash("loosen", "rm .kheish/permissions.toml; echo gone")
RUNS = {
    "push": [
        turn("Soon.", LOOSEN),
        turn("Now.", bash("push", "git push origin")),
        turn("It said: {{result 'push'}}"),
    ],
    "plain": [turn("Soon.", bash("plain", "echo plain")), turn("It said: {{result 'plain'}}")],
}


def prepare(machine, session, rules):
    agents = Agents(machine)
    agents.configure(RUNS, allowed=["bash"])
    agents.create("alice", session)
    folder = agents.workspace("alice", session)
    machine.run_as("alice", ["mkdir", "-p", f"{folder}/.kheish"])
    machine.write(f"{folder}/.kheish/permissions.toml", rules)
    return agents, folder


@case
def what_a_project_denies_is_denied_for_the_whole_run(machine):
    agents, folder = prepare(machine, SESSION, NO_PUSH)
    run = agents.submit("alice", SESSION, "push")
    agents.wait(run)
    check(machine.run(["test", "-e", f"{folder}/.kheish/permissions.toml"], check=False).code, 1)
    check_in("releases are made by people", agents.answer(run))
    decided = [event for event in agents.events(run) if event["type"] == "permission.decided"]
    check([(event["decision"], event["rule_scope"]) for event in decided], [("allow", "user"), ("deny", "project")])
    agents.forget()


@case
def a_project_that_asks_for_more_fails_its_runs_by_name(machine):
    rules = NO_PUSH.replace('"deny"', '"allow"')
    agents, folder = prepare(machine, "wider-project", rules)
    view = agents.wait(agents.submit("alice", "wider-project", "plain"), code=1)
    check(view["error_code"], "project_permissions_invalid")
    check_in(".kheish/permissions.toml:1: a project may only narrow", view["error"])
    machine.run(f"rm {folder}/.kheish/permissions.toml; ln -s /etc/shadow {folder}/.kheish/permissions.toml")
    view = agents.wait(agents.submit("alice", "wider-project", "plain"), code=1)
    check(view["error"], ".kheish/permissions.toml: leads out of the workspace")
    agents.forget()


@case
def a_session_has_rules_of_its_own_and_they_are_tried_beforehand(machine):
    agents = Agents(machine)
    agents.configure(RUNS, allowed=["bash"])
    machine.write("/home/alice/rules.toml", NO_PUSH.replace("git push *", "echo *"))
    push = ("permissions", "check", "bash", "--input-json", '{"command":"echo x"}')
    check(agents.ask(*push, user="alice")["decision"], "allow")
    check(agents.ask(*push, "--project", "/home/alice/rules.toml", user="alice")["scope"], "project")
    words = ("sessions", "create", "with-rules", "--workspace", "/home/alice", "--permissions", "/home/alice/rules.toml")
    agents.ctl(*words, user="alice")
    check(agents.ask(*push, "--session-id", "with-rules", user="alice")["scope"], "session")
    run = agents.submit("alice", "with-rules", "plain")
    agents.wait(run)
    check_in("releases are made by people", agents.answer(run))
    machine.write("/home/alice/rules.toml", NO_PUSH.replace('"deny"', '"allow"'))
    refused = agents.ctl("sessions", "create", "wider", "--permissions", "/home/alice/rules.toml",
                         user="alice", check=False)
    check_in("/home/alice/rules.toml:1: a project may only narrow", refused.err)
    check(refused.code, 2, refused.text())
    agents.forget()
