"""The tour of tools/quickstart, as it is shown to people."""

import os

from harness import case, check, check_in
from messages_mock import provider

CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
TOUR = os.path.join(CHECKOUT, "tools", "tour")


def run_tour(machine, environment=None):
    return machine.run([TOUR, "--yes", "--user", "alice"], timeout=200, environment=environment).out


@case(timeout=420)
def the_tour_shows_a_run_through_a_restart(machine):
    machine.run("rm -f /etc/kheish/routes.toml")
    shown = run_tour(machine)
    for part in (
        "wrote /etc/kheish/routes.toml",
        "granting approval-",
        "systemctl restart kheish",
        "kheishd is back as process",
        "and was executed once",
        "Files and lines by folder:",
        "CPU time",
        "tokens",
        "that was the tour",
    ):
        check_in(part, shown)
    owner = machine.run("stat -c %U /home/alice/kheish-tour/SUMMARY.md").out
    check(owner, "alice\n", "owner of what the run wrote")
    check_in("counted by process", machine.run("cat /home/alice/kheish-tour/SUMMARY.md").out)


@case(timeout=420)
def with_a_key_a_run_on_the_provider_follows(machine):
    # The tour may be taken again, and adds its route behind the one it has written itself.
    with provider(machine, "sk-of-the-tour") as url:
        again = run_tour(machine, {"ANTHROPIC_API_KEY": "sk-of-the-tour", "ANTHROPIC_BASE_URL": url})
    for part in (
        "with the routes tour (scripted) and anthropic",
        "a credential of kheish.service",
        "--provider anthropic",
        "The mock has seen the files.",
        "that was the tour",
    ):
        check_in(part, again)
    check("sk-of-the-tour" in again, False, "the tour shows the key")
    check(machine.run("stat -c '%a %U' /etc/credstore/anthropic-api-key").out, "600 root\n")
    found = machine.run("grep -rl sk-of-the-tour /etc/kheish /var/lib/kheish /var/log", check=False)
    check(found.out, "", "files with the key")


@case
def a_provider_that_refuses_the_key_is_named(machine):
    with provider(machine, "sk-another"):
        run = machine.run_as("alice", "kheishctl sessions input demo 'Inspect this repo again' --provider anthropic").out.strip()
        explained = f"kheishctl runs explain {run}"
        machine.until("it waits for another", lambda: "has waited for credential" in machine.run(explained).out)
        check_in("kheishctl secrets set", machine.run(explained).out)
    machine.run(["kheishctl", "runs", "cancel", run])
    machine.run("rm -r /etc/credstore")


@case
def the_tour_says_what_keeps_it_from_happening(machine):
    machine.run_as("alice", "mkdir -p kheish-tour; rm -f kheish-tour/.kheish-tour")
    refused = machine.run([TOUR, "--yes", "--user", "alice"], check=False)
    check(refused.code, 1, "exit code")
    check_in("/home/alice/kheish-tour is there and is not of this tour", refused.err)
    machine.run("rm -rf /home/alice/kheish-tour /etc/kheish/routes.toml")
    machine.run("systemctl restart kheish.service")
