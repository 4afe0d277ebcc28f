"""What the tour does to a run from outside: it decides about gates, and it restarts kheishd."""

import subprocess
import time

from .shell import TourError, as_user, call, kheishctl, say

ASK_LIMIT = 3


class Decider:
    """Who answers gates: whoever sits at the terminal, or this script in the name of root."""

    def __init__(self, user, at_terminal):
        self.user = user
        self.at_terminal = at_terminal
        self.denied = []

    def decide(self, approval):
        if not self.at_terminal:
            say(f"nobody is asked: granting {approval['id']} ({approval['tool_name']}) as root")
            print(f"    kheishctl approvals allow {approval['id']}", flush=True)
            kheishctl("approvals", "allow", approval["id"], "--justification", "granted by tools/tour")
            return
        if not any(self.ask(approval) for _ in range(ASK_LIMIT)):
            raise TourError(f"{approval['id']} was not decided")

    def ask(self, approval):
        say(f"{approval['tool_name']} waits for your decision about exactly what is shown above")
        answer = input("    allow it? [y]es, [n]o: ").strip().lower()
        if answer[:1] not in ("y", "n"):
            return False
        verb = "allow" if answer[0] == "y" else "deny"
        print(f"    kheishctl approvals {verb} {approval['id']}   (as {self.user.pw_name})", flush=True)
        # With the terminal as its standard input and output it can ask for the user's password.
        done = subprocess.run(
            [*as_user(self.user), "kheishctl", "approvals", verb, approval["id"]], check=False
        )
        if done.returncode == 0 and verb == "deny":
            self.denied.append(approval["tool_name"])
        return done.returncode == 0


def main_pid():
    return call(["systemctl", "show", "--value", "--property=MainPID", "kheish.service"]).strip()


class Restart:
    """`systemctl restart kheish`, once, while the first `bash` call of a run is executed."""

    def __init__(self, wanted):
        self.wanted = wanted
        self.call = None
        self.process = None
        self.old_pid = None
        self.requested_ms = None

    def begin(self, call_id, scope):
        self.call = call_id
        self.old_pid = main_pid()
        say(f"bash is running in {scope}; restarting kheishd (process {self.old_pid}) meanwhile")
        print("    systemctl restart kheish", flush=True)
        self.requested_ms = time.time() * 1000
        self.process = subprocess.Popen(["systemctl", "restart", "kheish.service"])

    def check_ended(self):
        """Says so when it is done."""
        if self.process is None or self.process.poll() is None:
            return
        code, self.process = self.process.returncode, None
        pid = main_pid()
        if code != 0 or pid in ("0", self.old_pid):
            raise TourError("kheishd was not restarted; see `journalctl -u kheish`")
        say(f"kheishd is back as process {pid}; the run goes on")

    def finish(self):
        if self.process is not None:
            self.process.wait()
            self.check_ended()
