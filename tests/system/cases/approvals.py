"""Decisions about gated calls, with the real polkit: who is asked for a password, and what it releases."""

import os

from agents import Agents, bash, slow_bash, turn
from harness import case, check, check_in

TERMINAL = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "at_terminal.py")
RUNS = {
    "": [
        turn("May I?", bash("gated", "echo executed >> gated.count; echo done")),
        turn("It said: {{result 'gated'}}"),
    ],
}
RULE = """polkit.addRule(function(action, subject) {
    if (action.id == "ai.kheish.daemon1.approve" && subject.user == "alice")
        return polkit.Result.%s;
});
"""
ESCALATION = "/etc/kheish/kheish.toml.d/50-escalation.toml"


def escalate_to_bob(machine):
    """Holds from the next configure() on."""
    machine.write(
        ESCALATION,
        "[permissions]\napprovals_remind_after_seconds = 1\n"
        'approvals_escalate_after_seconds = 2\napprovals_escalate_to = ["bob"]\n',
    )


def waiting(machine, session):
    agents = Agents(machine)
    agents.configure(RUNS)
    agents.create("alice", session)
    run = agents.submit("alice", session, "x")
    agents.until_status(run, "waiting_for_approval")
    return agents, run, agents.pending(run)[0]["id"]


def at_terminal(machine, password, *words, user="alice"):
    return machine.run(["/usr/bin/python3", TERMINAL, password, "kheishctl", *words], user=user, check=False)


@case
def the_owner_decides_at_a_terminal_with_her_password(machine):
    agents, run, approval = waiting(machine, "typed")
    explained = agents.ctl("runs", "explain", run, user="alice").out
    check_in("has waited for approval since", explained)
    check_in("bash wants to do this: ", explained)
    check_in(f"({approval})", explained)
    check_in("or an administrator, by kheishctl approvals allow or deny", explained)
    decided = at_terminal(machine, "alice", "approvals", "allow", approval)
    check(decided.code, 0, decided.text())
    check_in("Password:", decided.out)
    # polkit shows what it is about: the tool and a summary of the very call.
    check_in("bash", decided.out)
    check_in("echo executed", decided.out)
    agents.wait(run)
    check_in("done", agents.answer(run))
    check(machine.run("cat /home/alice/work-typed/gated.count").out, "executed\n")


@case
def a_wrong_password_decides_nothing(machine):
    agents, run, approval = waiting(machine, "mistyped")
    refused = at_terminal(machine, "not hers", "approvals", "allow", approval)
    check(refused.code, 4, refused.text())
    check(agents.status(run), "waiting_for_approval")
    check(machine.run("test -e /home/alice/work-mistyped/gated.count", check=False).code, 1)
    # Deciding takes a password each time: none is kept from the case before this one.
    refused = agents.ctl("--no-ask-password", "approvals", "deny", approval, user="alice", check=False)
    check(refused.code, 4, refused.text())
    denied = at_terminal(machine, "alice", "approvals", "deny", approval, "--reason", "no need")
    check(denied.code, 0, denied.text())
    agents.wait(run)
    check_in("no need", agents.answer(run))


@case
def rules_of_the_administrator_hold(machine):
    agents, run, approval = waiting(machine, "ruled")
    for result, code in (("NO", 4), ("YES", 0)):
        machine.write("/etc/polkit-1/rules.d/10-test.rules", RULE % result)
        machine.run("systemctl restart polkit.service")
        decided = agents.ctl("approvals", "allow", approval, user="alice", check=False)
        check(decided.code, code, f"{result}: {decided.text()}")
    machine.run("rm /etc/polkit-1/rules.d/10-test.rules; systemctl restart polkit.service")
    agents.wait(run)


@case
def the_same_decision_twice_is_told_apart_from_another(machine):
    agents, run, approval = waiting(machine, "twice")
    agents.ctl("approvals", "allow", approval)
    agents.wait(run)
    for verb in ("allow", "deny"):
        again = agents.ctl("approvals", verb, approval, check=False)
        check(again.code, 6, again.text())
    check(machine.run("cat /home/alice/work-twice/gated.count").out, "executed\n")


