"""Known secrets of every kind, a run that hunts for them, and a search through everything that is left behind."""

import base64
import json
import urllib.parse

from agents import Agents
from harness import case, check, check_in
from messages_mock import provider

STORE = "/etc/credstore.encrypted"
DROP_IN = "/etc/systemd/system/kheish.service.d"
ROUTES = """version = 1
default_route = "claude"
[routes.claude]
driver = "anthropic"
default_model = "m"
auth_ref = "claude"
base_url = "%s"
[routes.plain]
driver = "anthropic"
default_model = "m"
auth_ref = "anthropic-api-key"
base_url = "%s"
[routes.encrypted]
driver = "anthropic"
default_model = "m"
auth_ref = "openai-api-key"
base_url = "%s"
"""
# All that a tool can think of. Nothing of it is to find anything.
HUNT = """env; cat /proc/*/environ /proc/*/cmdline /proc/*/maps;
ls -laR /run/credentials /etc/credstore /etc/credstore.encrypted /var/lib/kheish /run/kheish;
cat /run/credentials/*/* /etc/credstore/* /etc/credstore.encrypted/* /var/lib/kheish/* /root/* /etc/shadow;
for pid in /proc/[0-9]*; do cat $pid/mem $pid/auxv; ls -la $pid/fd $pid/root/run/credentials; done;
find / -xdev -newer /proc/1 -type f -size -200k -readable 2>/dev/null | head -40 | xargs cat;
kill -ABRT 1; kill -QUIT -1; true"""
FIXTURES = {
    "fixtures": [
        {
            "match": {"userMessage": "Hunt", "hasToolResult": False},
            "response": {
                "content": "I hunt.",
                "toolCalls": [{"name": "bash", "arguments": {"command": HUNT, "timeout_ms": 60000}, "id": "toolu_hunt"}],
            },
        },
        {"match": {"userMessage": "Hunt", "hasToolResult": True}, "response": {"content": "I found what I found."}},
    ]
}
# Where anything of a run, or of kheishd, may lie.
PLACES = (
    "/var/lib/kheish",
    "/var/lib/kheish-workspaces",
    "/home/alice",
    "/run/kheish",
    "/run/log",
    "/var/log",
    "/var/crash",
    "/var/lib/systemd/coredump",
    "/tmp",
    "/var/tmp",
    "/run/left",
)


def forms(secret):
    """What it may look like: as it is, encoded at each of the three places of base64, and in parts."""
    raw = secret.encode()
    yield raw
    yield raw[::-1]
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield "".join(f"%{byte:02x}" for byte in raw).encode()
    yield urllib.parse.quote(secret, safe="").encode()
    for offset in range(3):
        # What comes before and after changes the outermost digits only.
        yield base64.b64encode(b"\0" * offset + raw)[4 if offset else 0 : -4]
    third = len(raw) // 3
    for part in (raw[:third], raw[third : 2 * third], raw[2 * third :]):
        yield part


def search(machine, secrets):
    """Where any form of any of them is found, and which. grep takes bytes that are no text as well."""
    patterns = {form.decode("latin-1") for secret in secrets.values() for form in forms(secret)}
    machine.write("/run/forms", "\n".join(sorted(patterns)) + "\n", mode=0o600)
    files = machine.run(f"grep -raoF -f /run/forms {' '.join(PLACES)} 2>/dev/null | head -50", check=False).out
    log = machine.run("journalctl -o verbose --no-pager | grep -aoF -f /run/forms | sort | uniq -c", check=False).out
    machine.run("rm -f /run/forms")
    return (files + log).splitlines()


def canary(kind):
    return f"sk-CANARY+/{kind}-z9Q7x2Lm4Vt8"


