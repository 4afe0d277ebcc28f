#!/usr/bin/python3
"""The man pages say what the tables of the code say. Usage: check_man.py [ROOT]

Every command, option, error name, exit status and configuration key that the sources define must have its
entry in man/*.scd. Prints what is missing and exits 1 if anything is.
"""

import glob
import os
import re
import sys

STRING = r'"((?:[^"\\]|\\.)*)"'


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def page(root, name):
    """The page as plain words: scdoc's emphasis and escapes undone."""
    return re.sub(r"\\(.)", r"\1", read(root, f"man/{name}.scd")).replace("*", "")


def sections(text):
    """Heading -> what stands below it."""
    parts = re.split(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def has_entry(text, words):
    """Whether `words` begin a line of their own or stand there behind a comma."""
    return bool(re.search(rf"^[\t ]*(?:[^\n]*, )?{re.escape(words)}(?![\w-])", text, re.MULTILINE))


def operation_commands(root):
    """kheishctl's words in the operations table: the seventh string of a row."""
    source = read(root, "daemon/control/operations.cpp")
    rows = re.findall(r"OperationInfo\{[^}]*?((?:\"[^\"]*\"(?:, )?){6})", source)
    return [words for row in rows if (words := re.findall(STRING, row)[5])]


def error_rows(root):
    source = read(root, "daemon/base/error.cpp")
    pattern = r"ErrorInfo\{\s*Errc::\w+,\s*" + rf"{STRING},\s*" * 3 + r"(\d+),\s*(\d+),"
    return re.findall(pattern, source)


def configuration_keys(root):
    """(section heading, key) of everything that a TableReader is asked for."""
    keys = []
    for path in ("daemon/config/settings.cpp", "daemon/config/routes.cpp"):
        for function in re.split(r"^(?=\S.*\($|\S.*\{$)", read(root, path), flags=re.MULTILINE):
            table = re.search(rf"TableReader reader\(\w+, {STRING}(?: \+|\))", function)
            asked = re.findall(
                rf"reader\.(?:required_)?(?:strings?|boolean|integer|word|path|table|array_of_tables)"
                rf"\({STRING}",
                function,
            )
            asked += re.findall(rf"read_number\(\s*reader, {STRING}", function)
            keys += [(path, table.group(1) if table else "", key) for key in asked]
    return keys


def heading_of(path, table):
    if path.endswith("routes.cpp"):
        return "ROUTES"
    return f"[{table.partition('.')[0]}]" if table else "KEYS AT THE TOP"


def check_commands(root):
    text = page(root, "kheishctl.1")
    for words in operation_commands(root):
        if not has_entry(text, words):
            yield f"kheishctl.1: no entry for the command {words}"
    for path in sorted(glob.glob(os.path.join(root, "ctl/*.cpp"))):
        # Options of a table: {"--name", "VALUE", "help"}
        for option in re.findall(rf'\{{\s*"(--[a-z-]+)",\s*{STRING}', read(root, path)):
            if not re.search(rf"{option[0]}(?![\w-])", text):
                yield f"kheishctl.1: the option {option[0]} is not mentioned"


def check_errors(root):
    pages = page(root, "kheishd.8")
    statuses = sections(page(root, "kheishctl.1"))["EXIT STATUS"]
    for domain, name, dbus, http, code in error_rows(root):
        problem = f"{domain}/{name}" if domain else name
        row = f"|  {dbus}\n:  {problem}\n:  {http}\n:  {code}\n"
        if row not in pages:
            yield f"kheishd.8: no row {dbus}, {problem}, {http}, {code}"
        if not re.search(rf"^\|[ \[] ?{code}$", statuses, re.MULTILINE):
            yield f"kheishctl.1: no exit status {code}"


def check_keys(root):
    found = sections(page(root, "kheish.toml.5"))
    for path, table, key in configuration_keys(root):
        heading = heading_of(path, table)
        is_section = f"[{key}]" in found or (heading == "ROUTES" and key == "routes")
        text = found.get(heading, "")
        if not is_section and not has_entry(text, key) and f"[[{table}.{key}]]" not in text:
            yield f"kheish.toml.5: no entry for {table + '.' if table else ''}{key} under {heading}"


def check_program_options(root):
    for source, name in (
        ("daemon/options.cpp", "kheishd.8"),
        ("daemon/launcher/options.cpp", "kheish-launcher.8"),
    ):
        if not os.path.exists(os.path.join(root, source)):
            yield f"{source} is gone; where are the options of {name} now?"
            continue
        text = page(root, name)
        for option in sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", read(root, source)))):
            if not has_entry(text, option):
                yield f"{name}: no entry for {option}"


def sources(root, pattern):
    return "".join(read(root, path) for path in sorted(glob.glob(pattern, root_dir=root, recursive=True)))


def promised_tests(root):
    """The tests that the pages of promises name: Suite.Name, and file.case of tests/system or tests/vm."""
    text = page(root, "kheish-durability.7") + page(root, "kheish-security.7")
    return re.findall(r"\b([A-Z]\w+\.[A-Z]\w+)\b", text) + re.findall(r"\b([a-z]+\.[a-z]+_[a-z_]+)\b", text)


def check_actions(root):
    text = sections(page(root, "kheish-security.7"))["POLKIT ACTIONS"]
    policy = read(root, "polkit/ai.kheish.daemon1.policy.in")
    for action in re.findall(r"<action id=\"ai\.kheish\.daemon1\.([\w-]+)\"", policy):
        if not re.search(rf"^\|[ ] (?:[\w-]+, )?{action}(?:,|$)", text, re.MULTILINE):
            yield f"kheish-security.7: no row for the action {action}"


def check_promises(root):
    """A promise names a test that is there."""
    units = sources(root, "tests/unit/**/*.cpp") + sources(root, "tests/integration/**/*.cpp")
    for name in promised_tests(root):
        where, what = name.split(".")
        if where[0].isupper():
            there = re.search(rf"TEST(?:_F|_P)?\({where}, {what}\)", units)
        else:
            pattern = "tests/vm/cases/*.py" if where == "vm" else f"tests/system/cases/{where}.py"
            there = f"\ndef {what}(" in sources(root, pattern)
        if not there:
            yield f"a page of promises names {name}, which is no test"


def check(root):
    for name, rows, least in (
        ("commands", operation_commands(root), 15),
        ("errors", error_rows(root), 40),
        ("keys", configuration_keys(root), 35),
        ("tests of promises", promised_tests(root), 30),
    ):
        # A table that is written another way must not make the test pass.
        if len(rows) < least:
            yield f"only {len(rows)} {name} were found in the sources"
    for part in (check_commands, check_errors, check_keys, check_program_options, check_actions, check_promises):
        yield from part(root)


def main(arguments):
    findings = list(check(arguments[0] if arguments else "."))
    print("\n".join(findings + [f"{len(findings)} findings"]))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