@case
def without_polkit_nobody_is_allowed_anything_that_needs_it(machine):
    agents, run, approval = waiting(machine, "unasked")
    machine.run("systemctl mask --runtime polkit.service && systemctl stop polkit.service")
    refused = agents.ctl("approvals", "allow", approval, user="alice", check=False)
    machine.run("systemctl unmask --runtime polkit.service && systemctl start polkit.service")
    check(refused.code in (4, 7), True, refused.text())
    check(agents.status(run), "waiting_for_approval")
    agents.forget()


@case
def all_pending_calls_of_a_session_are_decided_together(machine):
    agents = Agents(machine)
    pair = [bash("first", "echo first >> pair; echo one"), bash("second", "echo second >> pair; echo two")]
    agents.configure({"": [turn("Two?", *pair), turn("They said: {{result 'first'}} {{result 'second'}}")]})
    agents.create("alice", "together")
    run = agents.submit("alice", "together", "x")
    agents.until_status(run, "waiting_for_approval")
    check(len(agents.pending(run)), 2)
    # One password for both, and the prompt says what both are.
    decided = at_terminal(machine, "alice", "approvals", "allow-all", "together")
    check(decided.code, 0, decided.text())
    check(decided.out.count("Password:"), 1, decided.out)
    check_in("2 calls", decided.out)
    check_in("echo second", decided.out)
    agents.wait(run)
    check(sorted(machine.run("cat /home/alice/work-together/pair").out.split()), ["first", "second"])
    nothing = agents.ctl("approvals", "deny-all", "together", check=False)
    check(nothing.code, 2, nothing.text())
    check_in("has no call that waits for permission", nothing.err)


@case
def a_changed_input_is_what_happens(machine):
    agents, run, approval = waiting(machine, "changed")
    wrong = agents.ctl("approvals", "allow", approval, "--updated-input-json", '{"cmd":"true"}', check=False)
    check(wrong.code, 2, wrong.text())
    check(agents.status(run), "waiting_for_approval")
    agents.ctl("approvals", "allow", approval, "--updated-input-json", '{"command":"echo instead > changed"}')
    agents.wait(run)
    check(machine.run("cat /home/alice/work-changed/changed").out, "instead\n")
    check(machine.run("test -e /home/alice/work-changed/gated.count", check=False).code, 1)
    check_in("changed its input", agents.answer(run))


@case
def what_came_of_a_lost_call_is_supplied_and_nothing_runs_again(machine):
    agents = Agents(machine)
    agents.configure({"": [turn("On it.", slow_bash("lost")), turn("It said: {{result 'lost'}}")]}, allowed=["bash"])
    agents.create("alice", "supplied")
    run = agents.submit("alice", "supplied", "x")
    agents.until_executed("alice", "supplied", "lost")
    machine.run(["systemctl", "kill", "-s", "KILL", agents.scope(run)])
    agents.until_status(run, "waiting_for_approval")
    gate = agents.pending(run)[0]
    check(gate["gate"], "outcome_unknown")
    check_in("may have happened", agents.ctl("approvals", "show", gate["id"]).out)
    skipped = agents.ctl("approvals", "allow-all", "supplied", check=False)
    check(skipped.code, 2, skipped.text())
    agents.ctl("approvals", "supply", gate["id"], "--result", "I have looked: it was done")
    agents.wait(run)
    check_in("I have looked: it was done", agents.answer(run))
    check(agents.executed("alice", "supplied", "lost"), 1)


