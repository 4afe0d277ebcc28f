"""Cases, and how they are run and reported.

A case is a function in cases/*.py:

    from harness import case, check

    @case
    def the_socket_starts_the_daemon(machine):
        check(machine.run("systemctl is-active kheish.service", check=False).out, "inactive\\n")

    @case(timeout=300)
    def a_long_one(machine): ...

    @case(machine="bare")
    def one_that_installs_by_itself(machine): ...

Its name is FILE.FUNCTION. All cases share one machine on which kheish is installed, booted once, in the order
of files and functions; those with machine="bare" share another one, which has the packages in /opt
(package_build.py) and nothing of kheish installed. A case cleans up what another could trip over, and may reboot() or kill() and boot() the machine. It fails
by any exception; there is no way to skip. A machine that a case left dead is booted for the next one.
"""

import importlib.util
import os
import signal
import sys
import time
import traceback
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

CASE_SECONDS = 120
HERE = os.path.dirname(os.path.abspath(__file__))


@dataclass
class Case:
    name: str
    function: object
    timeout: int
    machine: str


CASES = []


class CaseTimeout(Exception):
    pass


def case(function=None, *, timeout=CASE_SECONDS, machine="installed"):
    """Registers a case; see above."""

    def register(registered):
        module = registered.__module__.rpartition(".")[2]
        CASES.append(Case(f"{module}.{registered.__name__}", registered, timeout, machine))
        return registered

    return register(function) if function else register


def check(actual, expected, what=""):
    if actual != expected:
        raise AssertionError(f"{what or 'value'}: expected {expected!r}, got {actual!r}")


def check_in(part, whole, what=""):
    if part not in whole:
        raise AssertionError(f"{what or 'text'}: {part!r} is not in {whole!r}")


def load_cases(folder=os.path.join(HERE, "cases")):
    for name in sorted(os.listdir(folder)):
        if name.endswith(".py"):
            path = os.path.join(folder, name)
            spec = importlib.util.spec_from_file_location(name[:-3], path)
            module = importlib.util.module_from_spec(spec)
            sys.modules[f"cases.{name[:-3]}"] = module
            spec.loader.exec_module(module)
    return CASES


class Report:
    """A line for each case on the terminal, and a JUnit file."""

    def __init__(self, path, suite="system"):
        self.path = path
        self.suite = ElementTree.Element("testsuite", name=suite)
        self.failed = 0

    def add(self, name, seconds, error=None):
        module, _, function = name.partition(".")
        entry = ElementTree.SubElement(
            self.suite, "testcase", name=function, classname=module, time=f"{seconds:.3f}"
        )
        if error:
            self.failed += 1
            text = "".join(c for c in error if c in "\n\t" or c.isprintable())
            ElementTree.SubElement(entry, "failure").text = text
            print(text, flush=True)
        print(f"{'FAILED' if error else 'ok':<6} {seconds:6.1f} s  {name}", flush=True)

    def write(self):
        if self.path:
            self.suite.set("tests", str(len(self.suite)))
            self.suite.set("failures", str(self.failed))
            root = ElementTree.Element("testsuites")
            root.append(self.suite)
            ElementTree.ElementTree(root).write(self.path, "utf-8", xml_declaration=True)


def _on_alarm(_number, _frame):
    raise CaseTimeout("the case did not end in its time")


def run_case(machine, chosen):
    """None, or a text that says why the case failed and what the machine logged meanwhile."""
    began = time.time()
    signal.signal(signal.SIGALRM, _on_alarm)
    signal.alarm(chosen.timeout)
    try:
        if not machine.alive():
            machine.boot()
        chosen.function(machine)
        return None
    except Exception:
        signal.alarm(0)
        return traceback.format_exc() + journal_since(machine, began)
    finally:
        signal.alarm(0)


def journal_since(machine, began):
    command = ["journalctl", "--no-pager", "--lines=60", f"--since=@{began:.6f}"]
    try:
        return "--- journal\n" + machine.run(command, check=False).out
    except Exception as error:
        return f"--- no journal: {error}\n"


def run_cases(machine, chosen, report):
    for one in chosen:
        began = time.monotonic()
        error = run_case(machine, one)
        report.add(one.name, time.monotonic() - began, error)
