"""The live view of a run: one line that changes on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import math
import sys
import time
from typing import Any

from gradwork.cli.output import is_terminal, note
from gradwork.cli.words import say

QUIET_FOR = 0.25  # seconds: what is over by then needs no view
BLOCKS = "▁▂▃▄▅▆▇█"


def view(quiet: bool = False) -> Any:
    """Return the callback for this terminal; None where nothing is to be shown."""
    if quiet:
        return None
    return Live() if is_terminal(sys.stderr) else Lines()


def facts(p: Any) -> list[tuple[str, str]]:
    """Return where a run stands as (word, value): loss, validation, learning rate."""
    found = [(say("loss"), f"{p.loss:.6g}")]
    if math.isfinite(p.validation_loss):
        found.append((say("validation"), f"{p.validation_loss:.6g}"))
    if math.isfinite(p.learning_rate):
        found.append((say("rate"), f"{p.learning_rate:.3g}"))
    return found


def duration(seconds: float) -> str:
    """Return a time as a person reads it.

    >>> duration(0.42), duration(75), duration(7300)
    ('0.4 s', '1 min 15 s', '2 h 1 min')
    """
    if not math.isfinite(seconds):
        return "—"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def sparkline(values: Any, width: int = 16) -> str:
    """Return numbers as a row of blocks, the largest the highest; on a logarithmic scale where they span decades.

    >>> sparkline([8, 4, 2, 1])
    '█▆▃▁'
    """
    finite = [float(v) for v in values if math.isfinite(v)]
    if len(finite) < 2:
        return ""
    step = (len(finite) - 1) / (width - 1) if len(finite) > width else 1
    chosen = [finite[round(i * step)] for i in range(min(width, len(finite)))]
    if min(chosen) > 0:
        chosen = [math.log(v) for v in chosen]
    low, high = min(chosen), max(chosen)
    span = high - low or 1.0
    return "".join(BLOCKS[min(7, int(8 * (v - low) / span))] for v in chosen)


class Lines:
    """Plain lines on standard error, about ten in a run, and none for a short one."""

    every = None

    def __init__(self) -> None:
        self.last = 0.0
        self.tenth = 0

    def begin(self, progress: Any) -> None:
        """Start the clock."""
        self.last = time.perf_counter()

    def after(self, progress: Any) -> str | None:
        """Write a line for each tenth of the run, or every ten seconds."""
        now = time.perf_counter()
        tenth = 10 * progress.unit // max(progress.units, 1)
        if progress.seconds > 4 * QUIET_FOR and (tenth > self.tenth or now - self.last > 10):
            self.tenth, self.last = tenth, now
            note(self.text(progress))
        return None

    def text(self, p: Any) -> str:
        """Return one line of the view."""
        parts = [f"{p.unit:,}/{p.units:,}", *(f"{word} {value}" for word, value in facts(p))]
        if p.unit < p.units:
            parts.append(say("left", time=duration(p.left)))
        return "  ".join(parts)

    def end(self, fit: Any) -> None:
        """Nothing: the summary follows."""


class Live:
    """One changing line on a terminal: a bar, the loss with its curve, validation, rate, time left."""

    every = None

    def __init__(self) -> None:
        self.bar: Any = None
        self.task: Any = None

    def begin(self, progress: Any) -> None:
        """Wait: a run that is over at once flashes nothing."""

    def after(self, progress: Any) -> str | None:
        """Draw where the run stands."""
        if self.bar is None and progress.seconds > QUIET_FOR:
            self._start(progress)
        if self.bar is not None:
            self.bar.update(self.task, completed=progress.unit, facts=self._facts(progress))
        return None

    def end(self, fit: Any) -> None:
        """Take the line away: the summary stands in its place."""
        self.close()

    def close(self) -> None:
        """Give the terminal back, whatever happened."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    def _start(self, p: Any) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.bar = Progress(
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[facts]}"),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            transient=True,
        )
        self.task = self.bar.add_task("", total=p.units, completed=p.unit, facts=self._facts(p))
        self.bar.start()

    def _facts(self, p: Any) -> str:
        loss, *rest = facts(p)
        curve = sparkline(p.history.loss)
        shown = [
            f"[dim]{loss[0]}[/] {loss[1]} [blue]{curve}[/]",
            *(f"[dim]{word}[/] {value}" for word, value in rest),
        ]
        return "  ".join(shown)
