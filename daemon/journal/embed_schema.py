#!/usr/bin/env python3
"""Writes the numbered schema files into a C++ source: embed_schema.py OUTPUT NNNN_name.sql..."""

import pathlib
import sys

DELIMITER = "schema"


def main() -> None:
    output, *inputs = map(pathlib.Path, sys.argv[1:])
    lines = [
        '#include "journal/migrate.hpp"',
        "",
        "#include <array>",
        "",
        "namespace kheish::journal {",
        "",
        "std::span<const Migration> migrations() {",
        f"    static constexpr std::array<Migration, {len(inputs)}> kMigrations{{{{",
    ]
    for position, path in enumerate(sorted(inputs, key=lambda path: path.name), start=1):
        text = path.read_text(encoding="utf-8")
        if int(path.name.split("_")[0]) != position:
            sys.exit(f"{path}: the number must be {position:04}")
        if f"){DELIMITER}\"" in text:
            sys.exit(f"{path}: contains the delimiter of a raw string")
        lines.append(f'        {{{position}, "{path.name}", R"{DELIMITER}({text}){DELIMITER}"}},')
    lines += ["    }};", "    return kMigrations;", "}", "", "} // namespace kheish::journal", ""]
    output.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
