"""Keys of a provider, with real credentials of systemd and a third-party server that knows the keys."""

import json

from agents import Agents, turn
from harness import case, check, check_in
from messages_mock import provider

KEYS = ("sk-canary-first-4711", "sk-canary-second-4712")
ROUTES = """version = 1
default_route = "claude"
[routes.claude]
driver = "anthropic"
default_model = "m"
auth_ref = "claude"
base_url = "%s"
"""
STORE = "/etc/credstore.encrypted"


def master_key(machine, name):
    """Makes one as the manual says, and restarts the service."""
    machine.run(f"install -d -m 700 {STORE}")
    machine.run(f"kheishctl secrets generate | systemd-creds encrypt --name={name} - {STORE}/{name}")
    machine.run("systemctl restart kheish.service")


def explain(machine, run):
    return machine.run(["kheishctl", "runs", "explain", run]).out


def waits_for(machine, run, what):
    machine.until(f"{run} waits for {what}", lambda: f"has waited for {what}" in explain(machine, run))


def given(machine, name, key, **options):
    machine.write("/run/key", key + "\n", mode=0o600)
    return machine.run(f"kheishctl secrets set {name} < /run/key; code=$?; rm /run/key; exit $code", **options)


@case(timeout=420)
def a_key_is_given_used_rotated_and_revoked_and_found_nowhere(machine):
    first, second = KEYS
    with provider(machine, first) as url:
        machine.run("install -d /etc/kheish")
        machine.write("/etc/kheish/routes.toml", ROUTES % url)
        machine.run("systemctl restart kheish.service")
        refused = given(machine, "claude", first, check=False)
        check_in("systemd-creds encrypt", refused.err)
        master_key(machine, "secrets-master-key")
        check_in("there is no credential or secret", machine.run("kheishctl status").out)
        check_in("stored", given(machine, "claude", first).out)

        agents = Agents(machine)
        agents.create("alice", "keys")
        run = agents.submit("alice", "keys", "Inspect this repo")
        agents.wait(run)

        # Another key at the server: the run waits, and goes on with what is given.
    with provider(machine, second):
        run = agents.submit("alice", "keys", "Inspect this repo")
        waits_for(machine, run, "credential")
        check_in("kheishctl secrets set", explain(machine, run))
        machine.run("systemctl restart kheish.service")
        waits_for(machine, run, "credential")
        given(machine, "claude", second)
        agents.wait(run)

        # The master key changes hands; nothing else does.
        master_key(machine, "secrets-master-key-next")
        check_in("secrets", machine.run("kheishctl secrets rotate-master-key").out)
        machine.run(
            f"systemd-creds decrypt --name=secrets-master-key-next {STORE}/secrets-master-key-next -"
            f" | systemd-creds encrypt --name=secrets-master-key - {STORE}/secrets-master-key"
            f" && rm {STORE}/secrets-master-key-next"
        )
        machine.run("systemctl restart kheish.service")
        run = agents.submit("alice", "keys", "Inspect this repo")
        agents.wait(run)

        refused = machine.run("kheishctl secrets delete claude", check=False)
        check(refused.code, 6, refused.text())
        check_in("route claude needs secret", refused.err)
        machine.run("kheishctl secrets revoke claude --reason leaked")
        refused = machine.run_as("alice", "kheishctl sessions input keys again", check=False)
        check_in("was revoked", refused.err)

    log = machine.run("kheishctl audit list").out
    for record in ("secret.stored", "master_key.rotated", "secret.revoked"):
        check_in(record, log)
    check(machine.run("kheishctl journal verify").code, 0)
    for key in KEYS:
        places = "/var/lib/kheish /var/log /run/kheish /etc/kheish /home/alice/work-keys"
        found = machine.run(["sh", "-c", f"grep -rl {key} {places}; journalctl -b | grep -c {key}"], check=False)
        check(found.out, "0\n", f"places that have {key}")
    for command in ("secrets list", "secrets get claude", "--output json secrets list", "status"):
        shown = machine.run(f"kheishctl {command}").text()
        check([key for key in KEYS if key in shown], [], command)
    machine.run(f"rm -r {STORE} /etc/kheish/routes.toml")
    machine.run("systemctl restart kheish.service")
    machine.run("kheishctl secrets delete claude")


@case
def secrets_are_for_administrators(machine):
    for command in ("list", "get claude", "rotate-master-key", "revoke claude", "import-credential a b"):
        refused = machine.run_as("alice", f"kheishctl --no-ask-password secrets {command}", check=False)
        check(refused.code, 4, f"{command}: {refused.text()}")
    refused = machine.run_as("alice", "echo sk-1 | kheishctl --no-ask-password secrets set claude", check=False)
    check(refused.code, 4, refused.text())
    for path, method in (("secrets", "GET"), ("secrets/claude", "GET"), ("secrets/claude", "DELETE")):
        answer = machine.run_as(
            "alice",
            f"curl -s -X {method} --unix-socket /run/kheish/http.sock http://localhost/v1/runtime/{path}",
        ).out
        check(json.loads(answer)["code"], "insufficient_access", f"{method} {path}")


@case
def over_http_a_secret_goes_in_and_does_not_come_out(machine):
    master_key(machine, "secrets-master-key")
    curl = "curl -s --unix-socket /run/kheish/http.sock http://localhost/v1/runtime/secrets"
    body = json.dumps({"slot_id": "spare", "provider": "anthropic", "mode": "api_key", "state": {"value": KEYS[0]}})
    machine.write("/run/body", body, mode=0o600)
    made = machine.run(f"{curl} -H 'content-type: application/json' -d @/run/body; rm /run/body").out
    check(json.loads(made)["slot_id"], "spare", made)
    shown = machine.run(f"{curl}; {curl}/spare").out
    check(KEYS[0] in made + shown, False)
    check(json.loads(machine.run(f"{curl}/spare -X DELETE").out), {"accepted": True})
    check(json.loads(machine.run(f"{curl}/spare").out)["code"], "not_found")
    machine.run(f"rm -r {STORE}; systemctl restart kheish.service")


@case
def a_revoked_session_asks_nothing_until_it_is_restored(machine):
    agents = Agents(machine)
    agents.configure({"": [turn("One moment.", delay_ms=600000), turn("Never.")]})
    agents.create("alice", "astray")
    run = agents.submit("alice", "astray", "x")
    machine.until("it asks", lambda: "has waited for model" in explain(machine, run))
    shown = machine.run("kheishctl auth subject session:astray").out
    check_in("lease-", shown)
    refused = machine.run_as("alice", "kheishctl --no-ask-password auth revoke-subject session:astray", check=False)
    check(refused.code, 4, refused.text())
    machine.run("kheishctl auth revoke-subject session:astray --reason 'gone astray'")
    waits_for(machine, run, "credential")
    check_in("was revoked", explain(machine, run))
    machine.run("systemctl restart kheish.service")
    waits_for(machine, run, "credential")
    machine.run("kheishctl auth restore-subject session:astray")
    machine.until("it asks again", lambda: "has waited for model" in explain(machine, run))
    actions = machine.run(["kheishctl", "runs", "external-actions", run]).out
    check_in("failed: authentication", actions)
    agents.ctl("runs", "cancel", run)
    agents.wait(run, code=6)
    log = machine.run("kheishctl audit list").out
    check_in("subject.revoked", log)
    check_in("subject.restored", log)
    check(machine.run("kheishctl journal verify").code, 0)
