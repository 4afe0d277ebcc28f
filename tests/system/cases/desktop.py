"""Prompts of kheishd's own: where a user sits, polkit's agent of that session shows what their run wants to do."""

import json

from agents import Agents, bash, turn
from harness import case, check, check_in

AGENT = "/usr/libexec/kheish/polkit-agent"
NO_ASKING = """polkit.addRule(function(action, subject) {
    if (action.id.indexOf("ai.kheish.daemon1.") == 0)
        return polkit.Result.YES;
});
"""
RULES = "/etc/polkit-1/rules.d/10-test.rules"


def runs(*names):
    return {name: [turn("May I?", bash(name, f"echo {name} >> done")), turn("Done.")] for name in names}


class Desk:
    """A session of a user, as a desktop makes one, with an agent in it that does one thing."""

    def __init__(self, machine, user, *words):
        self.machine, self.user = machine, user
        self.unit = f"kheish-test-desk-{user}"
        self.log = f"/run/{self.unit}.log"
        machine.run(f"install -D -m 0755 {machine.test_program('polkit-agent')} {AGENT}")
        machine.run(f"systemctl stop {self.unit}.service 2>/dev/null; rm -f {self.log}")
        machine.run([
            "systemd-run", f"--unit={self.unit}", "--collect", "-p", f"User={user}", "-p", "PAMName=login",
            "-p", "Environment=XDG_SESSION_TYPE=wayland XDG_SESSION_CLASS=user XDG_SEAT=seat0",
            "-p", f"StandardOutput=truncate:{self.log}", AGENT, *words,
        ])
        machine.until("the agent is ready", lambda: any(line.startswith("ready") for line in self.lines()))
        self.session = self.lines()[0].split()[1]

    def lines(self):
        return self.machine.run(f"cat {self.log}", check=False).out.splitlines()

    def count(self, line):
        return self.lines().count(line)

    def asked(self):
        return self.count("asked ai.kheish.daemon1.release")

    def until(self, line, count=1):
        self.machine.until(f"the agent says {line}", lambda: self.count(line) >= count)

    def lock(self, locked):
        listed = json.loads(self.machine.run("loginctl list-sessions --output=json").out)
        check([entry["session"] for entry in listed if entry["user"] == self.user], [self.session])
        path = self.machine.run(
            ["busctl", "call", "--json=short", "org.freedesktop.login1", "/org/freedesktop/login1",
             "org.freedesktop.login1.Manager", "GetSession", "s", self.session]
        )
        session = json.loads(path.out)["data"][0]
        self.machine.run_as(
            self.user,
            ["busctl", "call", "org.freedesktop.login1", session,
             "org.freedesktop.login1.Session", "SetLockedHint", "b", str(locked).lower()],
        )

    def leave(self):
        self.machine.run(f"systemctl stop {self.unit}.service")


def waiting(machine, agents, session, text):
    agents.create("alice", session)
    run = agents.submit("alice", session, text)
    agents.until_status(run, "waiting_for_approval")
    return run


@case
def an_approval_is_asked_for_where_its_owner_sits(machine):
    agents = Agents(machine)
    agents.configure(runs("asked-for"))
    bobs = Desk(machine, "bob", "type", "bob")
    desk = Desk(machine, "alice", "type", "alice")
    agents.create("alice", "at-her-desk")
    run = agents.submit("alice", "at-her-desk", "asked-for")
    agents.wait(run)
    check(machine.run("cat /home/alice/work-at-her-desk/done").out, "asked-for\n")
    shown = "\n".join(desk.lines())
    check(desk.asked(), 1)
    check_in("Your agent session at-her-desk waits for you. Authenticate to allow this: bash: ", shown)
    check_in("echo asked-for >> done", shown)
    check_in("identity alice", shown)
    resolved = [event for event in agents.events(run) if event["type"] == "approval.resolved"]
    check_in(f"(SHA-256 {resolved[0]['digest']})", shown)
    entry = [entry for entry in agents.ask("runs", "events", run) if entry["event"]["type"] == "approval.resolved"]
    check(entry[0]["authority"], f"user:{machine.run('id -u alice').out.strip()}")
    check(bobs.asked(), 0)
    for one in (desk, bobs):
        one.leave()
    agents.forget()


