#!/usr/bin/python3
"""Builds kheish and runs its tests; the last line is `N passed, N failed`.

A skipped test, a timeout, a crash and a build that fails count as failed. Exits 0 only if something
ran and nothing failed. Suites (default: those marked *):

{suites}

Everything but the root suites runs as an unprivileged user: under root as a throw-away one. Build
folders are build-test, build-test-sanitize and so on; logs are in build-test-logs.
"""

import argparse
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import summary  # noqa: E402
import unprivileged  # noqa: E402
from steps import Steps  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(HERE))
SYSTEM_PYTHON = "/usr/bin/python3"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LAYOUT = ["--prefix=/usr", "--sysconfdir=/etc", "--localstatedir=/var", "-Dwerror=true"]
# Line numbers are all that a backtrace needs; full debugging information costs a third of the build.
SPEED = ["-Dcpp_args=-g1", "-Dcpp_link_args=-fuse-ld=mold"]
SANITIZERS = ["-Dbuildtype=debug", "-Db_sanitize=address,undefined", "-Db_lundef=false"]
SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "halt_on_error=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
}

# Suites of the main build, as meson knows them.
MESON_SUITES = {
    "lint": "house rules, dependency direction, formatting, quick clang-tidy",
    "unit": "each module by itself",
    "integration": "the programs together, on a private bus",
    "sim": "engine and control in simulated time with crashes at every step, and the journal after power cuts",
    "long": "the long versions of simulation and fault tests",
}
# Suites with a build of their own: (compiler, options, environment, meson suites, what).
BUILD_SUITES = {
    "sanitize": (
        "clang++", SANITIZERS, SANITIZER_ENVIRONMENT, ["unit"],
        "a clang build without warnings, and the unit suite under ASan and UBSan",
    ),
    "sanitize-gcc": (
        "g++", SANITIZERS, SANITIZER_ENVIRONMENT, ["unit", "integration", "sim"],
        "the same with g++, and integration and sim",
    ),
    "clang": (
        "clang++", ["-Dbuildtype=debugoptimized"], {}, ["unit", "sim"],
        "an optimized clang build, and unit and sim with it",
    ),
}  # fmt: skip
# Suites that need root: tests/NAME/run --build FOLDER --junit FILE.
ROOT_SUITES = {
    name: what
    for name, what in {
        "disk": "a real ext4 and xfs whose power goes while a journal is written",
        "system": "a real systemd, D-Bus, polkit and logind in nspawn",
        "vm": "a virtual machine with all cgroup controllers and a power switch",
    }.items()
    if os.path.exists(os.path.join(ROOT, "tests", name, "run"))
}
# The same, of a part of a suite: (suite, arguments, environment, what).
PART_SUITES = {
    "kill": (
        "system", ["--case", "kill.*"], {"KHEISH_KILLS": "all"},
        "kheishd killed at every system call of a run that writes, syncs, sends or receives",
    ),
    "long-run": (
        "system", ["--case", "long.*"], {"KHEISH_LONG_TURNS": "10000"},
        "a run of 10,000 turns and 100 MB of tool output",
    ),
}  # fmt: skip
DEFAULT = [
    name
    for name in ["lint", "unit", "integration", "sim", "sanitize", "disk", "system"]
    if name in {**MESON_SUITES, **BUILD_SUITES, **ROOT_SUITES}
]


def describe_suites():
    rows = {**MESON_SUITES, **{name: row[-1] for name, row in BUILD_SUITES.items()}, **ROOT_SUITES}
    rows.update({name: row[-1] for name, row in PART_SUITES.items()})
    lines = [f"  {'*' if name in DEFAULT else ' '} {name:<13} {what}" for name, what in rows.items()]
    return "\n".join([*lines, f"    {'full':<13} all of them"])


