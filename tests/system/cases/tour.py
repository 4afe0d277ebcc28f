"""The tour of tools/quickstart, as it is shown to people."""

import os

from harness import case, check, check_in

CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
TOUR = os.path.join(CHECKOUT, "tools", "tour")


def run_tour(machine):
    return machine.run([TOUR, "--yes", "--user", "alice"], timeout=200).out


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

    # It may be taken again, and leaves alone what is there.
    routes = "cat /etc/kheish/routes.toml; stat -c %Y.%i /etc/kheish/routes.toml"
    written = machine.run(routes).out
    again = run_tour(machine)
    check_in("that was the tour", again)
    check("wrote /etc" in again, False, "routes.toml was written again")
    check(machine.run(routes).out, written, "routes.toml")


@case
def the_tour_says_what_keeps_it_from_happening(machine):
    machine.run_as("alice", "mkdir -p kheish-tour; rm -f kheish-tour/.kheish-tour")
    refused = machine.run([TOUR, "--yes", "--user", "alice"], check=False)
    check(refused.code, 1, "exit code")
    check_in("/home/alice/kheish-tour is there and is not of this tour", refused.err)
    machine.run("rm -rf /home/alice/kheish-tour /etc/kheish/routes.toml")
    machine.run("systemctl restart kheish.service")