@case
def a_dismissed_prompt_has_decided_nothing(machine):
    agents = Agents(machine)
    agents.configure(runs("dismissed", "mistyped"))
    desk = Desk(machine, "alice", "dismiss")
    run = waiting(machine, agents, "dismissed", "dismissed")
    machine.until("she was asked", lambda: desk.asked() == 1)
    desk.lock(True)
    desk.lock(False)  # as good an occasion as any to be asked again
    check(agents.status(run), "waiting_for_approval")
    desk.leave()
    desk = Desk(machine, "alice", "type", "not hers")
    second = waiting(machine, agents, "mistyped", "mistyped")
    desk.until("refused")
    check(agents.status(second), "waiting_for_approval")
    check_in("echo mistyped", "\n".join(desk.lines()))
    check(desk.asked(), 1)  # the first one was left alone
    for name in ("dismissed", "mistyped"):
        check(machine.run(f"test -e /home/alice/work-{name}/done", check=False).code, 1)
    desk.leave()
    agents.forget()


@case
def nobody_is_asked_where_nobody_sits(machine):
    agents = Agents(machine)
    agents.configure(runs("locked", "elsewhere"))
    desk = Desk(machine, "alice", "hold")
    desk.lock(True)
    run = waiting(machine, agents, "locked", "locked")
    check(desk.asked(), 0)
    desk.lock(False)
    machine.until("she is asked once she is back", lambda: desk.asked() == 1)
    desk.lock(True)
    desk.until("cancelled")
    desk.lock(False)
    machine.until("she is asked again", lambda: desk.asked() == 2)
    agents.ctl("approvals", "deny", agents.pending(run)[0]["id"])  # by root, meanwhile
    desk.until("cancelled", 2)
    agents.wait(run)
    desk.leave()
    agents.forget()


@case
def what_waited_through_a_restart_is_asked_for(machine):
    agents = Agents(machine)
    agents.configure(runs("restarted"))
    run = waiting(machine, agents, "restarted", "restarted")
    desk = Desk(machine, "alice", "type", "alice")
    agents.kill_daemon()
    agents.wait(run)
    desk.until("authenticated")
    desk.leave()
    agents.forget()


def left_alone(machine, name, rule):
    """alice sits there, `rule` holds, and kheishd leaves a gate of hers to be decided elsewhere."""
    agents = Agents(machine)
    agents.configure(runs(name))
    machine.write(RULES, rule)
    machine.run("systemctl restart polkit.service")
    desk = Desk(machine, "alice", "type", "alice")
    run = waiting(machine, agents, name, name)
    said = f"journalctl -u kheish.service -o cat KHEISH_RUN_ID={run}"
    machine.until("kheishd has left it alone", lambda: "left to be decided elsewhere" in machine.run(said).out)
    check(agents.status(run), "waiting_for_approval")
    check(desk.asked(), 0)
    machine.run(f"rm {RULES}; systemctl restart polkit.service")
    desk.leave()
    agents.forget()


@case
def a_rule_that_allows_everything_releases_nothing_here(machine):
    left_alone(machine, "unasked", NO_ASKING)


@case
def who_may_not_decide_elsewhere_is_not_asked_here(machine):
    rule = NO_ASKING.replace("YES", "NO").replace('"ai.kheish.daemon1."', '"ai.kheish.daemon1.approve"')
    left_alone(machine, "forbidden", rule)


@case
def it_can_be_switched_off(machine):
    agents = Agents(machine)
    agents.configure(runs("off", "on"), settings="[permissions]\ndesktop_prompts = false\n")
    desk = Desk(machine, "alice", "hold")
    run = waiting(machine, agents, "switched", "off")
    check(desk.asked(), 0)
    agents.configure(runs("off", "on"))
    machine.until("she is asked again where it is on", lambda: desk.asked() == 1)
    check(agents.status(run), "waiting_for_approval")
    desk.leave()
    agents.forget()
