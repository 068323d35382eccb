"""Korean: how it counts and joins; the tables beside are its sentences by subject."""

from __future__ import annotations

AND, OR = "와", "또는"


def plural(count: float) -> int:
    """Return which form of a word stands with a number: there is but one."""
    return 0
