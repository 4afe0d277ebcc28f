"""The disk image of the virtual machine: a minimal Debian 12 with the package of a build."""

import glob
import os
import shutil

import package_build
from package_build import do

HERE = os.path.dirname(os.path.abspath(__file__))
RELEASE = "bookworm"
SIZE = "3G"
# What boots it and what the cases use; what kheish needs comes from its package.
PACKAGES = (
    "systemd-sysv", "udev", "kmod", "initramfs-tools", "linux-image-cloud-amd64", "procps", "python3", "strace",
)  # fmt: skip
AGENT_UNIT = """[Unit]
Description=Commands of the test
After=multi-user.target
[Service]
ExecStart=/usr/bin/python3 /opt/guest_agent.py
# What a test leaves running must not end with it.
KillMode=process
[Install]
WantedBy=graphical.target
"""


def dependencies(package):
    """Names of the packages that `package` needs; of alternatives the first."""
    field = do("dpkg-deb", "--field", package, "Depends")
    return [entry.split("|")[0].split("(")[0].strip() for entry in field.split(",")]


def _in(root, *command):
    return do("chroot", root, *command, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def _write(root, path, text):
    full = os.path.join(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w", encoding="utf-8") as file:
        file.write(text)


def make_root(build, folder):
    """The root file system as a folder; its path."""
    root = os.path.join(folder, "root")
    package = package_build.build_package(build, folder)
    include = ",".join([*PACKAGES, *dependencies(package)])
    do("mmdebstrap", "--variant=minbase", f"--include={include}", RELEASE, root)
    shutil.copy(package, os.path.join(root, "opt/kheish.deb"))
    _in(root, "dpkg", "--install", "/opt/kheish.deb")
    for user in ("alice", "bob"):
        _in(root, "useradd", "--create-home", "--shell=/bin/bash", user)
    shutil.copy(os.path.join(HERE, "guest_agent.py"), os.path.join(root, "opt"))
    _write(root, "etc/systemd/system/guest-agent.service", AGENT_UNIT)
    _in(root, "systemctl", "enable", "guest-agent.service")
    _write(root, "etc/hostname", "kheish-vm\n")
    _write(root, "etc/fstab", "/dev/vda / ext4 errors=remount-ro 0 1\n")
    return root


def make_image(build, folder):
    """(image, kernel, initrd) in `folder`."""
    root = make_root(build, folder)
    image = os.path.join(folder, "root.img")
    do("truncate", "--size", SIZE, image)
    do("mke2fs", "-q", "-t", "ext4", "-d", root, image)
    boot = []
    for name in ("vmlinuz", "initrd.img"):
        (found,) = glob.glob(os.path.join(root, "boot", f"{name}-*"))
        boot.append(shutil.copy(found, os.path.join(folder, name)))
    shutil.rmtree(root)
    return (image, *boot)
