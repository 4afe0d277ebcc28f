"""What the tour stands on: an installed kheish, a workspace, routes, a key, a session."""

import io
import json
import os
import pwd
import shutil
import subprocess
import tarfile

from .shell import COMMAND_SECONDS, TourError, as_user, call, kheishctl, say

CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROUTES_FILE = "/etc/kheish/routes.toml"
CREDENTIAL = "anthropic-api-key"
CREDENTIAL_FILE = f"/etc/credstore/{CREDENTIAL}"
AGENT_USER = "kheish-agent"
AGENT_WORKSPACES = "/var/lib/kheish-workspaces"
MARK = ".kheish-tour"

TOUR_ROUTE = """\
# Written by tools/tour. kheish.toml(5) explains it; it is yours to change.
version = 1
default_route = "tour"

# Plays a file instead of asking a model: no key, no network.
[routes.tour]
driver = "scripted"
scenario = "/usr/share/kheish/scenarios/tour.json"
"""


def check_installed():
    if os.geteuid() != 0:
        raise TourError("this needs root: it restarts a service and works for another user")
    if not os.path.isdir("/run/systemd/system"):
        raise TourError("systemd is not running here; tools/quickstart boots one")
    if shutil.which("kheishctl") is None:
        raise TourError("kheish is not installed; tools/install does it")


def choose_user(name):
    """Whose run it is: the one named, whoever called sudo, or root."""
    name = name or os.environ.get("SUDO_USER") or "root"
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise TourError(f"there is no user {name}") from None


def source_files():
    """The checkout's own files: what git knows, or everything but builds where git is not there."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", CHECKOUT,
         "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, check=False,
    ) if shutil.which("git") else None  # fmt: skip
    if listed and listed.returncode == 0 and listed.stdout:
        names = {os.fsdecode(name) for name in listed.stdout.split(b"\0") if name}
        return sorted(name for name in names if os.path.isfile(os.path.join(CHECKOUT, name)))
    found = []
    for folder, folders, files in os.walk(CHECKOUT):
        folders[:] = [
            name for name in folders if not name.startswith((".git", "build")) and name != "node_modules"
        ]
        found += [os.path.relpath(os.path.join(folder, name), CHECKOUT) for name in files]
    return sorted(found)


def make_workspace(user):
    """A fresh copy of the checkout that belongs to whoever the run works as."""
    if user.pw_uid == 0:
        # Root's runs work as a user of their own, who has no home.
        owner = pwd.getpwnam(AGENT_USER)
        path = os.path.join(AGENT_WORKSPACES, "kheish-tour")
        if not os.path.isdir(path):
            os.mkdir(path, 0o700)
            os.chown(path, owner.pw_uid, owner.pw_gid)
            call([*as_user(owner), "touch", os.path.join(path, MARK)])
    else:
        owner = user
        path = os.path.join(user.pw_dir, "kheish-tour")
    # What lies below somebody's folder is only touched as that somebody.
    script = (
        'set -eu; umask 077; if [ -e "$1" ] && [ ! -e "$1/$2" ]; then'
        ' echo "$1 is there and is not of this tour; move it away" >&2; exit 1; fi;'
        ' mkdir -p "$1"; find "$1" -mindepth 1 -maxdepth 1 -exec rm -rf {} +;'
        ' : >"$1/$2"; tar -xf - --no-same-owner -C "$1"'
    )
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in source_files():
            archive.add(os.path.join(CHECKOUT, name), name, recursive=False)
    done = subprocess.run(
        [*as_user(owner), "sh", "-c", script, "sh", path, MARK],
        input=packed.getvalue(), capture_output=True, cwd="/", check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise TourError(done.stderr.decode("utf-8", "replace").strip())
    return path


def anthropic_route():
    """The table of the route, from the variables that other tools use, too."""
    text = '\n[routes.anthropic]\ndriver = "anthropic"\n'
    model = os.environ.get("ANTHROPIC_MODEL") or "claude-sonnet-4-5"
    text += f"default_model = {json.dumps(model)}\nauth_ref = {json.dumps(CREDENTIAL)}\n"
    if url := os.environ.get("ANTHROPIC_BASE_URL"):
        text += f"base_url = {json.dumps(url)}\n"
    return text


def configure_routes(with_key):
    """Writes routes.toml where there is none, or the second route behind our own; True for a change."""
    wanted = TOUR_ROUTE + (anthropic_route() if with_key else "")
    try:
        with open(ROUTES_FILE, encoding="utf-8") as file:
            present = file.read()
    except FileNotFoundError:
        present = None
    if present == wanted:
        return False
    if present is not None and not (with_key and present == TOUR_ROUTE):
        say(f"{ROUTES_FILE} is there already and stays as it is")
        return False
    os.makedirs(os.path.dirname(ROUTES_FILE), exist_ok=True)
    temporary = ROUTES_FILE + ".new"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(wanted)
    os.chmod(temporary, 0o644)
    os.rename(temporary, ROUTES_FILE)
    routes = "the routes tour (scripted) and anthropic" if with_key else "the route tour (scripted)"
    say(f"wrote {ROUTES_FILE} with {routes}: the package itself configures none")
    return True


def store_key(key):
    """Leaves the key where systemd looks for credentials of the service; True where it was not there."""
    os.makedirs(os.path.dirname(CREDENTIAL_FILE), mode=0o700, exist_ok=True)
    try:
        file = os.open(CREDENTIAL_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        say(f"{CREDENTIAL_FILE} is there already and stays as it is")
        return False
    with os.fdopen(file, "w", encoding="ascii") as stream:
        stream.write(key.strip() + "\n")
    say(f"the key is in {CREDENTIAL_FILE} (mode 0600), a credential of kheish.service; rm takes it back")
    return True


def routes():
    readiness = kheishctl("status")["provider_readiness"]
    return {route["route_id"]: route for route in readiness["routes"]}


def check_route(name, text):
    route = routes().get(name)
    if route is None:
        raise TourError(f"{ROUTES_FILE} has no route {name}; add this and run tools/tour again:\n\n{text}")
    if route["state"] == "error":
        raise TourError(f"the route {name} is not ready: {route['message']}")


def make_session(name, user, workspace):
    """The session of that name, free to take input."""
    found = subprocess.run(
        ["kheishctl", "--output", "json", "sessions", "get", name],
        capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
    )  # fmt: skip
    if found.returncode == 0:
        session = json.loads(found.stdout)
        mine = session["owner"] == f"user:{user.pw_uid}" and session["workspace"] == workspace
        if not mine or "ended_at_ms" in session:
            raise TourError(f"there is another session {name}; give a free name with --session")
        if session.get("active_run_id"):
            say(f"{session['active_run_id']} of an earlier tour is not over; interrupting it")
            kheishctl("sessions", "interrupt", name)
    kheishctl("sessions", "create", name, "--workspace", workspace, user=user)
