"""Debian packages of a build that is there already, in seconds."""

import glob
import os
import shutil
import subprocess

CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class PackageError(Exception):
    """The package does not build."""


def _do(*command, **options):
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
        raise PackageError(f"{' '.join(command)}: {done.stdout[-4000:]}")


def build_package(build, folder):
    """Packages what the build folder `build` installs into `folder`; the path of the .deb."""
    source = os.path.join(folder, "source")
    os.makedirs(source)
    shutil.copytree(os.path.join(CHECKOUT, "debian"), os.path.join(source, "debian"))
    settings = {"KHEISH_BUILD": os.path.realpath(build), "DEB_BUILD_OPTIONS": "noautodbgsym"}
    _do("debian/rules", "binary", cwd=source, env={**os.environ, **settings})
    shutil.rmtree(source)
    (made,) = glob.glob(os.path.join(folder, "kheish_*.deb"))
    return made


def with_version(package, version, path):
    """Writes the same package with another version to `path`: what an upgrade brings."""
    tree = path + ".tree"
    _do("dpkg-deb", "--raw-extract", package, tree)
    control = os.path.join(tree, "DEBIAN", "control")
    with open(control, encoding="utf-8") as file:
        lines = file.readlines()
    with open(control, "w", encoding="utf-8") as file:
        file.writelines(f"Version: {version}\n" if line.startswith("Version:") else line for line in lines)
    _do("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, path)
    shutil.rmtree(tree)
