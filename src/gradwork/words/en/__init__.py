"""English: how it counts and joins; the tables beside are its sentences by subject."""

from __future__ import annotations

AND, OR = "and", "or"


def plural(count: float) -> int:
    """Return which form of a word stands with a number: 0 with one, 1 with others."""
    return 0 if count == 1 else 1
