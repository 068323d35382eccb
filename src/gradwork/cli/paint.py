"""Colour for answers on a terminal: quiet, by lines, and nothing that is not also there without it."""

from __future__ import annotations

import re

BOLD, DIM, RED, GREEN, YELLOW, BLUE, CYAN = "1", "2", "31", "32", "33", "34", "36"
_RESULT = re.compile(r"^(∇|∂f/∂|grad|df/d)")
_LABEL = re.compile(r"^(forward|backward|differentials|with)(?= )")
_NOTE = re.compile(r"(?<=\S)( {2,})(\S.*)$")


def paint(text: str) -> str:
    """Return a derivation with colour: labels, reasons and shapes faint, results bold, the check green or red.

    >>> paint("check ✓ 20 random points")
    '\\x1b[32mcheck ✓ 20 random points\\x1b[0m'
    """
    return "\n".join(_line(line) for line in text.split("\n"))


def colour(text: str, code: str) -> str:
    """Return text in a colour."""
    return f"\x1b[{code}m{text}\x1b[0m" if text else text


def _line(line: str) -> str:
    if line.startswith("check"):
        return colour(line, RED if "✗" in line else YELLOW if "—" in line else GREEN)
    if line.startswith(("assumed", "computed")):
        return colour(line, DIM)
    note = _NOTE.search(line, 16)
    body, tail = (line[: note.start(1)], note[1] + colour(note[2], DIM)) if note else (line, "")
    if _RESULT.match(body) or body.startswith("f("):
        return colour(body, BOLD) + tail
    label = _LABEL.match(body)
    if label:
        body = colour(label[1], CYAN) + body[label.end() :]
    return body + tail
