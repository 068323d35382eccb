"""How many columns of a terminal a text takes: 역방향 takes six, a combining accent none."""

from __future__ import annotations

import unicodedata


def width(text: str) -> int:
    """Return the columns that a text takes.

    >>> width("backward"), width("역방향"), width("x\u0302"), width("𝟏ᵀ")
    (8, 6, 1, 2)
    """
    if not any(unicodedata.east_asian_width(c) in "WF" or unicodedata.combining(c) for c in text):
        return len(text)
    from rich.cells import cell_len  # which a derivation without wide letters does not need

    return cell_len(text)


def padded(text: str, columns: int) -> str:
    """Return a text filled up with spaces to a number of columns.

    >>> padded("역방향", 8) + "|"
    '역방향  |'
    """
    return text + " " * (columns - width(text))
