"""Long lines of source, broken before their operators, or else inside their brackets."""

from __future__ import annotations

import re

WIDTH = 100
SHORT = 24  # letters of an operand that shares its line with others
_OPEN, _CLOSE = "([{", ")]}"


def wrap(line: str, width: int = WIDTH) -> list[str]:
    """Return a line of code as lines that fit.

    One that does not is broken before each of its outermost operators; where it has none, its longest bracket is
    opened up.

    >>> print("\\n".join(wrap("    return f(aaaaaaaa, g(bbbbbbbb, cccccccc))", 30)))
        return f(
            aaaaaaaa,
            g(bbbbbbbb, cccccccc),
        )
    >>> print("\\n".join(wrap("    return f(aaaaaaaaa) - bbbbbbbbb * cc", 30)))
        return (
            f(aaaaaaaaa)
            - bbbbbbbbb * cc
        )
    """
    if len(line) <= width:
        return [line]
    broken = _at_operators(line, width)
    if broken is not None:
        return broken
    span = _longest_bracket(line)
    if span is None or span[1] - span[0] < 12:
        return [line]
    start, end = span
    indent = line[: len(line) - len(line.lstrip())]
    items = _items(line[start + 1 : end])
    # A comma after the last item would turn a bracket into a tuple, an index into another index.
    called = len(items) > 1 or (line[start] == "(" and line[start - 1 : start].isidentifier())
    # A comma after the only item is what makes a tuple of it: it stays.
    single = line[start + 1 : end].rstrip().endswith(",")
    lines = wrap(line[: start + 1], width)  # what stands before may have a bracket of its own
    for k, item in enumerate(items):
        comma = "," if k < len(items) - 1 or single or (called and line[start] == "(") else ""
        lines += wrap(f"{indent}    {item.strip()}{comma}", width)
    return [*lines, *wrap(indent + line[end:], width)]


_STATEMENT = re.compile(r"(\s*)(return |[A-Za-z_][\w, ]* = )?(.*?)(,?)$", re.DOTALL)
_NO_SUM = re.compile(r"\b(if|else|for|lambda|and|or|not|in)\b|[<>=]")  # what binds less than an operator does


def _at_operators(line: str, width: int) -> list[str] | None:
    found = _STATEMENT.match(line)
    assert found is not None
    indent, head, body, comma = found.groups()
    outside, places = _outermost(body)
    if _NO_SUM.search(outside):
        return None
    sums = [i for i in places if body[i] in "+-"]
    bounds = [0, *(sums or places), len(body)]
    parts = [body[a:b].strip() for a, b in zip(bounds, bounds[1:], strict=False)]
    if len(parts) == 1 or (not sums and max(map(len, parts)) > width // 2):
        return None  # most of it is one factor: its brackets are opened up instead
    parts = _filled(parts, width - len(indent))
    if not head:
        # An argument of a call: its brackets are those of the call.
        lines = [piece for part in parts for piece in wrap(f"{indent}{part}", width)]
        return [*lines[:-1], lines[-1] + comma]
    lines = [piece for part in parts for piece in wrap(f"{indent}    {part}", width)]
    return [f"{indent}{head}(", *lines, f"{indent}){comma}"]


def _filled(parts: list[str], width: int) -> list[str]:
    # Short operands share lines; one that is an expression of its own has a line of its own.
    if max(map(len, parts)) > SHORT:
        return parts
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) + 6 <= width:
            lines[-1] += f" {part}"
        else:
            lines.append(part)
    return lines


def _outermost(body: str) -> tuple[str, list[int]]:
    # The text outside all brackets and quotes, and where a binary operator stands in it: a blank on both sides.
    depth, quoted, outside, places = 0, False, [], []
    for i, c in enumerate(body):
        if c == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif c in _OPEN:
            depth += 1
        elif c in _CLOSE:
            depth -= 1
        elif not depth:
            outside.append(c)
            if c in "+-*/@" and body[i - 1 : i] == " " and body[i + 1 : i + 2] == " ":
                places.append(i)
    return "".join(outside), places


def _longest_bracket(line: str) -> tuple[int, int] | None:
    best: tuple[int, int] | None = None
    stack: list[int] = []
    quoted = False
    for i, c in enumerate(line):
        if c == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif c in _OPEN:
            stack.append(i)
        elif c in _CLOSE and stack:  # a line may begin with the bracket that the line before opened
            start = stack.pop()
            if not stack and (best is None or i - start > best[1] - best[0]):
                best = (start, i)
    return best


def _items(text: str) -> list[str]:
    items, depth, quoted, start = [], 0, False, 0
    for i, c in enumerate(text):
        if c == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif c in _OPEN:
            depth += 1
        elif c in _CLOSE:
            depth -= 1
        elif c == "," and not depth:
            items.append(text[start:i])
            start = i + 1
    rest = text[start:]
    return [*items, rest] if rest.strip() else items
