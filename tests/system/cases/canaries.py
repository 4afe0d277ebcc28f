"""Known secrets of every kind, a run that hunts for them, and a search through everything that is left behind."""

import base64
import json
import urllib.parse

from agents import Agents
from harness import case, check, check_in
from messages_mock import provider

STORE = "/etc/credstore.encrypted"
AUDIT_CREDENTIAL = "/etc/credstore/audit-signing-key"
AUDIT_KEY_FILE = "/var/lib/kheish/audit-signing.key"
TLS = "/etc/ssl/kheish-canary"
SOCKET = "kheish-http.socket"
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
SETTINGS = f"""[[permissions.rules]]
pattern = "bash"
behavior = "allow"
[http]
tls_certificate = "{TLS}/certificate.pem"
tls_key = "/run/credentials/kheish.service/tls-key"
"""
SERVICE = f"""[Service]
LoadCredentialEncrypted=openai-api-key
LoadCredential=tls-key:{TLS}/key.pem
"""
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


# Where a secret belongs although it is looked for there.
RIGHTFUL = (AUDIT_KEY_FILE,)
SHORTEST_PART = 8
SEARCH_SECONDS = 120


def forms(raw):
    """What it may look like: as it is, encoded at each of the three places of base64, and in parts."""
    yield raw
    yield raw[::-1]
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield "".join(f"%{byte:02x}" for byte in raw).encode()
    yield urllib.parse.quote(raw, safe="").encode()
    for offset in range(3):
        # What comes before and after changes the outermost digits only.
        yield base64.b64encode(b"\0" * offset + raw)[4 if offset else 0 : -4]
    third = len(raw) // 3
    if third >= SHORTEST_PART:
        yield from (raw[:third], raw[third : 2 * third], raw[2 * third :])


def patterns_of(secrets):
    """All forms of all secrets. grep takes lines: what has a newline in it is looked for in pieces."""
    patterns = set()
    for pieces in secrets.values():
        for form in (form for piece in pieces for form in forms(piece)):
            lines = form.split(b"\n")
            patterns.update(line for line in lines if len(lines) == 1 or len(line) >= SHORTEST_PART)
    return patterns


def search(machine, secrets):
    """Where any form of any of them is found, and which. grep takes bytes that are no text as well."""
    patterns = base64.b64encode(b"\n".join(sorted(patterns_of(secrets))) + b"\n").decode()
    machine.run("umask 077; base64 -d > /run/forms", data=patterns)
    look = "env LC_ALL=C grep -aoF -f /run/forms"
    passed_over = " ".join(f"! -path {path}" for path in RIGHTFUL)
    files = machine.run(
        f"find {' '.join(PLACES)} -type f {passed_over} -print0 2>/dev/null | xargs -0 -r {look} -H | head -50",
        check=False,
        timeout=SEARCH_SECONDS,
    ).out
    log = "".join(
        machine.run(f"journalctl -o {output} --no-pager | {look} | sort | uniq -c", check=False, timeout=SEARCH_SECONDS).out
        for output in ("verbose", "export")
    )
    machine.run("rm -f /run/forms")
    return [line for line in (files + log).split("\n") if line]


def canary(kind):
    return f"sk-CANARY+/{kind}-z9Q7x2Lm4Vt8"


def tls_secrets(machine):
    """A key for the socket beyond the host: its number, and what of it is in the lines of its file."""
    machine.run(
        f"install -d {TLS} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
        f" -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout {TLS}/key.pem -out {TLS}/certificate.pem"
    )
    lines = machine.run(f"grep -v -e ----- {TLS}/key.pem").out.split()
    key = base64.b64decode("".join(lines))
    # RFC 5915: version 1 and an octet string of 32 bytes. The public key behind it is no secret.
    begin = key.index(b"\x02\x01\x01\x04\x20") + 5
    number = key[begin : begin + 32]
    first, last = begin * 4 // 3, (begin + 32) * 4 // 3
    parts = (line[max(0, first - at) : max(0, last - at)] for at, line in zip(range(0, 256, 64), lines))
    return [number, *(part.encode() for part in parts if len(part) >= SHORTEST_PART)]


def audit_secrets(text):
    """A signing key: its text, and the seed in it."""
    text = text.strip()
    seed = base64.b64decode(text.split("+", 4)[4])[1:33]
    return [text.encode(), seed]


def change_audit_keys(machine, secrets):
    """One that has signed and was replaced, its successor, and one that is a credential; all of them have signed."""
    for kind, change in (("former audit key", ""), ("audit key", "kheishctl audit rotate-key; ")):
        machine.run(f"{change}kheishctl audit checkpoint; kheishctl audit export > '/run/left/export of {kind}'")
        secrets[kind] = audit_secrets(machine.run(f"cat {AUDIT_KEY_FILE}").out)
    machine.run(f"umask 077; kheishctl audit generate-key > {AUDIT_CREDENTIAL}")
    secrets["audit credential"] = audit_secrets(machine.run(f"cat {AUDIT_CREDENTIAL}").out)
    machine.run(f"kheishctl audit rotate-key --next-signing-key {AUDIT_CREDENTIAL} > /run/left/rotation")
    machine.run("systemctl start kheish-audit-checkpoint.service")
    check_in("audit-key-epochs\n", machine.run("ls /var/lib/kheish").out)


def speak_tls(machine, token):
    """What the key is for; and what is no TLS, whose errors are left behind as well."""
    ask = ["curl", "-sS", "--max-time", "20", "--cacert", f"{TLS}/certificate.pem", "-o", "/dev/null", "-w", "%{http_code}"]
    ask += ["-H", f"Authorization: Bearer {token}", "https://localhost:4000/v1/sessions"]
    check(machine.run_as("bob", ask).out, "200")
    check(machine.run("curl -sS --max-time 20 http://localhost:4000/v1/sessions", check=False).code != 0, True)


