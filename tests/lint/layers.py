"""Which folder may include which: the dependency law of daemon/README.md as one table."""

BASE = {"base"}
PURE = BASE | {"codec"}
LOW = PURE | {"config", "sandbox"}
MIDDLE = {"engine", "journal", "govern", "models", "tools", "scopes", "outbound"}
LATER = {"agents", "schedule", "hooks", "skills", "mcp", "connect", "capture"}
EDGES = {"bus", "http"}

# Folder -> the folders it may include besides itself. `app` stands for the files directly in daemon/.
ALLOWED = {
    "base": set(),
    "codec": BASE,
    "config": PURE,
    "sandbox": BASE,
    "loop": BASE,
    "engine": PURE,
    "journal": LOW,
    "govern": LOW | {"journal"},
    "models": LOW | {"outbound"},
    "outbound": LOW | {"loop"},
    "tools": LOW,
    "scopes": LOW | {"loop"},
    "control": LOW | MIDDLE,
    **{folder: LOW | MIDDLE for folder in LATER},
    "bus": LOW | MIDDLE | LATER | {"control", "loop"},
    "http": LOW | MIDDLE | LATER | {"control", "loop"},
    "app": LOW | MIDDLE | LATER | EDGES | {"control", "loop"},
    "upkeep": LOW | MIDDLE | {"control"},
    "launcher": BASE | {"sandbox"},
    "runner": PURE | {"tools", "sandbox"},
    "ctl": PURE | {"config", "sandbox"},
}

# The seams that the simulator and the tests stand behind: they include only base and codec.
INTERFACE_HEADERS = {
    "daemon/govern/authorizer.hpp",
    "daemon/journal/journal.hpp",
    "daemon/models/model.hpp",
    "daemon/scopes/launcher.hpp",
}

# The simulator links no event loop.
SIMULATOR_FORBIDDEN = {"loop", "bus", "http", "app"}

# Libraries that a folder must not see, by the start of the name between angle brackets.
LOOP_LIBRARIES = ("event2/", "curl/")
STORE_LIBRARIES = ("sqlite3.h", "xxhash.h")
DATA_LIBRARIES = ("jansson.h", "gnutls/", "toml++/", "CLI/")
BANNED_LIBRARIES = {
    "base": LOOP_LIBRARIES + STORE_LIBRARIES + DATA_LIBRARIES,
    "sandbox": LOOP_LIBRARIES + STORE_LIBRARIES + DATA_LIBRARIES,
    "launcher": LOOP_LIBRARIES + STORE_LIBRARIES + DATA_LIBRARIES,
    "runner": LOOP_LIBRARIES + STORE_LIBRARIES,
    "engine": LOOP_LIBRARIES + STORE_LIBRARIES + ("systemd/",),
    "control": LOOP_LIBRARIES + STORE_LIBRARIES + ("systemd/",),
}


def folder_of(path):
    """The layer that a source file belongs to, or None for files outside daemon/ and ctl/."""
    parts = path.split("/")
    if parts[0] == "ctl" and len(parts) > 1:
        return "ctl"
    if parts[0] != "daemon" or len(parts) < 2:
        return None
    return parts[1] if len(parts) > 2 else "app"


def target_of(included):
    """The layer that `#include "included"` points at, or None where it names none."""
    first, slash, _ = included.partition("/")
    if not slash:
        return "beside"
    return first if first in ALLOWED and first != "app" else None


def check_include(path, included):
    """What is wrong with `#include "included"` in the file `path`, or None."""
    target = target_of(included)
    if target is None or ".." in included:
        return f'"{included}" names no folder of the project'
    if path.startswith("tests/sim/"):
        return f"the simulator must not include {target}/" if target in SIMULATOR_FORBIDDEN else None
    folder = folder_of(path)
    if folder is None:
        return None
    if folder not in ALLOWED:
        return f"daemon/{folder}/ has no row in tests/lint/layers.py"
    if target == "beside":
        return None if folder in ("app", "ctl") else f'"{included}" must name its folder'
    if path in INTERFACE_HEADERS and target not in PURE | {folder}:
        return f"an interface header must include only base/ and codec/, not {target}/"
    if target == folder or target in ALLOWED[folder]:
        return None
    return f"{folder}/ must not include {target}/"


def check_library(path, included):
    """What is wrong with `#include <included>` in the file `path`, or None."""
    folder = folder_of(path)
    if folder is not None and included.startswith(BANNED_LIBRARIES.get(folder, ())):
        return f"{folder}/ must not use <{included}>"
    return None
