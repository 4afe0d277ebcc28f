#!/usr/bin/python3
"""Runs one outside checker over the files it is for. Usage: check_tool.py format|shell|xml ROOT

Exits 1 on any finding; an empty list of files is a pass only where the project has none of the kind.
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_source  # noqa: E402

XML_SUFFIXES = (".xml", ".policy")


def is_shell(root, path):
    with open(os.path.join(root, path), "rb") as file:
        data = file.read()
    return check_source.Source(path, data).is_shell


def main(kind, root):
    files = [
        path
        for path in check_source.project_files(root)
        if not path.startswith(check_source.DATA_FOLDERS)
        and not os.path.islink(os.path.join(root, path))
    ]
    if kind == "format":
        command = ["clang-format", "--dry-run", "-Werror"]
        chosen = [path for path in files if path.endswith(check_source.CXX_SUFFIXES)]
    elif kind == "shell":
        command = ["shellcheck"]
        chosen = [path for path in files if is_shell(root, path)]
    else:
        command = ["xmllint", "--noout", "--nonet"]
        chosen = [path for path in files if path.endswith(XML_SUFFIXES)]
    print(f"{kind}: {len(chosen)} files", flush=True)
    if not chosen:
        return 0
    # "./" keeps a name from being an option: xmllint knows no "--".
    names = [os.path.join(".", path) for path in chosen]
    return 1 if subprocess.run([*command, *names], cwd=root, check=False).returncode else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