@case
def what_is_remembered_is_not_asked_again_until_it_is_revoked(machine):
    agents = Agents(machine)
    pushes = [bash(f"push{i}", f"echo pushed {i} >> pushes; echo {i}") for i in range(4)]
    agents.configure({"": [turn(f"{i}?", push) for i, push in enumerate(pushes)] + [turn("All.")]})
    agents.create("alice", "remembered")
    run = agents.submit("alice", "remembered", "x")
    agents.until_status(run, "waiting_for_approval")
    first = agents.pending(run)[0]["id"]
    # A pattern that would not cover what is shown releases nothing.
    wrong = agents.ctl("approvals", "allow", first, "--remember", "command=make *", check=False)
    check(wrong.code, 2, wrong.text())
    check_in("does not cover", wrong.text())
    # A redirection is no plain command: only the exact action can be remembered of it.
    wrong = agents.ctl("approvals", "allow", first, "--remember", "command=echo *", check=False)
    check(wrong.code, 2, wrong.text())
    decided = at_terminal(machine, "alice", "approvals", "allow", first, "--remember", "exact", "--for", "session")
    check(decided.code, 0, decided.text())
    # polkit shows that more than this call is allowed.
    check_in("this very action again in this session", decided.out)
    grant = "grant-" + first.removeprefix("approval-")
    check_in(grant, agents.ctl("grants", "list", user="alice").out)
    check(agents.ctl("grants", "list", user="bob").out.count(grant), 0)
    machine.until("the next call is asked for", lambda: [first] != [gate["id"] for gate in agents.pending(run)] != [])
    agents.ctl("runs", "cancel", run)
    agents.wait(run, code=6)

    # The same action in another run of the session: nobody is asked, across a restart too.
    machine.run("systemctl restart kheish.service")
    run = agents.submit("alice", "remembered", "x")
    agents.until_status(run, "waiting_for_approval")
    check(machine.run("grep -c 'pushed 0' /home/alice/work-remembered/pushes").out, "2\n")
    agents.ctl("runs", "cancel", run)
    agents.wait(run, code=6)

    refused = agents.ctl("grants", "revoke", grant, user="bob", check=False)
    check(refused.code, 4, refused.text())
    agents.ctl("grants", "revoke", grant, "--reason", "enough", user="alice")
    check(agents.ctl("grants", "list", user="alice").out.count(grant), 0)
    run = agents.submit("alice", "remembered", "x")
    agents.until_status(run, "waiting_for_approval")
    check(machine.run("grep -c 'pushed 0' /home/alice/work-remembered/pushes").out, "2\n")
    check(agents.pending(run)[0]["summary"].count("pushed 0"), 1)
    agents.ctl("runs", "cancel", run)
    agents.wait(run, code=6)
    log = agents.ctl("audit", "list").out
    check_in("grant.created", log)
    check_in("grant.revoked", log)


@case
def what_nobody_decides_is_escalated(machine):
    escalate_to_bob(machine)
    agents, run, approval = waiting(machine, "escalated")
    machine.run(f"rm {ESCALATION}")
    machine.until("bob is asked", lambda: approval in agents.ctl("approvals", "list", user="bob").out)
    types = [event["type"] for event in agents.events(run)]
    check("approval.reminded" in types, True, types)
    check("approval.escalated" in types, True, types)
    # It holds for what was asked for then, whatever the configuration says later.
    machine.run("systemctl restart kheish.service")
    check(agents.ctl("runs", "get", run, user="bob", check=False).code, 4)
    decided = at_terminal(machine, "bob", "approvals", "allow", approval, user="bob")
    check(decided.code, 0, decided.text())
    agents.wait(run)
    check(machine.run("cat /home/alice/work-escalated/gated.count").out, "executed\n")
    entries = agents.ask("runs", "events", run)
    resolved = [entry for entry in entries if entry["event"]["type"] == "approval.resolved"]
    bob = machine.run("id -u bob").out.strip()
    check(resolved[0]["authority"], f"user:{bob}")


@case
def what_nobody_says_of_a_lost_call_is_escalated(machine):
    escalate_to_bob(machine)
    agents = Agents(machine)
    agents.configure({"": [turn("On it.", slow_bash("gone")), turn("It said: {{result 'gone'}}")]}, allowed=["bash"])
    agents.create("alice", "unsaid")
    run = agents.submit("alice", "unsaid", "x")
    agents.until_executed("alice", "unsaid", "gone")
    machine.run(["systemctl", "kill", "-s", "KILL", agents.scope(run)])
    agents.until_status(run, "waiting_for_approval")
    machine.run(f"rm {ESCALATION}")
    gate = agents.pending(run)[0]["id"]
    machine.until("bob is asked", lambda: gate in agents.ctl("approvals", "list", user="bob").out)
    check(agents.count(run, "approval.reminded"), 1)
    check(agents.count(run, "approval.escalated"), 1)
    machine.run("systemctl restart kheish.service")
    check(agents.ctl("runs", "get", run, user="bob", check=False).code, 4)
    said = ["approvals", "supply", gate, "--result", "I have looked: it was done"]
    check(at_terminal(machine, "bob", *said, user="bob").code, 0)
    agents.wait(run)
    check_in("I have looked: it was done", agents.answer(run))
    check(agents.executed("alice", "unsaid", "gone"), 1)
