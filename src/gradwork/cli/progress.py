"""The live view of a run: one line that changes on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import math
import sys
import time
from typing import Any

from gradwork.cli.output import is_terminal, note
from gradwork.learn.callbacks import Callback, Progress
from gradwork.words.say import say

QUIET_FOR = 0.25  # seconds: what is over by then needs no view
BLOCKS = "▁▂▃▄▅▆▇█"


def view(quiet: bool = False) -> Any:
    """Return the callback for this terminal; None where nothing is to be shown."""
    if quiet:
        return None
    return Live() if is_terminal(sys.stderr) else Lines()


def facts(p: Progress) -> list[tuple[str, str]]:
    """Return where a run stands as (word, value): loss, validation, learning rate."""
    found = [(say("loss word"), f"{p.loss:.6g}")]
    if math.isfinite(p.validation_loss):
        found.append((say("validation word"), f"{p.validation_loss:.6g}"))
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


def sparkline(values: Any, width: int = 16, span: tuple[float, float] | None = None) -> str:
    """Return numbers as a row of blocks, the largest the highest; on a logarithmic scale where all are positive.

    `span` gives the lowest and the highest number of the scale, so that several rows compare.

    >>> sparkline([8, 4, 2, 1]), sparkline([8, 4, 2, 1], span=(1, 64))
    ('█▆▃▁', '▅▃▂▁')
    """
    finite = [float(v) for v in values if math.isfinite(v)]
    if len(finite) < 2:
        return ""
    step = (len(finite) - 1) / (width - 1) if len(finite) > width else 1
    chosen = [finite[round(i * step)] for i in range(min(width, len(finite)))]
    low, high = span or (min(chosen), max(chosen))
    if min(low, *chosen) > 0:
        chosen, low, high = [math.log(v) for v in chosen], math.log(low), math.log(high)
    scale = high - low or 1.0
    return "".join(BLOCKS[max(0, min(7, int(8 * (v - low) / scale)))] for v in chosen)


class Lines(Callback):
    """Plain lines on standard error, about ten in a run, and none for a short one."""

    def __init__(self) -> None:
        self.last = 0.0
        self.tenth = 0

    def begin(self, progress: Progress) -> None:
        """Start the clock."""
        self.last = time.perf_counter()

    def after(self, progress: Progress) -> str | None:
        """Write a line for each tenth of the run, or every ten seconds."""
        now = time.perf_counter()
        tenth = 10 * progress.unit // max(progress.units, 1)
        if progress.seconds > 4 * QUIET_FOR and (tenth > self.tenth or now - self.last > 10):
            self.tenth, self.last = tenth, now
            note(self.text(progress))
        return None

    def text(self, p: Progress) -> str:
        """Return one line of the view."""
        parts = [f"{p.unit:,}/{p.units:,}", *(f"{word} {value}" for word, value in facts(p))]
        if p.unit < p.units and math.isfinite(p.left):
            parts.append(say("left", time=duration(p.left)))
        return "  ".join(parts)

    def end(self, fit: Any) -> None:
        """Nothing: the summary follows."""


class Live(Callback):
    """One changing line on a terminal: a bar, the loss with its curve, validation, rate, time left."""

    def __init__(self) -> None:
        self.bar: Any = None
        self.task: Any = None

    def begin(self, progress: Progress) -> None:
        """Wait: a run that is over at once flashes nothing."""

    def after(self, progress: Progress) -> str | None:
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

    def _start(self, p: Progress) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self.bar = Bar(
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[facts]}"),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            transient=True,
        )
        self.task = self.bar.add_task("", total=p.units, completed=p.unit, facts=self._facts(p))
        self.bar.start()

    def _facts(self, p: Progress) -> str:
        loss, *rest = facts(p)
        curve = sparkline(p.history.loss)
        shown = [
            f"[dim]{loss[0]}[/] {loss[1]} [blue]{curve}[/]",
            *(f"[dim]{word}[/] {value}" for word, value in rest),
        ]
        return "  ".join(shown)
