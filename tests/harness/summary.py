"""Adds up what the test runners logged. A skip, a timeout and a crash count as failed."""

import json
import os
import xml.etree.ElementTree as ElementTree

BAD_TAGS = ("failure", "error", "skipped")


class Total:
    """Counted cases and the names of those that did not pass."""

    def __init__(self):
        self.passed = 0
        self.failures = []

    def add_pass(self):
        self.passed += 1

    def add_failure(self, name, why):
        self.failures.append(f"{name} ({why})")

    def add(self, other):
        self.passed += other.passed
        self.failures.extend(other.failures)


def case_outcome(case):
    """"passed", or why a JUnit <testcase> did not: a test that was not run has not passed."""
    for tag in BAD_TAGS:
        if case.find(tag) is not None:
            return tag
    return "passed" if case.get("status", "run") == "run" else "not run"


def add_cases(total, label, suite):
    """Counts the cases of one JUnit <testsuite>; returns how many failed."""
    failed = 0
    for case in suite.findall("testcase"):
        outcome = case_outcome(case)
        if outcome == "passed":
            total.add_pass()
        else:
            failed += 1
            total.add_failure(f"{label}: {case.get('classname')}.{case.get('name')}", outcome)
    return failed


def sum_meson(logs, label):
    """The Total of one `meson test`, from testlog.json (programs) and testlog.junit.xml (their cases)."""
    total = Total()
    programs = []
    try:
        with open(os.path.join(logs, "testlog.json"), encoding="utf-8", errors="replace") as file:
            programs = [json.loads(line) for line in file if line.strip()]
        suites = ElementTree.parse(os.path.join(logs, "testlog.junit.xml")).getroot().findall("testsuite")
    except (OSError, ValueError, ElementTree.ParseError) as error:
        total.add_failure(label, f"no log of the test runner: {error}")
        return total
    for program in programs:
        add_program(total, f"{label}: {program['name']}", program, suites)
    if not programs:
        total.add_failure(label, "no test ran")
    return total


def add_program(total, label, program, suites):
    """Counts one program: each of its cases where it reported cases, else itself."""
    # "kheish:unit / base" -> suite "kheish.kheish:unit / base.TextTest"
    own = f"{program['name'].split(':')[0]}.{program['name']}"
    mine = [s for s in suites if s.get("name") == own or s.get("name", "").startswith(own + ".")]
    passed = program["result"] == "OK"
    if not mine:
        if passed:
            total.add_pass()
        else:
            total.add_failure(label, program["result"].lower())
        return
    failed = sum(add_cases(total, label, suite) for suite in mine)
    if not passed and failed == 0:
        total.add_failure(label, program["result"].lower())


def sum_junit(path, label):
    """The Total of a JUnit file of our own."""
    total = Total()
    try:
        suites = ElementTree.parse(path).getroot().iter("testsuite")
    except (OSError, ElementTree.ParseError) as error:
        total.add_failure(label, f"no log: {error}")
        return total
    for suite in suites:
        add_cases(total, label, suite)
    if total.passed == 0 and not total.failures:
        total.add_failure(label, "no test ran")
    return total
