#!/usr/bin/python3
"""clang-tidy's cheap checks over every source of daemon/ and ctl/. Usage: quick_tidy.py ROOT BUILD

Options come from .clang-tidy; CHECKS picks the part of it that is affordable on every run. A file that
passed is remembered under BUILD/tidy-cache by a digest of all that its result depends on: the tool, the
checks, the compile command, the source and every project header it reaches. Exits 1 on any finding.
"""

import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys
import time

CHECKS = ",".join([
    "-*",
    "clang-diagnostic-*",
    "bugprone-*",
    "-bugprone-easily-swappable-parameters",
    # A quarter of all the time; the compiler's own warning below finds the same for nothing.
    "-bugprone-reserved-identifier",
    "cert-dcl21-cpp",
    "cert-dcl50-cpp",
    "cert-err34-c",
    "cert-err52-cpp",
    "cert-err60-cpp",
    "cert-flp30-c",
    "cert-mem57-cpp",
    "cert-oop57-cpp",
    "cert-oop58-cpp",
    "google-explicit-constructor",
    "misc-definitions-in-headers",
    "misc-unused-using-decls",
    "modernize-use-nullptr",
    "modernize-use-override",
    "performance-*",
    "readability-container-size-empty",
    "readability-else-after-return",
    "readability-function-cognitive-complexity",
    "readability-function-size",
    "readability-identifier-naming",
])  # fmt: skip
# Files whose clang warnings are the compiler's business: tools/test builds with clang too.
EXTRA = [
    "--extra-arg=-Wno-unknown-warning-option",
    "--extra-arg=-Wno-error",
    "--extra-arg=-Wreserved-identifier",
]
INCLUDE = re.compile(rb'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
TIMEOUT_SECONDS = 300


def sources(root, build):
    """{path below root: (full path, compile command)} of what the build compiles of daemon/ and ctl/."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        commands = json.load(file)
    found = {}
    for entry in commands:
        full = os.path.realpath(os.path.join(entry["directory"], entry["file"]))
        path = os.path.relpath(full, root)
        if path.startswith(("daemon/", "ctl/")) and full.endswith(".cpp"):
            found.setdefault(path, (full, entry["command"]))
    return dict(sorted(found.items()))


class Reach:
    """The project headers that a file includes, directly or not."""

    def __init__(self, folders):
        self.folders = folders
        self.direct = {}

    def includes(self, path):
        if path not in self.direct:
            with open(path, "rb") as file:
                names = [os.fsdecode(name) for name in INCLUDE.findall(file.read())]
            self.direct[path] = [found for name in names if (found := self.locate(path, name))]
        return self.direct[path]

    def locate(self, path, name):
        for folder in [os.path.dirname(path), *self.folders]:
            full = os.path.join(folder, name)
            if os.path.isfile(full):
                return os.path.realpath(full)
        return None

    def all_from(self, path):
        seen, waiting = {path}, [path]
        while waiting:
            for header in self.includes(waiting.pop()):
                if header not in seen:
                    seen.add(header)
                    waiting.append(header)
        return sorted(seen)


def digest_of(path, command, reach, common):
    digest = hashlib.sha256(common + command.encode())
    for name in reach.all_from(path):
        with open(name, "rb") as file:
            digest.update(hashlib.sha256(file.read()).digest())
    return digest.hexdigest()


def run_tidy(build, path):
    """(passed, what it said) for one file."""
    command = ["clang-tidy", "--quiet", "-p", build, "--checks=" + CHECKS, *EXTRA, path]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS
    )
    return done.returncode == 0, done.stdout + ("" if done.returncode == 0 else done.stderr)


def main(root, build):
    root, build = os.path.realpath(root), os.path.realpath(build)
    cache = os.path.join(build, "tidy-cache")
    os.makedirs(cache, exist_ok=True)
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    with open(os.path.join(root, ".clang-tidy"), "rb") as file:
        common = version + CHECKS.encode() + " ".join(EXTRA).encode() + file.read()
    reach = Reach([os.path.join(root, "daemon"), root])

    found = sources(root, build)
    passed_before = 0
    waiting = {}
    for path, (full, command) in found.items():
        mark = os.path.join(cache, digest_of(full, command, reach, common))
        if os.path.exists(mark):
            os.utime(mark)
            passed_before += 1
        else:
            waiting[path] = (full, mark)

    failed = []
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        running = {pool.submit(run_tidy, build, full): (path, mark) for path, (full, mark) in waiting.items()}
        for job in concurrent.futures.as_completed(running):
            path, mark = running[job]
            passed, said = job.result()
            if passed:
                with open(mark, "w", encoding="utf-8"):
                    pass
            else:
                failed.append(path)
                print(said, flush=True)
    print(
        f"{len(found)} files: {passed_before} unchanged, {len(waiting)} checked in "
        f"{time.monotonic() - started:.0f} s, {len(failed)} with findings"
    )
    for path in sorted(failed):
        print(f"  {path}")
    return 1 if failed or not found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
