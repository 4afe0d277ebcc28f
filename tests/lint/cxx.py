"""Just enough C++ reading for the house rules: text without comments and literals, and tokens."""

import re

_LITERAL = re.compile(
    r"""
      //[^\n]*
    | /\*.*?\*/
    | (?:u8|[uUL])?R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)"
    | (?:u8|[uUL])?"(?:\\.|[^"\\\n])*"
    | (?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'
    """,
    re.VERBOSE | re.DOTALL,
)
_TOKEN = re.compile(r"[A-Za-z_]\w*|\d(?:[\w.]|'(?=\w))*|::|->|&&|\|\||\[\[|\]\]|\S")


def blank(text):
    """`text` with comments and the contents of literals replaced by spaces; lines stay where they are."""

    def replace(match):
        found = match.group(0)
        kept = re.sub(r"[^\n]", " ", found)
        if found.startswith("/"):
            return kept
        return '"' + kept[1:-1] + '"' if len(kept) >= 2 else kept

    return _LITERAL.sub(replace, _keep_includes(text))


def _keep_includes(text):
    """#include "x" is not a string literal; the include rules read the raw text."""
    return re.sub(r'(?m)^(\s*#\s*include\s*)"[^"\n]*"', r"\1", text)


def tokens(blanked):
    """[(token, line)] of text made by blank(); preprocessor lines are left out, macros included."""
    found = []
    continued = False
    for number, line in enumerate(blanked.split("\n"), 1):
        directive = continued or line.lstrip().startswith("#")
        continued = directive and line.rstrip().endswith("\\")
        if not directive:
            found.extend((match.group(0), number) for match in _TOKEN.finditer(line))
    return found


def closing(stream, start, opening, closer):
    """Index of the token that closes the bracket at `start`, or None."""
    depth = 0
    for index in range(start, len(stream)):
        if stream[index][0] == opening:
            depth += 1
        elif stream[index][0] == closer:
            depth -= 1
            if depth == 0:
                return index
    return None


_AFTER_LAMBDA = {"(", "{", "<", "mutable", "noexcept", "->", "constexpr"}
_NOT_SUBSCRIPT = {"return", "co_return", "case", "else", "do"}


def lambdas(stream):
    """[(first line, lines of the body)] of every lambda expression."""
    found = []
    for index, (token, line) in enumerate(stream):
        if token != "[":
            continue
        before = stream[index - 1][0] if index else ""
        if (re.match(r"[\w)\]\"]", before) and before not in _NOT_SUBSCRIPT) or before == "operator":
            continue
        end = closing(stream, index, "[", "]")
        if end is None or end + 1 >= len(stream) or stream[end + 1][0] not in _AFTER_LAMBDA:
            continue
        body = _lambda_body(stream, end + 1)
        if body is None:
            continue
        body_end = closing(stream, body, "{", "}")
        if body_end is not None:
            found.append((line, stream[body_end][1] - stream[body][1] - 1))
    return found


def _lambda_body(stream, index):
    """Index of the `{` that opens the lambda whose capture list ends just before `index`."""
    while index < len(stream):
        token = stream[index][0]
        if token == "{":
            return index
        if token in (";", "}", ")", ","):
            return None
        if token == "(":
            index = closing(stream, index, "(", ")")
            if index is None:
                return None
        index += 1
    return None
