#!/usr/bin/python3
"""House rules that no compiler checks. Usage: check_source.py [ROOT] [PATH...]

Prints one line for each finding, `path:line: rule: message`, and exits 1 if there is any. The rules
are in RULES below, the dependency law is in layers.py; check_source_test.py shows each rule firing.
"""

import io
import os
import re
import subprocess
import sys
import tokenize

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cxx  # noqa: E402
import layers  # noqa: E402

MAX_FILE_LINES = 500
MAX_LAMBDA_LINES = 10

# The files that wrap a throwing library and turn what it throws into an Error, and the last resort.
EXCEPTION_FILES = {
    "ctl/arguments.cpp",  # CLI11
    "daemon/upkeep/options.cpp",  # CLI11
    "daemon/config/toml_file.cpp",  # toml++
    "daemon/main.cpp",
}
# Files that own handles of C libraries, besides those named *handle.hpp and *handles.hpp.
HANDLE_FILES = {"daemon/base/fd.cpp", "daemon/base/fd.hpp", "daemon/codec/json.hpp"}
HANDLE_NAME = re.compile(r"(^|_)handles?\.[ch]pp$")

CXX_SUFFIXES = (".cpp", ".hpp")
TEXT_SUFFIXES = CXX_SUFFIXES + (
    ".build", ".txt", ".py", ".sh", ".md", ".sql", ".toml", ".xml", ".service", ".socket", ".slice",
    ".conf", ".policy", ".rules", ".catalog", ".scd", ".json", ".yml", ".in",
)  # fmt: skip
# Recorded input: its bytes are what is tested.
DATA_FOLDERS = ("tests/data/", "tests/fuzz/corpus/", "tests/third_party/")
# The rules and their fixtures name what they forbid.
RULE_FILES = ("tests/lint/",)


class Source:
    """One file as the rules see it."""

    def __init__(self, path, data):
        self.path = path
        self.data = data
        self.text = data.decode("utf-8", "replace")
        self.lines = self.text.split("\n")
        self.is_cxx = path.endswith(CXX_SUFFIXES)
        self.is_test = path.startswith("tests/")
        self.blanked = cxx.blank(self.text) if self.is_cxx else ""
        self.tokens = cxx.tokens(self.blanked) if self.is_cxx else []
        first = self.lines[0] if self.lines else ""
        self.is_python = path.endswith(".py") or (first.startswith("#!") and "python" in first)
        self.is_shell = path.endswith(".sh") or bool(re.match(r"#!\S*/(env )?(ba|da)?sh\b", first))

    def is_handle_file(self):
        return self.path in HANDLE_FILES or HANDLE_NAME.search(os.path.basename(self.path))


def each_match(pattern, lines):
    for number, line in enumerate(lines, 1):
        for match in re.finditer(pattern, line):
            yield number, match


