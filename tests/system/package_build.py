"""Debian packages of a build that is there already, in seconds."""

import glob
import os
import shutil
import subprocess

CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class ToolError(Exception):
    """A program that makes something for the tests has failed; what it printed last."""


def do(*command, **options):
    """Runs a program to its end and returns what it printed."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **options,
    )
    if done.returncode != 0:
        raise ToolError(f"{' '.join(command)}:\n{done.stdout[-4000:]}")
    return done.stdout


def build_package(build, folder):
    """Packages what the build folder `build` installs into `folder`; the path of the .deb."""
    source = os.path.join(folder, "source")
    os.makedirs(source)
    shutil.copytree(os.path.join(CHECKOUT, "debian"), os.path.join(source, "debian"))
    settings = {"KHEISH_BUILD": os.path.realpath(build), "DEB_BUILD_OPTIONS": "noautodbgsym"}
    do("debian/rules", "binary", cwd=source, env={**os.environ, **settings})
    shutil.rmtree(source)
    (made,) = glob.glob(os.path.join(folder, "kheish_*.deb"))
    return made


def with_version(package, version, path):
    """Writes the same package with another version to `path`: what an upgrade brings."""
    tree = path + ".tree"
    do("dpkg-deb", "--raw-extract", package, tree)
    control = os.path.join(tree, "DEBIAN", "control")
    with open(control, encoding="utf-8") as file:
        lines = file.readlines()
    with open(control, "w", encoding="utf-8") as file:
        file.writelines(f"Version: {version}\n" if line.startswith("Version:") else line for line in lines)
    do("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, path)
    shutil.rmtree(tree)
