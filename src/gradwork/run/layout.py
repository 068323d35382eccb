"""Long lines of source, broken inside their brackets."""

from __future__ import annotations

WIDTH = 100
_OPEN, _CLOSE = "([{", ")]}"


def wrap(line: str, width: int = WIDTH) -> list[str]:
    """Return a line of code as lines that fit: the longest bracket of one that does not is opened up.

    >>> print("\\n".join(wrap("    return f(aaaaaaaa, g(bbbbbbbb, cccccccc))", 30)))
        return f(
            aaaaaaaa,
            g(bbbbbbbb, cccccccc),
        )
    """
    if len(line) <= width:
        return [line]
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
