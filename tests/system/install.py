"""Puts kheish into the root file system of a machine that has not booted yet."""

import configparser
import json
import os
import shutil
import subprocess

# Units that wait for an administrator to enable them, in the package too (debian/rules).
NOT_BY_ITSELF = ("kheish-http.socket",)
UNIT_SUFFIXES = (".service", ".socket", ".timer", ".path", ".target")


def _do(*command, environment=None):
    subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
        check=True,
    )


def package(root, path):
    """Installs a Debian package; its dependencies are the host's."""
    inside = "/opt/" + os.path.basename(path)
    shutil.copy(path, root + inside)
    _do("chroot", root, "dpkg", "--install", inside, environment={"DEBIAN_FRONTEND": "noninteractive"})


def build(root, folder):
    """`meson install`, then what the package's scripts would do: users, and units enabled.

    tmpfiles.d is applied by the boot.
    """
    plan = subprocess.run(
        ["meson", "introspect", "--installed", folder], capture_output=True, check=True
    )
    installed = sorted(json.loads(plan.stdout).values())
    if not installed:
        return
    _do("meson", "install", "-C", folder, "--no-rebuild", "--quiet", environment={"DESTDIR": root})
    _do("systemd-sysusers", f"--root={root}")
    units = [
        os.path.basename(path)
        for path in installed
        if "/systemd/system/" in path
        and path.endswith(UNIT_SUFFIXES)
        and os.path.basename(path) not in NOT_BY_ITSELF
        and _is_enabled(root + path)
    ]
    if units:
        _do("systemctl", f"--root={root}", "enable", *units)


def _is_enabled(path):
    unit = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
    unit.optionxform = str
    unit.read(path, encoding="utf-8")
    return unit.has_section("Install")
