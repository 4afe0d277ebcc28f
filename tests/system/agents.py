"""Real runs for the cases: a scripted route, sessions of alice and bob, and what is on record of them.

    agents = Agents(machine)
    agents.configure(RUNS)               # routes.toml and scenario of the cases, then a restart of kheishd
    agents.create("alice", "one")        # a session in a workspace of its own, /home/alice/work-one
    run = agents.submit("alice", "one", "the input")
    agents.until_status(run, "waiting_for_approval")
    agents.allow(run)
    agents.wait(run)                     # its final view

Commands of people go through `kheishctl` as the user; what a case asks for itself, it asks as root.
"""

import json

from harness import check

ROUTES = "/etc/kheish/routes.toml"
SETTINGS = "/etc/kheish/kheish.toml.d/50-system-test.toml"
SCENARIO = "/etc/kheish/system-test.json"
FOLDERS = "install -d /etc/kheish /etc/kheish/kheish.toml.d"
DATABASE = "/var/lib/kheish/journal.db"
ENDS = ("completed", "failed", "cancelled", "interrupted")
ALLOW = """[[permissions.rules]]
pattern = "{tool}"
behavior = "allow"
reason = "this case is not about approvals"
"""


def turn(text=None, *calls, **options):
    """One turn of a scenario; a call is (name, tool, input)."""
    entry = {"text": text} if text else {}
    if calls:
        entry["tool_calls"] = [{"name": name, "tool": tool, "input": given} for name, tool, given in calls]
    return {**entry, **options}


def bash(name, command, timeout_ms=120000):
    return (name, "bash", {"command": command, "timeout_ms": timeout_ms})


def slow_bash(name):
    """Leaves a line in `NAME.count` each time that it is executed, and ends when released by release()."""
    return bash(
        name,
        f"[ -p {name}.go ] || mkfifo {name}.go; echo executed >> {name}.count;"
        f" read -r word < {name}.go; echo {name} has ended",
    )


class Agents:
    def __init__(self, machine):
        self.machine = machine

    def configure(self, runs, allowed=(), settings=""):
        """`runs` is {text in the input: [turns]}; `allowed` names tools that need no approval."""
        scenario = {
            "version": 1,
            "runs": [{"when_input_contains": text, "turns": turns} for text, turns in runs.items()],
        }
        self.machine.run(FOLDERS)
        self.machine.write(SCENARIO, json.dumps(scenario))
        routes = f'version = 1\n[routes.scripted]\ndriver = "scripted"\nscenario = "{SCENARIO}"\n'
        self.configure_routes(routes, allowed, settings)

    def configure_routes(self, routes, allowed=(), settings=""):
        """As configure(), with a routes.toml of the case's own."""
        self.machine.run(FOLDERS)
        self.machine.write(ROUTES, routes)
        self.machine.write(SETTINGS, settings + "".join(ALLOW.format(tool=tool) for tool in allowed))
        self.machine.run("systemctl restart kheish.service")

    def forget(self):
        """Ends what the case left running, and takes the configuration away again."""
        for run in self.live():
            self.machine.run(["kheishctl", "runs", "cancel", run["run_id"]], check=False)
        self.machine.until("no run is live", lambda: not self.live())
        self.machine.run(f"rm -f {ROUTES} {SETTINGS} {SCENARIO}; systemctl restart kheish.service")

    def ctl(self, *words, user="root", **options):
        return self.machine.run(["kheishctl", *words], user=user, **options)

    def ask(self, *words, user="root"):
        """The JSON that kheishctl answers."""
        return json.loads(self.ctl("--output", "json", *words, user=user).out)

    def workspace(self, user, session):
        return f"/home/{user}/work-{session}"

    def create(self, user, session):
        folder = self.workspace(user, session)
        self.machine.run_as(user, ["mkdir", "-p", folder])
        check(self.ctl("sessions", "create", session, "--workspace", folder, user=user).out, session + "\n")

    def submit(self, user, session, text):
        return self.ctl("sessions", "input", session, text, user=user).out.strip()

    def view(self, run):
        return self.ask("runs", "get", run)

    def status(self, run):
        return self.view(run)["status"]

    def live(self):
        return self.ask("runs", "list", "--live", "--limit", "100")

    def events(self, run):
        """Everything on record of a run: the bodies, each with its type."""
        return [entry["event"] for entry in self.ask("runs", "events", run)]

    def count(self, run, kind):
        return sum(event["type"] == kind for event in self.events(run))

    def until_status(self, run, status):
        def has_it():
            now = self.status(run)
            if now in ENDS and now != status:
                raise AssertionError(f"{run} is {now}, not {status}: {self.events(run)[-3:]}")
            return now == status

        self.machine.until(f"{run} is {status}", has_it)

    def until_executed(self, user, session, name):
        """Waits until slow_bash(name) has begun."""
        path = f"{self.workspace(user, session)}/{name}.count"
        self.machine.until(f"{path} is there", lambda: self.machine.run(["test", "-s", path], check=False).code == 0)

    def release(self, user, session, name):
        """Returns when the command has heard of it."""
        self.machine.run_as(user, f"echo go > {self.workspace(user, session)}/{name}.go")

    def executed(self, user, session, name):
        """How often slow_bash(name) was executed: its side effect, counted."""
        return self.machine.run(["cat", f"{self.workspace(user, session)}/{name}.count"]).out.count("executed\n")

    def until_over(self, run):
        self.machine.until(f"{run} is over", lambda: self.status(run) in ENDS)

    def pending(self, run):
        return self.view(run).get("pending_approvals", [])

    def allow(self, run):
        """Root decides, who is not asked for a password."""
        for approval in self.pending(run):
            self.ctl("approvals", "allow", approval["id"])

    def wait(self, run, code=0):
        result = self.ctl("--output", "json", "runs", "wait", run, check=False)
        check(result.code, code, f"exit code of runs wait {run}: {result.text()}")
        return json.loads(result.out)

    def answer(self, run):
        return "\n".join(output["content"] for output in self.view(run).get("outputs", []))

    def scope(self, run, attempt=1):
        number = run.removeprefix("run-")
        return f"kheish-run-{number}-{attempt}.scope"

    def processes(self, run):
        """Of all attempts."""
        number = run.removeprefix("run-")
        slices = f"/sys/fs/cgroup/kheish.slice/kheish-runs.slice/kheish-runs-{number}.slice"
        return self.machine.run(f"cat {slices}/*/cgroup.procs 2>/dev/null", check=False).out.split()

    def main_pid(self):
        return self.machine.run("systemctl show -P MainPID kheish.service").out.strip()

    def kill_daemon(self):
        """kill -9, and the service manager has started another one."""
        old = self.main_pid()
        self.machine.run(["kill", "-9", old])
        self.machine.until("kheishd is back", lambda: self.main_pid() not in ("0", old))
        self.machine.run("systemctl start kheish.service")
