#!/usr/bin/python3
"""Each house rule fires on what it forbids and on nothing that looks like it."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_source  # noqa: E402
import layers  # noqa: E402


def rules_of(text, path="daemon/engine/fold.cpp"):
    """The names of the rules that `text` breaks as the file `path`."""
    data = text if isinstance(text, bytes) else (text + "\n").encode()
    return {finding.split(": ")[1] for finding in check_source.check(path, data)}


class HouseRules(unittest.TestCase):
    def fires(self, rule, text, path="daemon/engine/fold.cpp"):
        self.assertIn(rule, rules_of(text, path))

    def quiet(self, text, path="daemon/engine/fold.cpp"):
        self.assertEqual(rules_of(text, path), set())

    def test_layers_fire(self):
        for path, include in [
            ("daemon/base/text.cpp", '"codec/json.hpp"'),
            ("daemon/engine/fold.cpp", '"config/config.hpp"'),
            ("daemon/engine/fold.cpp", '"journal/journal.hpp"'),
            ("daemon/journal/store.cpp", '"govern/rules.hpp"'),
            ("daemon/control/service.cpp", '"loop/loop.hpp"'),
            ("daemon/control/service.cpp", '"agents/agent.hpp"'),
            ("daemon/bus/manager.cpp", '"http/server.hpp"'),
            ("daemon/launcher/main.cpp", '"codec/json.hpp"'),
            ("daemon/runner/main.cpp", '"control/service.hpp"'),
            ("ctl/main.cpp", '"control/service.hpp"'),
            ("daemon/app.cpp", '"launcher/request.hpp"'),
            ("daemon/engine/fold.cpp", '"fold.hpp"'),
            ("daemon/engine/fold.cpp", '"../base/text.hpp"'),
            ("daemon/engine/fold.cpp", '"elsewhere/x.hpp"'),
            ("daemon/unknown/x.cpp", '"base/text.hpp"'),
            ("daemon/models/model.hpp", '"config/config.hpp"'),
            ("tests/sim/world.cpp", '"loop/loop.hpp"'),
            ("daemon/engine/fold.cpp", "<sqlite3.h>"),
            ("daemon/control/service.cpp", "<event2/event.h>"),
            ("daemon/launcher/main.cpp", "<jansson.h>"),
        ]:
            with self.subTest(path=path, include=include):
                self.fires("layers", f"#pragma once\n#include {include}", path)

    def test_layers_allow(self):
        for path, include in [
            ("daemon/base/text.cpp", '"base/text.hpp"'),
            ("daemon/config/config.cpp", '"codec/json.hpp"'),
            ("daemon/govern/audit.cpp", '"journal/journal.hpp"'),
            ("daemon/models/anthropic.cpp", '"outbound/client.hpp"'),
            ("daemon/scopes/channel.cpp", '"loop/loop.hpp"'),
            ("daemon/control/service.cpp", '"engine/fold.hpp"'),
            ("daemon/http/router.cpp", '"control/service.hpp"'),
            ("daemon/app.cpp", '"http/server.hpp"'),
            ("daemon/main.cpp", '"app.hpp"'),
            ("daemon/launcher/main.cpp", '"sandbox/plan.hpp"'),
            ("daemon/runner/main.cpp", '"tools/tool.hpp"'),
            ("ctl/main.cpp", '"codec/json.hpp"'),
            ("ctl/main.cpp", '"table.hpp"'),
            ("tests/sim/world.cpp", '"control/service.hpp"'),
            ("tests/unit/base/text_test.cpp", '"loop/loop.hpp"'),
            ("daemon/journal/store.cpp", "<sqlite3.h>"),
            ("daemon/engine/fold.cpp", "<string>"),
        ]:
            with self.subTest(path=path, include=include):
                self.quiet(f"#include {include}", path)

    def test_the_table_has_no_cycle(self):
        done = set()
        while len(done) < len(layers.ALLOWED):
            ready = {f for f, below in layers.ALLOWED.items() if below <= done and f not in done}
            self.assertTrue(ready, f"a cycle among {set(layers.ALLOWED) - done}")
            done |= ready

    def test_exceptions(self):
        self.fires("exceptions", "void f() { throw 1; }")
        self.fires("exceptions", "void f() { try { g(); } catch (...) {} }")
        self.quiet('// throw it away\nconst char* kText = "try again"; // catch')
        self.quiet("void f() { KHEISH_TRY(const int x, g()); }")
        self.quiet("void f() { try { g(); } catch (...) {} }", "daemon/config/toml_file.cpp")

    def test_captures(self):
        self.fires("captures", "auto f = [&] { return x; };")
        self.fires("captures", "auto f = [=, this] { return x; };")
        self.fires("captures", "auto f = [ & , y] { return x; };")
        self.quiet("auto f = [&x, y] { return x[y]; };")
        self.quiet("auto f = [this] {}; // not [&]")
        self.quiet('const char* kHelp = "[=]";')
        self.quiet("auto f = [&] { return x; };", "tests/unit/loop/loop_test.cpp")

    def test_raw_resources(self):
        for text in [
            "int* f() { return new int; }",
            "void f() { std::unique_ptr<int> x; int* y(new int); }",
            "void f(int* x) { delete x; }",
            "void f(int fd) { close(fd); }",
            "void f(int fd) { (void)::close(fd); }",
            "void f(void* x) { std::free(x); }",
            "void f(sd_bus* bus) { sd_bus_unref(bus); }",
            "int f(int fd) { return ::close(fd); }",
        ]:
            with self.subTest(text=text):
                self.fires("raw-resources", text)
        for text in [
            "struct X { X(const X&) = delete; void operator delete(void*); };",
            "void f() { stream.close(); stream->close(now); Channel::close(now); close(); }",
            "void close(int fd);",
            "Status Channel::close(Reason reason) { return {}; }",
            "using Bus = Handle<sd_bus, sd_bus_unref>;",
            "P make() { return std::unique_ptr<Timers>(new Timers(base)); }",
            "void f() { std::unique_ptr<Hook> hook(new Hook(*this)); }",
            "// new delete close(fd) free(x)",
            "int renew(int new_size);",
        ]:
            with self.subTest(text=text):
                self.quiet(text)
        self.quiet("void f(int fd) { ::close(fd); }", "daemon/base/fd.cpp")
        self.quiet("#pragma once\nvoid f(T* t) { t_unref(t); }", "daemon/loop/handles.hpp")

    def test_number_parsing(self):
        self.fires("number-parsing", "int f() { return std::stoi(text); }")
        self.fires("number-parsing", "int f() { return atoi(text); }")
        self.fires("number-parsing", "long f() { return strtol(text, nullptr, 10); }")
        self.quiet("void f() { store(x); history.stop(x); atomic(x); } // atoi(x)")

    def test_tool_surface(self):
        for text in [
            "auto t = tools::find_tool(name);",
            "for (const auto& t : tools::all_tools())",
            "using tools::find_tool;",
        ]:
            with self.subTest(text=text):
                self.fires("tool-surface", text, "daemon/control/prompt.cpp")
        for text in ["auto t = find_tool(name);", "auto t = surface.find_tool(name); // tools::find_tool"]:
            with self.subTest(text=text):
                self.quiet(text, "daemon/control/prompt.cpp")
        self.quiet("auto t = tools::find_tool(name);", "daemon/control/tool_surface.cpp")
        self.quiet("auto t = tools::find_tool(name);", "daemon/runner/call_process.cpp")

    def test_pragma_once(self):
        self.fires("pragma-once", "namespace kheish {}", "daemon/engine/fold.hpp")
        self.quiet("#pragma once\nnamespace kheish {}", "daemon/engine/fold.hpp")
        self.quiet("namespace kheish {}", "daemon/engine/fold.cpp")

    def test_file_length(self):
        self.fires("file-length", "\n" * 501)
        self.quiet("\n" * 499)
        self.quiet("\n" * 900, "daemon/journal/schema/0001_first.sql")

    def test_lambda_length(self):
        def lambda_of(count, head="auto f = [x]"):
            return head + " {\n" + "    g(x);\n" * count + "};"

        self.fires("lambda-length", lambda_of(11))
        self.fires("lambda-length", lambda_of(11, "auto f = [x](int y) mutable noexcept -> int"))
        self.fires("lambda-length", lambda_of(11, "call(a, []"))
        self.quiet(lambda_of(10))
        self.quiet(lambda_of(30, "void f(int (&x)[3])"))
        self.quiet(lambda_of(30, "int x = table[3]; struct Y"))
        self.quiet(lambda_of(30, "[[nodiscard]] int f()"))
        self.quiet("auto f = [x] { return x; };\nvoid g() {\n" + "    h();\n" * 30 + "}")

    def test_sleep_in_tests(self):
        test_file = "tests/unit/base/text_test.cpp"
        self.fires("test-sleep", "void f() { std::this_thread::sleep_for(1s); }", test_file)
        self.fires("test-sleep", "void f() { usleep(10); }", test_file)
        self.fires("test-sleep", "import time\ntime.sleep(1)", "tests/system/cases/boot.py")
        self.fires("test-sleep", "while true; do sleep 1; done", "tests/system/wait.sh")
        self.quiet('const char* kCommand = "sleep 30"; // sleep()', test_file)
        self.quiet('machine.run(["sleep", "30"])', "tests/system/cases/boot.py")
        self.quiet("timeout 5 cat fifo # no sleep here", "tests/system/wait.sh")
        self.quiet("void f() { nanosleep(&t, nullptr); }", "daemon/runner/main.cpp")

    def test_leftovers(self):
        self.fires("leftovers", "// TODO: later")
        self.fires("leftovers", "# FIXME", "daemon/meson.build")
        self.fires("leftovers", "// XXX")
        self.quiet('const char* kTemplate = "/tmp/fooXXXXXX"; // fixmes, todos')

    def test_skipped_tests(self):
        self.fires("skipped-tests", "TEST(A, B) { GTEST_SKIP(); }", "tests/unit/base/a_test.cpp")
        self.fires("skipped-tests", "TEST(A, DISABLED_B) {}", "tests/unit/base/a_test.cpp")
        self.quiet("TEST(A, SkipsBlanks) {}", "tests/unit/base/a_test.cpp")

    def test_namespace(self):
        self.fires("namespace", "namespace other { int x; }")
        self.fires("namespace", "namespace kheish { int x; }\nnamespace std { struct Y; }")
        self.quiet("namespace kheish::engine { namespace detail { int x; } }")
        self.quiet("namespace { int x; }\nint main() { return 0; }", "daemon/main.cpp")
        self.quiet("using namespace std::literals;")
        self.quiet("namespace testing { int x; }", "tests/unit/base/a_test.cpp")

    def test_whitespace(self):
        self.fires("whitespace", "int x; ")
        self.fires("whitespace", b"int x;\r\nint y;\n")
        self.fires("whitespace", b"int x;")
        self.quiet("int x;")

    def test_encoding(self):
        self.fires("encoding", b"// caf\xe9\n")
        self.quiet("// caf\u00e9")

    def test_literals_do_not_shift_lines(self):
        text = 'const char* kRaw = R"(\n[&]\n)";\nauto f = [&] {};'
        findings = check_source.check("daemon/engine/fold.cpp", (text + "\n").encode())
        self.assertEqual([finding.split(":")[1] for finding in findings], ["4"])

    def test_digit_separators_are_no_literals(self):
        self.fires("captures", "int x = 1'000'000; auto f = [&] {};")

    def test_recorded_data_is_left_alone(self):
        self.assertFalse(check_source.is_checked("tests/data/db/v1.sql", b"--"))
        self.assertTrue(check_source.is_checked("tools/test", b"#!"))


if __name__ == "__main__":
    unittest.main()