def leave_all(machine, run):
    """All that can be had of it by anybody."""
    for number, command in enumerate(
        (
            "kheishctl journal export --content",
            "kheishctl audit export",
            f"kheishctl audit export --signing-key {AUDIT_CREDENTIAL}",
            f"kheishctl audit prove 0 --signing-key {AUDIT_CREDENTIAL}",
            f"kheishctl audit key --signing-key {AUDIT_CREDENTIAL}",
            "kheishctl --output json audit epochs",
            "kheishctl --output json audit list",
            "kheishctl --output json runs list",
            "kheishctl --output json secrets list",
            "kheishctl --output json tokens list",
            "kheishctl --output json status",
            "kheishctl --output json capabilities",
            f"kheishctl --output json runs get {run}",
            f"kheishctl --output json runs events {run}",
            "kheishctl journal backup /run/left/backup.db",
            "curl -s --unix-socket /run/kheish/http.sock http://localhost/v1/runtime/secrets",
            f"curl -sv --cacert {TLS}/certificate.pem https://localhost:4000/v1/runtime/secrets",
            "systemctl show kheish.service kheish-audit-checkpoint.service",
        )
    ):
        machine.run(f"{command} > /run/left/{number} 2>&1", check=False)


def clean_up(machine):
    machine.run("rm /etc/kheish/routes.toml; systemctl restart kheish.service")
    machine.run("kheishctl secrets revoke claude; kheishctl secrets delete claude; kheishctl secrets delete spare")
    machine.run("kheishctl tokens revoke canary")
    machine.run(f"install -o kheish -g kheish -m 600 {AUDIT_CREDENTIAL} {AUDIT_KEY_FILE}")
    machine.run(
        f"rm -rf /run/left {STORE} /etc/credstore {DROP_IN} {TLS} /etc/kheish/kheish.toml.d/50-canary.toml;"
        f" systemctl daemon-reload; systemctl stop kheish.service {SOCKET}; systemctl start kheish.service"
    )


@case(timeout=560)
def no_byte_of_a_secret_is_found_anywhere(machine):
    texts = {kind: canary(kind) for kind in ("plain", "encrypted", "slot", "former", "revoked")}
    # Where they belong: systemd's two stores, and the journal's own.
    machine.run(f"install -d -m 700 /etc/credstore {STORE} {DROP_IN}")
    machine.run("install -m 600 /dev/stdin /etc/credstore/anthropic-api-key", data=texts["plain"])
    machine.run(
        f"systemd-creds encrypt --name=openai-api-key - {STORE}/openai-api-key", data=texts["encrypted"]
    )
    secrets = {"TLS key": tls_secrets(machine)}
    machine.write(f"{DROP_IN}/canary.conf", SERVICE)
    texts["master key"] = machine.run("kheishctl secrets generate").out.strip()
    machine.run(
        f"systemd-creds encrypt --name=secrets-master-key - {STORE}/secrets-master-key", data=texts["master key"]
    )
    machine.run("install -d /etc/kheish /etc/kheish/kheish.toml.d /run/left")
    machine.write("/etc/kheish/kheish.toml.d/50-canary.toml", SETTINGS)
    with provider(machine, texts["slot"], FIXTURES) as url:
        machine.write("/etc/kheish/routes.toml", ROUTES % (url, url, url))
        machine.run(f"systemctl daemon-reload; systemctl stop kheish.service; systemctl start {SOCKET} kheish.service")
        for name, kind in (("claude", "former"), ("claude", "slot"), ("spare", "revoked")):
            machine.run(f"kheishctl secrets set {name}", data=texts[kind])
        machine.run("kheishctl secrets revoke spare")
        texts["token"] = machine.run("kheishctl tokens create canary --role operator").out.strip()
        # Everything that kheishd would say, it says.
        debug = "busctl set-property ai.kheish.Daemon1 /org/freedesktop/LogControl1 org.freedesktop.LogControl1 LogLevel s debug"
        machine.run(debug)
        change_audit_keys(machine, secrets)
        speak_tls(machine, texts["token"])

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

    speak_tls(machine, texts["token"])
    leave_all(machine, hunt)
    secrets.update((kind, [text.encode()]) for kind, text in texts.items())
    found = search(machine, secrets)
    print(f"canaries: {len(secrets)} secrets, {len(patterns_of(secrets))} forms, {len(found)} found")
    check(found, [], "bytes of secrets that were found")
    # The search finds what is there, text or not, and passes over one file and not its neighbours.
    machine.write("/run/left/planted", base64.b64encode(b"xy" + texts["slot"].encode() + b"z").decode())
    check(len(search(machine, {"slot": [texts["slot"].encode()]})), 1, "a planted one is found")
    machine.run("base64 -d > /var/lib/kheish/planted", data=base64.b64encode(b"\0\xff" + secrets["TLS key"][0]).decode())
    machine.run(f"cp {AUDIT_KEY_FILE} {AUDIT_KEY_FILE}.planted")
    planted = search(machine, {kind: secrets[kind] for kind in ("TLS key", "audit key")})
    machine.run(f"rm /var/lib/kheish/planted {AUDIT_KEY_FILE}.planted")
    check({line.partition(":")[0] for line in planted}, {"/var/lib/kheish/planted", f"{AUDIT_KEY_FILE}.planted"})
    clean_up(machine)
