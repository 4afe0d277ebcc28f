#!/usr/bin/python3
"""The sum counts every case once, and nothing that did not run as passed."""

import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import summary  # noqa: E402


class Summary(unittest.TestCase):
    def meson(self, programs, junit):
        with tempfile.TemporaryDirectory() as logs:
            with open(os.path.join(logs, "testlog.json"), "w", encoding="utf-8") as file:
                for name, result in programs:
                    file.write(json.dumps({"name": name, "result": result}) + "\n")
            with open(os.path.join(logs, "testlog.junit.xml"), "w", encoding="utf-8") as file:
                file.write(f"<testsuites>{junit}</testsuites>")
            return summary.sum_meson(logs, "x")

    def check(self, total, passed, failed):
        self.assertEqual((total.passed, len(total.failures)), (passed, failed), total.failures)

    def test_each_gtest_case_counts(self):
        junit = """<testsuite name="kheish.kheish:unit / base.Text">
            <testcase name="A" status="run" classname="Text"/>
            <testcase name="B" status="run" classname="Text"><failure/></testcase></testsuite>
            <testsuite name="kheish.kheish:unit / base.Fd"><testcase name="C" status="run" classname="Fd"/></testsuite>"""
        self.check(self.meson([("kheish:unit / base", "FAIL")], junit), 2, 1)

    def test_skipped_and_disabled_cases_fail(self):
        junit = """<testsuite name="kheish.kheish:unit / base.Text">
            <testcase name="A" status="run" classname="Text"><skipped/></testcase>
            <testcase name="B" status="notrun" classname="Text"/></testsuite>"""
        self.check(self.meson([("kheish:unit / base", "OK")], junit), 0, 2)

    def test_a_program_that_dies_fails_once(self):
        junit = '<testsuite name="kheish"><testcase name="base" classname="kheish"/></testsuite>'
        for result in ("TIMEOUT", "ERROR", "FAIL", "INTERRUPT", "SKIP", "UNEXPECTEDPASS"):
            with self.subTest(result=result):
                self.check(self.meson([("kheish:unit / base", result)], junit), 0, 1)

    def test_a_program_that_dies_after_its_cases_passed_fails(self):
        junit = """<testsuite name="kheish.kheish:unit / base.Text"><testcase name="A" classname="Text"/></testsuite>"""
        self.check(self.meson([("kheish:unit / base", "FAIL")], junit), 1, 1)

    def test_plain_programs_count_as_one(self):
        junit = '<testsuite name="kheish"><testcase name="house rules" classname="kheish"/></testsuite>'
        self.check(self.meson([("kheish:lint / house rules", "OK")], junit), 1, 0)

    def test_the_names_are_those_of_meson(self):
        name = "kheish:unit / base"
        junit = f'<testsuite name="kheish.{name}.T"><testcase name="A" classname="T"/></testsuite>'
        total = self.meson([(name, "OK")], junit * 3)
        self.check(total, 3, 0)

    def test_names_that_begin_alike_are_not_mixed(self):
        junit = """<testsuite name="kheish.kheish:unit / base.T"><testcase name="A" classname="T"/></testsuite>
            <testsuite name="kheish.kheish:unit / base64.T"><testcase name="A" classname="T"/></testsuite>"""
        programs = [("kheish:unit / base", "OK"), ("kheish:unit / base64", "OK")]
        self.check(self.meson(programs, junit), 2, 0)

    def test_nothing_run_is_a_failure(self):
        self.check(self.meson([], ""), 0, 1)
        self.check(summary.sum_meson("/nonexistent", "x"), 0, 1)
        self.check(summary.sum_junit("/nonexistent", "x"), 0, 1)

    def test_own_junit(self):
        with tempfile.NamedTemporaryFile("w", suffix=".xml", encoding="utf-8") as file:
            file.write("""<testsuites><testsuite name="system"><testcase name="a" classname="boot"/>
                <testcase name="b" classname="boot"><error/></testcase></testsuite></testsuites>""")
            file.flush()
            self.check(summary.sum_junit(file.name, "system"), 1, 1)


if __name__ == "__main__":
    unittest.main()
