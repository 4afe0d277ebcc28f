"""What a run asks a person, on a real systemd: answered, declined, late, and through restarts and reboots."""

import json

from agents import Agents, bash, turn
from harness import case, check, check_in

ASK = ("ask", "ask_user_question", {"questions": [
    {"id": "color", "question": "Which color?", "options": [{"id": "red", "label": "Red"}, {"id": "blue", "label": "Blue"}]},
]})  # fmt: skip
ASK_BRIEFLY = ("ask", "ask_user_question", {"questions": [{"question": "Go on?"}], "expires_after_ms": 3000})
ANSWER = '[{"question_id":"color","selected_option_ids":["blue"]}]'


def asked(machine, session, question=ASK):
    agents = Agents(machine)
    agents.configure({"": [turn("I need to know.", question), turn("You said: {{result 'ask'}}")]})
    agents.create("alice", session)
    run = agents.submit("alice", session, "x")
    agents.until_status(run, "waiting_for_user_question")
    return agents, run, agents.view(run)["pending_question_ids"][0]


@case
def the_owner_answers_and_nobody_else(machine):
    agents, run, question = asked(machine, "asked")
    check_in("Which color?", agents.ctl("runs", "explain", run, user="alice").out)
    for words in (("show", question), ("answer", question, "--answers-json", ANSWER), ("cancel", question)):
        refused = agents.ctl("--no-ask-password", "questions", *words, user="bob", check=False)
        check(refused.code, 4, refused.text())
    wrong = agents.ctl("questions", "answer", question, "--answers-json", "[]", user="alice", check=False)
    check(wrong.code, 2, wrong.text())
    check_in("question_answer_missing", wrong.err)
    # One's own question takes no password.
    agents.ctl("questions", "answer", question, "--answers-json", ANSWER, user="alice")
    agents.wait(run)
    check_in("Blue", agents.answer(run))
    late = agents.ctl("questions", "answer", question, "--declined", user="alice", check=False)
    check(late.code, 6, late.text())


@case
def a_question_waits_through_a_kill_and_is_answered_over_http(machine):
    agents, run, question = asked(machine, "killed")
    agents.kill_daemon()
    check(agents.status(run), "waiting_for_user_question")
    body = json.dumps({"resolution": {"request_id": question, "answers": json.loads(ANSWER)}})
    answered = machine.run_as(
        "alice",
        "curl -sS -w '%{http_code}' --unix-socket /run/kheish/http.sock -H 'Content-Type: application/json'"
        f" -d '{body}' http://localhost/v1/runs/{run}/questions",
    )
    check(answered.out[-3:], "202", answered.out)
    agents.wait(run)
    check_in("Blue", agents.answer(run))


@case
def a_question_that_nobody_answers_in_time_cancels_its_run(machine):
    agents = Agents(machine)
    agents.configure({"": [turn("Quickly!", ASK_BRIEFLY), turn("never said")]})
    agents.create("alice", "late")
    run = agents.submit("alice", "late", "x")
    agents.until_over(run)
    check(agents.status(run), "cancelled")
    events = [event["type"] for event in agents.events(run)]
    check(events.count("question_expired") + events.count("question.expired"), 1, events)


@case
def nobody_is_asked_what_stands_behind_a_question(machine):
    agents = Agents(machine)
    agents.configure(
        {"": [turn("Both.", ASK, bash("after", "echo executed >> after.count")), turn("done")]}, allowed=["bash"]
    )
    agents.create("alice", "behind")
    run = agents.submit("alice", "behind", "x")
    agents.until_status(run, "waiting_for_user_question")
    check(machine.run("test -e /home/alice/work-behind/after.count", check=False).code, 1)
    agents.ctl("questions", "answer", agents.view(run)["pending_question_ids"][0], "--answers-json", ANSWER)
    agents.wait(run)
    check(machine.run("cat /home/alice/work-behind/after.count").out, "executed\n")
