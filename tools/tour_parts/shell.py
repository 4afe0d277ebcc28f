"""How the parts of the tour speak: to the person who watches, to programs, to kheishd."""

import json
import subprocess
import time

COMMAND_SECONDS = 120
BEGAN = time.monotonic()


class TourError(Exception):
    """Something that the tour is to show did not happen."""


def say(text):
    print(f"\n==> [{time.monotonic() - BEGAN:4.0f} s] {text}", flush=True)


def call(words, timeout=COMMAND_SECONDS, **options):
    """Runs a command to its end; a failure is a TourError that says what it printed."""
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=timeout, check=False, **options
    )
    if done.returncode != 0:
        raise TourError(f"`{' '.join(words)}` ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def kheishctl(*words, user=None):
    """The JSON that kheishctl answers, asked as root or as `user`."""
    answer = call([*as_user(user), "kheishctl", "--output", "json", *words])
    return json.loads(answer) if answer.strip() else {}


def as_user(user):
    if user is None or user.pw_uid == 0:
        return []
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--init-groups", "--reset-env"]