def rule_layers(source):
    if not source.is_cxx:
        return
    for number, match in each_match(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', source.lines):
        if match.group(1):
            wrong = layers.check_include(source.path, match.group(1))
        else:
            wrong = layers.check_library(source.path, match.group(2))
        if wrong:
            yield number, wrong


def rule_exceptions(source):
    if source.path in EXCEPTION_FILES:
        return
    for token, number in source.tokens:
        if token in ("throw", "catch", "try"):
            yield number, f"`{token}` outside the files that wrap a throwing library"


def rule_captures(source):
    """A callback outlives the frame it was made in; the ones of a test end with the test."""
    if source.is_test:
        return
    for number, match in each_match(r"\[\s*[&=]\s*[\],]", source.blanked.split("\n")):
        yield number, f"name what the lambda captures instead of `{match.group(0)}`"


def is_bare_call(stream, index):
    """Whether the name at `index` is called with arguments as a free function."""
    following = [token for token, _ in stream[index + 1 : index + 3]]
    if following[:1] != ["("] or following[1:2] == [")"]:
        return False
    before = stream[index - 1][0] if index else ";"
    if before == "::":
        owner = stream[index - 2][0] if index > 1 else ";"
        return owner == "std" or not re.match(r"[\w>]", owner) or owner == "return"
    if before in (".", "->", "*", "&", ">"):
        return False
    return not re.match(r"\w", before) or before in ("return", "else", "do")


def goes_to_an_owner(stream, index):
    """Whether the `new` at `index` stands in the statement of a unique_ptr: private constructors need it."""
    if stream[index - 1][0] not in ("(", "{"):
        return False
    for token, _ in reversed(stream[: index - 1]):
        if token == "unique_ptr":
            return True
        if token in (";", "{", "}"):
            return False
    return False


def rule_raw_resources(source):
    if source.is_handle_file():
        return
    stream = source.tokens
    for index, (token, number) in enumerate(stream):
        before = stream[index - 1][0] if index else ""
        if token == "new" and before != "operator":
            if not goes_to_an_owner(stream, index):
                yield number, "raw `new`: use make_unique, or hand it to a unique_ptr at once"
        elif token == "delete" and before not in ("=", "operator"):
            yield number, "raw `delete`: let an owner do it"
        elif token in ("close", "free") or token.endswith(("_unref", "_decref")):
            if is_bare_call(stream, index):
                yield number, f"raw `{token}(`: use Fd or a Handle"


NUMBER_PARSERS = re.compile(r"^(sto(i|l|ul|ll|ull|f|d|ld)|ato(i|l|ll|f)|strto(l|ul|ll|ull|f|d|ld))$")


def rule_number_parsing(source):
    for index, (token, number) in enumerate(source.tokens):
        if NUMBER_PARSERS.match(token) and source.tokens[index + 1 : index + 2]:
            if source.tokens[index + 1][0] == "(":
                yield number, f"`{token}`: use parse_number"


def rule_pragma_once(source):
    if source.path.endswith(".hpp") and not re.search(r"(?m)^#pragma once$", source.text):
        yield 1, "a header needs `#pragma once`"


def rule_file_length(source):
    if source.is_cxx or source.is_python or source.is_shell:
        count = len(source.lines) - 1
        if count > MAX_FILE_LINES:
            yield count, f"{count} lines; the limit is {MAX_FILE_LINES}: split it by nouns"


def rule_lambda_length(source):
    for number, count in cxx.lambdas(source.tokens):
        if count > MAX_LAMBDA_LINES:
            yield number, f"a lambda of {count} lines; the limit is {MAX_LAMBDA_LINES}: name it"


TOOL_LOOKUPS = {"find_tool", "all_tools"}
TOOL_SURFACE = "daemon/control/tool_surface.cpp"


def rule_tool_surface(source):
    """What a capability scope hides must be hidden from all of control."""
    if not source.path.startswith("daemon/control/") or source.path == TOOL_SURFACE:
        return
    stream = source.tokens
    for index, (token, number) in enumerate(stream):
        if token in TOOL_LOOKUPS and [before for before, _ in stream[index - 2 : index]] == ["tools", "::"]:
            yield number, f"`tools::{token}`: ask the run's ToolSurface, which knows what is hidden"


SLEEPS = {"sleep", "usleep", "nanosleep", "clock_nanosleep", "sleep_for", "sleep_until"}


def python_names(text):
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME:
                yield token.string, token.start[0]
    except (tokenize.TokenError, SyntaxError) as error:
        yield f"unreadable: {error}", 1


def rule_test_sleep(source):
    if not source.is_test:
        return
    message = "a test waits for the event, it does not sleep"
    for token, number in source.tokens:
        if token in SLEEPS:
            yield number, message
    if source.is_python:
        for name, number in python_names(source.text):
            if name in SLEEPS:
                yield number, message
    if source.is_shell:
        for number, _ in each_match(r"(?:^|[;&|(]|\b(?:do|then|else))\s*sleep\b", source.lines):
            yield number, message


def rule_leftovers(source):
    for number, match in each_match(r"\b(TODO|FIXME|XXX)\b", source.lines):
        yield number, f"{match.group(0)}: finish it or leave it out"


def rule_skipped_tests(source):
    for number, match in each_match(r"\b(GTEST_SKIP|DISABLED_)", source.lines):
        yield number, f"{match.group(0)}: a skipped test counts as failed"


def rule_namespace(source):
    """Everything in daemon/ and ctl/ lives in kheish; main() and helpers around it may stand alone."""
    if layers.folder_of(source.path) is None:
        return
    depth = 0
    stream = source.tokens
    for index, (token, number) in enumerate(stream):
        if token == "{":
            depth += 1
        elif token == "}":
            depth -= 1
        elif token == "namespace" and depth == 0 and stream[index - 1][0] != "using":
            name = stream[index + 1][0] if index + 1 < len(stream) else ""
            if name not in ("kheish", "{"):
                yield number, f"namespace {name}: everything lives in kheish"


def rule_whitespace(source):
    if b"\r" in source.data:
        yield source.data[: source.data.index(b"\r")].count(b"\n") + 1, "carriage return"
    for number, line in enumerate(source.lines, 1):
        if line != line.rstrip(" \t"):
            yield number, "trailing whitespace"
    if source.data and not source.data.endswith(b"\n"):
        yield len(source.lines), "no newline at the end"


def rule_encoding(source):
    try:
        source.data.decode("utf-8")
    except UnicodeDecodeError as error:
        yield source.data[: error.start].count(b"\n") + 1, "not UTF-8"


RULES = {
    "layers": rule_layers,
    "exceptions": rule_exceptions,
    "captures": rule_captures,
    "raw-resources": rule_raw_resources,
    "number-parsing": rule_number_parsing,
    "tool-surface": rule_tool_surface,
    "pragma-once": rule_pragma_once,
    "file-length": rule_file_length,
    "lambda-length": rule_lambda_length,
    "test-sleep": rule_test_sleep,
    "leftovers": rule_leftovers,
    "skipped-tests": rule_skipped_tests,
    "namespace": rule_namespace,
    "whitespace": rule_whitespace,
    "encoding": rule_encoding,
}
NAMING_RULES = {"leftovers", "skipped-tests", "test-sleep"}


def check(path, data):
    """The findings in one file, as lines of text."""
    source = Source(path, data)
    exempt = NAMING_RULES if path.startswith(RULE_FILES) else set()
    return [
        f"{path}:{number}: {name}: {message}"
        for name, rule in RULES.items()
        if name not in exempt
        for number, message in rule(source)
    ]


def is_checked(path, first_bytes):
    if path.startswith(DATA_FOLDERS):
        return False
    return path.endswith(TEXT_SUFFIXES) or first_bytes.startswith(b"#!")


def project_files(root):
    """Paths below `root` that belong to the project: git's own list, else everything but build folders."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-coz", "--exclude-standard"],
        cwd=root, capture_output=True, check=False,
    )  # fmt: skip
    if listed.returncode == 0:
        names = {os.fsdecode(name) for name in listed.stdout.split(b"\0") if name}
        return sorted(name for name in names if os.path.isfile(os.path.join(root, name)))
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = [
            name
            for name in folders
            if not name.startswith((".git", "build")) and name not in ("node_modules", "__pycache__")
        ]
        found.extend(os.path.relpath(os.path.join(folder, name), root) for name in files)
    return sorted(found)


def main(arguments):
    root = arguments[0] if arguments else "."
    findings = []
    count = 0
    for path in arguments[1:] or project_files(root):
        full = os.path.join(root, path)
        if os.path.islink(full):
            continue
        with open(full, "rb") as file:
            data = file.read()
        if is_checked(path, data[:2]):
            count += 1
            findings.extend(check(path, data))
    print("\n".join(findings + [f"{count} files, {len(findings)} findings"]))
    return 1 if findings or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
