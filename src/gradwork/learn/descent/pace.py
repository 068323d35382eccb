"""How long a call of a loop lasts: a fraction of a second, so that a run can be watched and stopped."""

from __future__ import annotations

from collections.abc import Sequence

from gradwork.learn.callbacks import Callback

CHUNK_SECONDS = 0.25


class Pace:
    """How many units go into the next call: a fraction of a second, and up to the next callback."""

    def __init__(self, callbacks: Sequence[Callback], expected: float = 0.0):
        self.expected = expected  # seconds a unit, before any has been measured
        self.every = [c.every for c in callbacks if c.every]
        self.unit_seconds: float | None = None
        self.last = 16

    def took(self, count: int, seconds: float) -> None:
        """Take note of how long a call lasted."""
        # The last call counts: the first may hold a compilation, and a machine may grow busy or free.
        self.unit_seconds = seconds / count
        self.last = count

    def count(self, unit: int, units: int, limit: float | None, elapsed: float) -> int:
        """Return the number of units of the next call."""
        wanted = CHUNK_SECONDS if limit is None else min(CHUNK_SECONDS, max(limit - elapsed, 0.0) / 2 + 1e-3)
        if self.unit_seconds is None:
            count = min(16, int(wanted / max(self.expected, 1e-9)))
        else:
            count = min(int(wanted / max(self.unit_seconds, 1e-9)), self.last * 64)
        count = max(1, count)
        for every in self.every:
            count = min(count, every - unit % every)
        return max(1, min(count, units - unit))
