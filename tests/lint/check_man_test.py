#!/usr/bin/python3
"""check_man.py finds what it should: each page loses something, and the loss is named."""

import os
import shutil
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import check_man  # noqa: E402

SOURCES = (
    "daemon/control/operations.cpp", "daemon/base/error.cpp", "daemon/config/settings.cpp",
    "daemon/config/routes.cpp", "daemon/launcher/options.cpp", "daemon/options.cpp",
    "polkit/ai.kheish.daemon1.policy.in",
)  # fmt: skip


class CheckMan(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="kheish-man-")
        self.addCleanup(shutil.rmtree, self.root)
        shutil.copytree(os.path.join(ROOT, "man"), os.path.join(self.root, "man"))
        for folder in ("tests/unit", "tests/integration", "tests/system/cases", "tests/vm/cases"):
            shutil.copytree(os.path.join(ROOT, folder), os.path.join(self.root, folder))
        for path in SOURCES:
            os.makedirs(os.path.join(self.root, os.path.dirname(path)), exist_ok=True)
            shutil.copy(os.path.join(ROOT, path), os.path.join(self.root, path))

    def change(self, path, old, new):
        full = os.path.join(self.root, path)
        with open(full, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))

    def finding(self):
        found = list(check_man.check(self.root))
        self.assertEqual(len(found), 1, found)
        return found[0]

    def test_the_pages_are_complete(self):
        self.assertEqual(list(check_man.check(self.root)), [])

    def test_a_command_is_missed(self):
        self.change("man/kheishctl.1.scd", "\n*runs cancel* ", "\n*runs stop* ")
        self.assertIn("runs cancel", self.finding())

    def test_a_changed_error_is_missed(self):
        self.change("man/kheishd.8.scd", "|  RunQueueFull\n:  runs/run_queue_full\n:  429", "|  RunQueueFull\n:  x\n:  429")
        self.assertIn("RunQueueFull", self.finding())

    def test_an_exit_status_is_missed(self):
        self.change("man/kheishctl.1.scd", "|  *3*\n", "|  *9*\n")
        found = list(check_man.check(self.root))
        self.assertEqual(found, ["kheishctl.1: no exit status 3"])

    def test_a_key_counts_in_its_own_section_only(self):
        self.change("man/kheish.toml.5.scd", "*heartbeat_seconds*\n", "*pulse*\n")
        self.change("man/kheish.toml.5.scd", "# [tools]\n", "# [tools]\n\n*heartbeat_seconds*\n\tMoved.\n")
        self.assertIn("http.heartbeat_seconds", self.finding())

    def test_a_new_key_is_missed(self):
        self.change("daemon/config/settings.cpp", 'reader, "live"', 'reader, "alive"')
        self.assertIn("runs.alive", self.finding())

    def test_an_option_of_a_program_is_missed(self):
        self.change("man/kheish-launcher.8.scd", "*--agent-user*", "*--agent*")
        self.assertIn("--agent-user", self.finding())

    def test_an_action_of_polkit_is_missed(self):
        self.change("man/kheish-security.7.scd", "|  approve, approve-others\n", "|  approve\n")
        self.assertIn("approve-others", self.finding())

    def test_a_promise_without_its_test_is_missed(self):
        self.change("tests/system/cases/launcher.py", "def the_sweep_kills", "def a_sweep_kills")
        self.assertIn("launcher.the_sweep_kills", self.finding())

    def test_a_table_that_is_not_understood_is_no_success(self):
        self.change("daemon/control/operations.cpp", "OperationInfo{", "Row{")
        self.assertIn("commands", self.finding())


if __name__ == "__main__":
    unittest.main()
