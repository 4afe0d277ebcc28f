"""Pages of the web: asked for by kheishd, from the hosts that somebody has allowed, and put on record."""

import json
import os

from agents import Agents, turn
from harness import case, check, check_in

SERVER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "web_server.py")
LOG = "/run/web.log"
SITE = "127.0.0.1:4712"
OTHER = "127.0.0.1:4713"
SETTINGS = f'[web]\ninternal_hosts = ["{SITE}"]\n'


def page(name, url):
    return (name, "web_fetch", {"url": url})


def serve(machine):
    machine.run(["rm", "-f", LOG])
    server = machine.start(["/usr/bin/python3", SERVER, LOG, "4712", "4713"])
    for port in (4712, 4713):
        listens = f"exec 3<>/dev/tcp/127.0.0.1/{port}"
        machine.until("the sites listen", lambda: machine.run(["bash", "-c", listens], check=False).code == 0)
    return server


def asked(machine):
    return machine.run(f"cat {LOG} 2>/dev/null", check=False).out.splitlines()


@case
def a_page_is_asked_for_when_its_host_is_allowed_and_no_other(machine):
    server = serve(machine)
    agents = Agents(machine)
    agents.configure(
        {
            "": [
                turn("May I?", page("first", f"http://{SITE}/moved?q=secret")),
                turn("And this?", page("second", f"http://{SITE}/away")),
                turn("And there?", page("third", f"https://{OTHER}/notes")),
                turn("A picture?", page("fourth", f"http://{SITE}/picture")),
                turn("{{result 'first'}}|{{result 'second'}}|{{result 'third'}}|{{result 'fourth'}}"),
            ]
        },
        settings=SETTINGS,
    )
    agents.create("alice", "reader")
    run = agents.submit("alice", "reader", "x")
    agents.until_status(run, "waiting_for_approval")
    gate = agents.pending(run)[0]
    check_in(f"web_fetch: http://{SITE}/moved?q=secret", gate["summary"])
    check(asked(machine), [])
    wrong = agents.ctl("approvals", "allow", gate["id"], "--remember", "host=example.com", check=False)
    check(wrong.code, 2, wrong.text())
    check_in("does not cover", wrong.text())
    agents.ctl("approvals", "allow", gate["id"], "--remember", f"host={SITE}", "--for", "session")
    # The second is covered; the third is another host, and asked for.
    machine.until("the other host is asked for", lambda: [g for g in agents.pending(run) if OTHER in g["summary"]] != [])
    # A page that has moved elsewhere is not followed there.
    check(asked(machine), ["4712 /moved?q=secret", "4712 /notes", "4712 /away"])
    # Even where somebody allows it: kheishd goes into no network that its operator has not named.
    agents.allow(run)
    agents.wait(run)
    answer = agents.answer(run)
    check_in("has moved to another place: http://127.0.0.1:4713/notes", answer)
    check_in("which is not allowed", answer)
    check_in("is image/png, which is no text", answer)
    check([line for line in asked(machine) if line.startswith("4713")], [])

    records = json.loads(agents.ctl("--output", "json", "runs", "external-actions", run).out)
    fetches = [record for record in records if record["kind"] == "web_fetch"]
    check([record["phase"] for record in fetches], ["request", "response"] * 4)
    check(fetches[0]["target"], f"GET http://{SITE}/moved")
    check(json.dumps(fetches).count("secret"), 0, "what is behind the question mark")
    server.kill()
    server.communicate()


@case
def rules_about_hosts_hold_in_every_scope(machine):
    server = serve(machine)
    agents = Agents(machine)
    rules = f'[[permissions.rules]]\npattern = "web_fetch"\nhost = "{SITE}"\nbehavior = "allow"\n'
    runs = {"": [turn("I read.", page("only", f"http://{SITE}/notes")), turn("{{result 'only'}}")]}
    agents.configure(runs, settings=SETTINGS + rules)
    agents.create("alice", "allowed")
    run = agents.submit("alice", "allowed", "x")
    agents.wait(run)
    check_in("The word is heron.", agents.answer(run))
    check(agents.answer(run).count("no()"), 0)

    machine.write("/run/narrow.toml", '[[rules]]\npattern = "web_fetch"\nhost = "127.0.0.1"\nbehavior = "deny"\n')
    machine.run_as("alice", "mkdir -p /home/alice/work-denied")
    machine.run_as(
        "alice",
        "kheishctl sessions create denied --workspace /home/alice/work-denied --permissions /run/narrow.toml",
    )
    run = agents.submit("alice", "denied", "x")
    agents.wait(run)
    check_in("denied by rule web_fetch(127.0.0.1)", agents.answer(run))
    check(len(asked(machine)), 1)

    explained = machine.run(
        ["kheishctl", "permissions", "check", "web_fetch", "--input-json", json.dumps({"url": f"http://{SITE}/a"})]
    ).out
    check_in("allow", explained)
    server.kill()
    server.communicate()
