"""`gradwork race`: optimizers on one table, from the same start, over the same batches, several times."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.cli.output import is_terminal, out, write_file
from gradwork.cli.progress import sparkline
from gradwork.errors import GradworkError
from gradwork.words.notes import near
from gradwork.words.say import say

Array = NDArray[np.float64]
FORMATS = (".svg", ".png", ".pdf")
BATCH = 32
NEAR = 0.01  # "there" is within this share of the way from the start to the best loss of all


@dataclass(frozen=True)
class Race:
    """What `gradwork race` was asked for."""

    table: Path
    target: str | None
    features: list[str] | None
    model: str | None
    loss: str | None
    optimizers: list[str]
    learning_rate: float | None
    epochs: int
    batch_size: int | None
    validation: float | None
    scale: bool
    missing: str
    leave_out: bool
    seeds: int
    seed: int
    picture: Path | None
    overwrite: bool
    quiet: bool


@dataclass
class Entry:
    """One optimizer: its name and rate, and what each seed gave. Shapes: curves: seeds×(epochs + 1)."""

    name: str
    rate: float
    curves: list[Array] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    diverged: int = 0

    @property
    def median(self) -> float:
        """The middle of the final losses; infinite where more than half of the runs diverged."""
        return float(np.median(self.losses))

    def band(self) -> tuple[NDArray[Any], Array, Array, Array]:
        """Return epochs, the median curve and the extremes over the seeds."""
        length = max(map(len, self.curves))
        whole = np.full((len(self.curves), length), np.nan)
        for row, curve in zip(whole, self.curves, strict=True):
            row[: len(curve)] = curve
        seen = np.isfinite(whole).any(axis=0)
        whole = whole[:, seen]
        return (
            np.flatnonzero(seen),
            np.nanmedian(whole, axis=0),
            np.nanmin(whole, axis=0),
            np.nanmax(whole, axis=0),
        )


def run_race(race: Race) -> None:
    """Run all, save the picture, print the table."""
    from gradwork.data import read_table

    entries = check(race)
    path = race.picture or Path(f"{_stem(race.table)}-race.svg")
    if path.exists() and not race.overwrite:
        raise GradworkError("file exists", path=path, option="--out")
    table = read_table(race.table)
    assert race.target is not None
    table[race.target]
    fitted = run_all(race, table, entries)
    told = [format_race(race, entries, fitted, table.rows)]
    try:  # the picture is kept before anything is told: the reader of the output may have gone
        save_picture(path, entries)
        told.append(say("picture", path=path))
    finally:
        out("\n".join(told))


def check(race: Race) -> list[Entry]:
    """Return the entries of a race; GradworkError for one that cannot be run."""
    from gradwork.learn.optimizers.named import OPTIMIZERS
    from gradwork.models.networks.names import names_network

    if race.target is None:
        raise GradworkError("name target")
    if names_network(race.model):
        raise GradworkError("no network races", model=race.model)
    for option, count in (
        ("--epochs", race.epochs),
        ("--seeds", race.seeds),
        ("--batch-size", race.batch_size),
    ):
        if count is not None and count < 1:
            raise GradworkError("count", option=option, count=count)
    if race.seed < 0:
        raise GradworkError("seed", seed=race.seed)
    if race.validation is not None and not 0 < race.validation < 1:
        raise GradworkError("share", share=f"{race.validation:g}")
    if race.picture is not None and race.picture.suffix.lower() not in FORMATS:
        raise GradworkError("picture format", path=race.picture, formats=", ".join(FORMATS))
    if not race.optimizers:
        raise GradworkError("no racers")
    entries: list[Entry] = []
    for text in race.optimizers:
        name, _, given = text.lower().partition(":")
        if name not in OPTIMIZERS:
            raise GradworkError("no optimizer", name=name, nearest=near(name, OPTIMIZERS))
        default = (
            OPTIMIZERS[name]().learning_rate.initial if race.learning_rate is None else race.learning_rate
        )
        rate = _rate(given, text) if given else default
        if not 0 < rate < float("inf"):
            raise GradworkError("learning rate", rate=f"{rate:g}")
        if any((e.name, e.rate) == (name, rate) for e in entries):
            raise GradworkError("racer twice", name=text)
        entries.append(Entry(name, float(rate)))
    return entries


def _rate(given: str, text: str) -> float:
    try:
        return float(given)
    except ValueError as error:
        raise GradworkError("racer rate", text=text) from error


def run_all(race: Race, table: Any, entries: list[Entry]) -> Any:
    """Run every optimizer with every seed; return the last fit, for what it says of the model."""
    from gradwork.learn.stopping import Stopping
    from gradwork.models.fit import fit

    fitted = None
    # Every run takes all its epochs, unless its loss leaves the numbers.
    stopping = Stopping(gradient_norm=None, growth=None)
    with _progress(race, len(entries) * race.seeds) as advance:
        for entry in entries:
            for seed in range(race.seed, race.seed + race.seeds):
                fitted = fit(
                    table,
                    race.target,
                    race.model,
                    features=race.features,
                    loss=race.loss,
                    optimizer=entry.name,
                    learning_rate=entry.rate,
                    epochs=race.epochs,
                    batch_size=batch_size(race, table.rows),
                    validation=race.validation,
                    scale=race.scale,
                    seed=seed,
                    missing=race.missing,
                    unusable="leave out" if race.leave_out else "error",
                    stopping=stopping,
                )
                if getattr(fitted.fit.stop, "kind", "") == "interrupted":
                    raise KeyboardInterrupt  # a race with a run cut short compares nothing
                _note(entry, fitted.fit)
                advance(entry.name)
    return fitted


def batch_size(race: Race, rows: int) -> int:
    """Return the rows of a step: 32, or half of what a small table has to learn from."""
    learned = rows - round(rows * (race.validation or 0.0))
    return race.batch_size or min(BATCH, max(1, learned // 2))


def _note(entry: Entry, run: Any) -> None:
    curve = np.asarray(run.history.loss, dtype=float)
    start = curve[0]
    bad = getattr(run.stop, "kind", "") == "non-finite" or not np.isfinite(run.loss) or run.loss > 2 * start
    entry.diverged += bad
    entry.curves.append(curve)
    entry.losses.append(float("inf") if bad else float(run.loss))
    entry.held.append(float(run.validation_loss))
    entry.seconds.append(float(run.seconds))


def format_race(race: Race, entries: list[Entry], fitted: Any, rows: int) -> str:
    """Return the table of the race, the best first; the table that was learned from has so many rows."""
    ranked = _ranked(entries)
    best = ranked[0].median
    start = max((float(e.curves[0][0]) for e in entries), default=float("nan"))
    goal = best + NEAR * max(start - best, 0.0)
    span = _span(entries)
    held = any(np.isfinite(e.held).any() for e in entries)
    titles = (
        "racer",
        "rate",
        "curve word",
        "loss word",
        "over seeds",
        "epochs there",
        "held",
        "seconds unit",
    )
    heads = [say(k) for k in titles]
    body = [[_name(e, entries), f"{e.rate:g}", *_cells(e, goal, held, span)] for e in ranked]
    if not held:
        heads.pop(6)
    widths = [max(len(r[i]) for r in [heads, *body]) for i in range(len(heads))]
    left = {0, 2}
    lines = [say("race heading", source=fitted.source, model=fitted.model.title, target=fitted.target)]
    lines += [say("race runs", epochs=race.epochs, batch=batch_size(race, rows), seeds=_seeds(race)), ""]
    for row in [heads, *body]:
        cells = [
            c.ljust(w) if i in left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    lines += ["", say("race footer", share=f"{100 * NEAR:g}")]
    return "\n".join(lines)


def _ranked(entries: list[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda e: (e.median, e.diverged))


def _span(entries: list[Entry]) -> tuple[float, float] | None:
    """Return the lowest and highest loss of the runs that stayed finite: one scale for all curves."""
    values = np.concatenate([e.band()[1] for e in entries if np.isfinite(e.median)] or [np.empty(0)])
    values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if len(values) else None


def _cells(e: Entry, goal: float, held: bool, span: tuple[float, float] | None) -> list[str]:
    epochs, middle, _, _ = e.band()
    seconds = f"{np.median(e.seconds):.2f}"
    if not np.isfinite(e.median):
        return [sparkline(middle, 12, span), say("diverged"), "", "—", *(["—"] if held else []), seconds]
    low, high = min(e.losses), max(e.losses)
    spread = f"{low:.5g} … {high:.5g}" if len(e.losses) > 1 else ""
    reached = np.flatnonzero(middle <= goal)
    there = str(int(epochs[reached[0]])) if len(reached) else "—"
    checked = [f"{np.median(e.held):.5g}"] if held else []
    return [sparkline(middle, 12, span), f"{e.median:.5g}", spread, there, *checked, seconds]


def _name(e: Entry, entries: list[Entry]) -> str:
    return e.name if sum(other.name == e.name for other in entries) == 1 else f"{e.name} {e.rate:g}"


def _seeds(race: Race) -> str:
    if race.seeds == 1:
        return say("one seed", seed=race.seed)
    return say("seeds", count=race.seeds, first=race.seed, last=race.seed + race.seeds - 1)


def save_picture(path: Path, entries: list[Entry]) -> None:
    """Draw the race into a file, whole or not at all."""
    from gradwork.report import plots, style

    runs: Mapping[str, Any] = {_name(e, entries): e.band() for e in _ranked(entries) if np.isfinite(e.median)}
    if not runs:
        raise GradworkError("all diverged")
    with style.look(style.LIGHT) as colours:
        ax = style.figure(7.2, 4.4, fitted=True)
        plots.race(ax, runs, colours)
        kind, drawn = path.suffix[1:].lower(), io.BytesIO()
        metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
        ax.figure.savefig(drawn, format=kind, facecolor=colours["paper"], dpi=160, metadata=metadata)
    write_file(path, drawn.getvalue())


class _progress:
    """A bar on a terminal while the race runs, nothing elsewhere."""

    def __init__(self, race: Race, total: int):
        import sys

        self.show = not race.quiet and is_terminal(sys.stderr)
        self.total, self.began, self.bar, self.task = total, time.perf_counter(), None, None

    def __enter__(self) -> Callable[[str], None]:
        if self.show:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self.bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TimeRemainingColumn(compact=True),
                console=Console(stderr=True),
                transient=True,
            )
            self.task = self.bar.add_task("", total=self.total)
            self.bar.start()
        return self.advance

    def advance(self, name: str) -> None:
        """One more run is done."""
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, advance=1, description=name)

    def __exit__(self, *problem: object) -> None:
        if self.bar is not None:
            self.bar.stop()


def _stem(path: Path) -> str:
    from gradwork.cli.fit import stem_of

    return stem_of(path)