class TestRun:
    def __init__(self, suites):
        self.suites = suites
        self.total = summary.Total()
        self.not_run = []
        self.logs = os.path.join(ROOT, "build-test-logs")
        self.steps = Steps(self.logs)
        self.is_root = os.geteuid() == 0
        self.scratch = None

    def main(self):
        try:
            self.install_dependencies()
            self.install_third_party()
            wanted = [name for name in MESON_SUITES if name in self.suites]
            needs_build = wanted or any(name in {**ROOT_SUITES, **PART_SUITES} for name in self.suites)
            built = needs_build and self.build("build-test", "g++", ["-Dbuildtype=debugoptimized"])
            if wanted and built:
                self.meson_test("build-test", wanted, {})
            for name, row in BUILD_SUITES.items():
                if name in self.suites:
                    self.build_suite(name, *row[:4])
            for name in ROOT_SUITES:
                if name in self.suites and built:
                    self.root_suite(name, name)
            for name, (suite, arguments, environment, _) in PART_SUITES.items():
                if name in self.suites and built:
                    self.root_suite(name, suite, arguments, environment)
        finally:
            if self.scratch:
                shutil.rmtree(self.scratch, ignore_errors=True)
        return self.report()

    def install_dependencies(self):
        groups = ["build", "run", "test"]
        groups += ["package"] if "system" in self.suites else []
        groups += ["vm"] if "vm" in self.suites else []
        tool = os.path.join(ROOT, "tools", "install-dependencies")
        check = subprocess.run([tool, "--check", *groups], capture_output=True, text=True, check=False)
        if check.returncode == 0:
            return
        code = self.steps.run("packages: " + check.stdout.strip(), [tool, *groups], own_terminal=True)
        if code != 0:
            self.not_run.append("installation of packages: " + check.stdout.strip())

    def install_third_party(self):
        """The pinned npm packages that integration tests run against."""
        if not {"integration", "sanitize-gcc", "system", *PART_SUITES} & set(self.suites):
            return
        folder = os.path.join(ROOT, "tests", "third_party")
        wanted = os.path.join(folder, "package-lock.json")
        present = os.path.join(folder, "node_modules", ".package-lock.json")
        if os.path.exists(present) and os.path.getmtime(present) >= os.path.getmtime(wanted):
            return
        if shutil.which("npm") is None:
            tool = os.path.join(ROOT, "tools", "install-dependencies")
            self.steps.run("packages: npm", [tool, "npm"], own_terminal=True)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder]
        if self.steps.run("third-party programs for the tests", command):
            self.not_run.append("installation of tests/third_party by npm")

    def build(self, folder, compiler, options):
        """Configures and builds; a build that fails is one failed test."""
        path = os.path.join(ROOT, folder)
        setup = [*LAYOUT, *options, *SPEED]
        mark = os.path.join(path, "setup-options")
        wanted = " ".join([compiler, *setup])
        environment = {"CXX": ("ccache " if shutil.which("ccache") else "") + compiler}
        if not (os.path.exists(mark) and open(mark, encoding="utf-8").read() == wanted):
            shutil.rmtree(path, ignore_errors=True)
            command = ["meson", "setup", path, ROOT, *setup]
            if self.steps.run(f"configure {folder}", command, environment=environment):
                self.total.add_failure(folder, "configuration failed")
                return False
            with open(mark, "w", encoding="utf-8") as file:
                file.write(wanted)
        if self.steps.run(f"build {folder}", ["ninja", "-k", "0", "-C", path]):
            self.total.add_failure(folder, "build failed")
            return False
        return True

    def build_suite(self, name, compiler, options, environment, meson_suites):
        folder = f"build-test-{name}"
        if self.build(folder, compiler, options):
            self.meson_test(folder, meson_suites, environment)

    def meson_test(self, folder, suites, environment):
        """Runs meson suites of one build as an unprivileged user and adds up their logs."""
        path = os.path.join(ROOT, folder)
        # What an earlier run left must not be taken for a result of this one.
        for name in glob.glob(os.path.join(path, "*.xml")) + glob.glob(f"{path}/meson-logs/testlog*"):
            os.remove(name)
        known = self.known_suites(path)
        present = [name for name in suites if name in known]
        if not present:
            if suites != ["long"]:
                self.total.add_failure(folder, f"no tests in {', '.join(suites)}")
            return
        command = ["meson", "test", "-C", path, "--no-rebuild", "--print-errorlogs"]
        # A timeout finds what hangs; a busy machine and a sanitizer together are slow, and do not.
        command += ["--timeout-multiplier", "4"]
        for name in present:
            command += ["--suite", name]
        code = self.steps.run(
            f"tests of {folder}: {', '.join(present)}",
            self.as_user(path, command),
            show=True,
            environment={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        total = summary.sum_meson(os.path.join(path, "meson-logs"), folder)
        if code != 0 and not total.failures:
            total.add_failure(folder, f"meson test ended with {code}")
        self.total.add(total)

    @staticmethod
    def tests_of(path):
        """What meson knows about the tests of one build."""
        command = ["meson", "introspect", "--tests", path]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)

    def known_suites(self, path):
        """The suites of one build; two tests of one name would overwrite each other's log."""
        tests = self.tests_of(path)
        names = [test["name"] for test in tests]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.total.add_failure(path, f"two tests are named {name}")
        return {suite.split(":")[-1] for test in tests for suite in test["suite"]}

    def as_user(self, build, command):
        """`command` such that it runs without privileges and may write to the build's logs."""
        if not self.is_root:
            return command
        if self.scratch is None:
            self.scratch = tempfile.mkdtemp(prefix="kheish-test-")
            os.chown(self.scratch, unprivileged.UID, unprivileged.UID)
        # meson and the programs write logs into the top of the build folder.
        os.chown(build, unprivileged.UID, unprivileged.UID)
        for name in ("meson-logs", "tidy-cache"):
            os.makedirs(os.path.join(build, name), exist_ok=True)
            subprocess.run(
                ["chown", "-R", f"{unprivileged.UID}:{unprivileged.UID}", os.path.join(build, name)],
                check=True,
            )
        script = os.path.join(HERE, "unprivileged.py")
        return [SYSTEM_PYTHON, script, ROOT, self.scratch, "--", *command]

    def root_suite(self, name, suite, arguments=(), environment=None):
        runner = os.path.join(ROOT, "tests", suite, "run")
        junit = os.path.join(self.logs, f"{name}.junit.xml")
        if os.path.exists(junit):
            os.remove(junit)
        command = [runner, "--build", os.path.join(ROOT, "build-test"), "--junit", junit, *arguments]
        if environment:
            command = ["env", *[f"{key}={value}" for key, value in environment.items()], *command]
        if not self.is_root:
            become = self.sudo()
            if become is None:
                self.not_run.append(f"suite {name}: it needs root or sudo")
                return
            command = [*become, *command]
        code = self.steps.run(f"tests of {name}", command, show=True, own_terminal=not self.is_root)
        total = summary.sum_junit(junit, name)
        if code != 0 and not total.failures:
            total.add_failure(name, f"its runner ended with {code}")
        self.total.add(total)

    def sudo(self):
        """The words that make a command run as root, or None where nobody can."""
        if not shutil.which("sudo"):
            return None
        become = ["sudo"] if sys.stdin.isatty() else ["sudo", "-n"]
        return become if subprocess.run([*become, "true"], check=False).returncode == 0 else None

    def report(self):
        self.steps.print_times()
        for failure in self.total.failures:
            print(f"failed: {failure}")
        for missing in self.not_run:
            print(f"could not run: {missing}")
        passed, failed = self.total.passed, len(self.total.failures)
        print(f"{passed} passed, {failed} failed", flush=True)
        return 0 if passed and not failed and not self.not_run else 1


def main():
    known = [*MESON_SUITES, *BUILD_SUITES, *ROOT_SUITES, *PART_SUITES, "full"]
    parser = argparse.ArgumentParser(
        prog="tools/test",
        description=__doc__.format(suites=describe_suites()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--suite", action="append", choices=known, metavar="NAME", help="repeatable")
    chosen = parser.parse_args().suite or DEFAULT
    os.environ["PATH"] = SYSTEM_PATH
    os.umask(0o022)
    return TestRun([name for name in known if name in chosen or "full" in chosen]).main()


if __name__ == "__main__":
    sys.exit(main())