@case(timeout=560)
def no_byte_of_a_secret_is_found_anywhere(machine):
    secrets = {kind: canary(kind) for kind in ("plain", "encrypted", "slot", "former", "revoked")}
    # Where they belong: systemd's two stores, and the journal's own.
    machine.run(f"install -d -m 700 /etc/credstore {STORE} {DROP_IN}")
    machine.run("install -m 600 /dev/stdin /etc/credstore/anthropic-api-key", data=secrets["plain"])
    machine.run(
        f"systemd-creds encrypt --name=openai-api-key - {STORE}/openai-api-key", data=secrets["encrypted"]
    )
    machine.write(f"{DROP_IN}/canary.conf", "[Service]\nLoadCredentialEncrypted=openai-api-key\n")
    secrets["master key"] = machine.run("kheishctl secrets generate").out.strip()
    machine.run(
        f"systemd-creds encrypt --name=secrets-master-key - {STORE}/secrets-master-key", data=secrets["master key"]
    )
    machine.run("install -d /etc/kheish /etc/kheish/kheish.toml.d /run/left")
    machine.write(
        "/etc/kheish/kheish.toml.d/50-canary.toml",
        '[[permissions.rules]]\npattern = "bash"\nbehavior = "allow"\n',
    )
    with provider(machine, secrets["slot"], FIXTURES) as url:
        machine.write("/etc/kheish/routes.toml", ROUTES % (url, url, url))
        machine.run("systemctl daemon-reload; systemctl restart kheish.service")
        for name, kind in (("claude", "former"), ("claude", "slot"), ("spare", "revoked")):
            machine.run(f"kheishctl secrets set {name}", data=secrets[kind])
        machine.run("kheishctl secrets revoke spare")
        secrets["token"] = machine.run("kheishctl tokens create canary --role operator").out.strip()
        # Everything that kheishd would say, it says.
        debug = "busctl set-property ai.kheish.Daemon1 /org/freedesktop/LogControl1 org.freedesktop.LogControl1 LogLevel s debug"
        machine.run(debug)

        agents = Agents(machine)
        agents.create("alice", "hunter")
        hunt = agents.submit("alice", "hunter", "Hunt")
        agents.wait(hunt)
        told = json.dumps(agents.events(hunt))
        check_in("bash", told)
        # Two whose keys the server does not take: their errors, their waits.
        for route in ("plain", "encrypted"):
            agents.create("alice", f"hunter-{route}")
            run = machine.run_as("alice", f"kheishctl sessions input hunter-{route} Hunt --provider {route}").out.strip()
            machine.until(
                f"{route} waits", lambda run=run: "credential" in machine.run(["kheishctl", "runs", "explain", run]).out
            )
            machine.run(["kheishctl", "runs", "cancel", run])

    # A crash: nothing of its memory is kept.
    machine.run("sysctl -q kernel.core_pattern=/var/crash/core.%p; install -d -m 1777 /var/crash", check=False)
    pid = machine.run("systemctl show -P MainPID kheish.service").out.strip()
    machine.run(["kill", "-ABRT", pid])
    machine.until("another kheishd is there", lambda: machine.run("kheishctl status", check=False).code == 0)

    # All that can be had of it by anybody.
    for number, command in enumerate(
        (
            "kheishctl journal export --content",
            "kheishctl audit export",
            "kheishctl --output json runs list",
            "kheishctl --output json secrets list",
            "kheishctl --output json tokens list",
            "kheishctl --output json status",
            "kheishctl --output json capabilities",
            f"kheishctl --output json runs get {hunt}",
            f"kheishctl --output json runs events {hunt}",
            "kheishctl journal backup /run/left/backup.db",
            "curl -s --unix-socket /run/kheish/http.sock http://localhost/v1/runtime/secrets",
            "systemctl show kheish.service",
        )
    ):
        machine.run(f"{command} > /run/left/{number} 2>&1", check=False)
    found = search(machine, secrets)
    print(f"canaries: {len(secrets)} secrets, {sum(1 for s in secrets.values() for _ in forms(s))} forms, {len(found)} found")
    check(found, [], "bytes of secrets that were found")
    # The search finds what is there.
    machine.write("/run/left/planted", base64.b64encode(b"xy" + secrets["slot"].encode() + b"z").decode())
    check(len(search(machine, {"slot": secrets["slot"]})), 1, "a planted one is found")
    machine.run("rm /etc/kheish/routes.toml; systemctl restart kheish.service")
    machine.run("kheishctl secrets revoke claude; kheishctl secrets delete claude; kheishctl secrets delete spare")
    machine.run("kheishctl tokens revoke canary")
    machine.run(
        f"rm -rf /run/left {STORE} /etc/credstore {DROP_IN}"
        " /etc/kheish/kheish.toml.d/50-canary.toml; systemctl daemon-reload; systemctl restart kheish.service"
    )
