"""From a table to the matrix X and the target y of a model, with all that was decided said in words."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradwork.data.columns import Column
from gradwork.data.encoding import Encoding, Feature
from gradwork.data.tables import MAX_COLUMNS, Table
from gradwork.data.targets import Target, target
from gradwork.errors import TableError
from gradwork.words.forms import listed
from gradwork.words.notes import Caution, Line, Note

Array = NDArray[np.float64]

MISSING = ("error", "drop", "mean")
_IDENTIFIER = re.compile(r"(^|[ _.-])(id|idx|index|row|nr|no)$", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Design:
    """What a model is fitted to.

    `X` is n×p float64, C-contiguous, without a column of ones; `names` are its columns; `target` holds y;
    `encoding` applies the same to a new table; `rows` are the rows of the table that were kept, counted from
    0; `notes` say what was decided: reference levels, rows dropped, means filled in.
    """

    X: Array
    names: tuple[str, ...]
    target: Target
    encoding: Encoding
    rows: NDArray[np.int64]
    notes: tuple[Line, ...] = ()

    @property
    def y(self) -> Array:
        """Return the target as float64: numbers, or class numbers."""
        return self.target.y


def design(
    table: Table,
    target_name: str,
    features: Sequence[str] | None = None,
    *,
    missing: str = "error",
    kind: str | None = None,
    unusable: str = "error",
    intercept: bool = True,
) -> Design:
    """Return X, y and how they were made, for predicting one column from others.

    Numbers stay, booleans become 0 and 1, and text becomes one column of zeros and ones per category but the
    first in order, the reference. `features` None takes every other column. `missing` is "error" (naming rows
    and columns), "drop" (the rows), or "mean" (of the kept rows, recorded in the encoding; rows whose target
    is missing are dropped). `kind` overrides the target's kind. A column that cannot be a feature (constant,
    without values, dates, a text that differs in every row) is an error; `unusable="leave out"` leaves such
    columns out, with a note, unless `features` asks for them. Without an `intercept` the first text column has a
    column for each of its categories, as in R: a reference would have the prediction zero.

    >>> columns = {"area": [70, 90, 80], "colour": ["red", "blue", "red"], "price": [1.5, 2.5, 1.9]}
    >>> table = Table.from_any(columns)
    >>> d = design(table, "price")
    >>> d.names, d.X.tolist(), d.target.kind
    (('area', 'colour[red]'), [[70.0, 1.0], [90.0, 0.0], [80.0, 1.0]], 'continuous')
    >>> [str(note) for note in d.notes]
    ["'colour' has 2 categories; 'blue' is the reference"]
    """
    _check_choices(missing, unusable)
    table[target_name]
    chosen = _chosen(table, target_name, features)
    if table.rows < 2:
        raise TableError("table has one row", source=table.source)
    notes: list[Line] = []
    if unusable == "leave out" and features is None:
        problems = {c.name: reason for c in map(table.__getitem__, chosen) if (reason := _problem(c))}
        notes += [Caution("left out", reason=reason) for reason in problems.values()]
        chosen = [name for name in chosen if name not in problems]
        if not chosen:
            raise TableError(
                "no column can be feature", place=table.source, names="; ".join(map(str, problems.values()))
            )
    # Before the missing values: a column without any value would make every row one to drop.
    _refuse(table, chosen, features is not None)
    kept, lines = _keep(table, target_name, chosen, missing)
    notes += lines
    part = table if len(kept) == table.rows else table.take(kept)
    if part is not table:
        _refuse(
            part, chosen, features is not None
        )  # what varied in all rows may be constant in those that are kept
    goal = target(part, target_name, kind)
    first = None if intercept else next((name for name in chosen if part[name].kind == "text"), None)
    made = [_feature(part, part[name], notes, name != first) for name in chosen]
    encoding = Encoding(tuple(made), target_name, goal.kind, goal.levels)
    names = encoding.names
    if len(names) > MAX_COLUMNS:
        raise TableError(
            "too many columns of features", place=table.source, count=len(names), max_columns=MAX_COLUMNS
        )
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise TableError("column and category of one name", place=table.source, twice=twice)
    return Design(np.ascontiguousarray(encoding.apply(part)), names, goal, encoding, kept, tuple(notes))


def _check_choices(missing: str, unusable: str) -> None:
    if missing not in MISSING:
        raise TableError(
            "unknown treatment of missing values", missing=MISSING[:-1], MISSING=MISSING[-1], missing2=missing
        )
    if unusable not in ("error", "leave out"):
        raise TableError("unknown treatment of unusable columns", unusable=unusable)


def _chosen(table: Table, target_name: str, features: Sequence[str] | None) -> list[str]:
    if features is None:
        chosen = [name for name in table.names if name != target_name]
        if not chosen:
            raise TableError("has no column besides target", source=table.source, target_name=target_name)
        return chosen
    chosen = [features] if isinstance(features, str) else list(features)
    table.require(chosen)
    for i, name in enumerate(chosen):
        if name == target_name:
            raise TableError("target as feature", name=name)
        if name in chosen[:i]:
            raise TableError("feature is named twice", name=name)
    if not chosen:
        raise TableError("no feature is named")
    return chosen


def _problem(c: Column) -> Caution | None:
    """Return why a column cannot be a feature, if it cannot."""
    if c.kind == "empty":
        return Caution("all missing", column=c.name)
    if c.kind == "date":
        return Caution("date", column=c.name)
    if c.kind == "other":
        return Caution("other", column=c.name, detail=c.detail)
    present = c.values[~c.missing]
    if len(present) and (present == present[0]).all():
        row = int(np.flatnonzero(~c.missing)[0])
        value = f"'{c.text(row)}'" if c.levels else c.text(row)
        return Caution("constant", column=c.name, value=value)
    if c.kind == "text":
        levels = len(c.used_levels())
        if (levels == len(present) or levels > max(50, len(present) // 2)) and (shown := c.written()):
            return Caution("written number", column=c.name, value=shown)
        if levels == len(present):
            return Caution("identifier", column=c.name)
        if levels > max(50, len(present) // 2):
            return Caution("too many levels", column=c.name, count=levels, rows=len(present))
    if c.name.startswith("column ") and _counts(c):
        return Caution("index", column=c.name)
    return None


def _refuse(table: Table, chosen: Sequence[str], named: bool) -> None:
    """Raise TableError naming the chosen columns that cannot be features, and what to do.

    named: the columns were asked for one by one.
    """
    problems = {name: reason for name in chosen if (reason := _problem(table[name]))}
    if not problems:
        return
    usable = [name for name in chosen if name not in problems]
    which = "a column" if len(problems) == 1 else f"{len(problems)} columns"
    text = f"{table.source}: {which} cannot be used: {'; '.join(map(str, list(problems.values())[:5]))}"
    text += "; …" if len(problems) > 5 else ""
    if usable:
        them = "it" if len(problems) == 1 else "them"
        text += f"\n  leave {them} out: {_leaving(usable, named)}"
    raise TableError(text)


def _leaving(usable: Sequence[str], named: bool) -> str:
    """Return the options that leave only those columns in: whole, so that they can be copied."""
    if len(usable) > 20:
        return "name the others with --features" if named else "--leave-out"
    names = ",".join(f'"{name}"' if "," in name else name for name in usable)
    return f"--features {shlex.quote(names)}"


def _keep(
    table: Table, target_name: str, chosen: Sequence[str], missing: str
) -> tuple[NDArray[np.int64], list[Line]]:
    """Return the rows that are kept, and what is to be said of the others."""
    columns = [table[name] for name in (*chosen, target_name)]
    holes = [c for c in columns if c.missing.any()]
    everything = np.arange(table.rows)
    if not holes:
        return everything, []
    if table[target_name].kind == "empty":
        raise TableError("target has no values", place=table.source, target_name=target_name)
    incomplete = np.logical_or.reduce([c.missing for c in holes])
    if missing == "error":
        raise TableError(_holes(table, holes, incomplete, target_name))
    if missing == "mean":
        text = [c for c in holes if c.kind in ("text", "mixed") and c.name != target_name]
        if text:
            rows = table.row_numbers(np.flatnonzero(text[0].missing))
            raise TableError("text misses values", place=table.source, name=text[0].name, rows=rows)
    lost = incomplete if missing == "drop" else columns[-1].missing
    kept = np.flatnonzero(~lost)
    if len(kept) < 2:
        raise TableError(
            "too few complete rows",
            place=table.source,
            rows=table.rows,
            value=len(kept) or "none",
            worst=_worst(holes, table.rows),
        )
    if len(kept) == table.rows:
        return kept, []
    key = "rows dropped" if missing == "drop" else "rows without target"
    return kept, [Caution(key, dropped=table.rows - len(kept), rows=table.rows)]


def _holes(table: Table, holes: Sequence[Column], incomplete: NDArray[np.bool_], goal: str) -> str:
    total = sum(int(c.missing.sum()) for c in holes)
    parts = [f"'{c.name}' ({table.row_numbers(np.flatnonzero(c.missing))})" for c in holes]
    what = "value is" if total == 1 else "values are"
    lost = int(incomplete.sum())
    advice = f"--missing drop leaves out {lost} of {table.rows} rows"
    fillable = [c.kind in ("number", "boolean") for c in holes if c.name != goal]
    if fillable and all(fillable):
        advice += "; --missing mean fills in the means of the columns"
    return f"{table.source}: {total} {what} missing: {listed(parts, 6)}\n  {advice}"


def _worst(holes: Sequence[Column], rows: int) -> str:
    c = max(holes, key=lambda c: int(c.missing.sum()))
    return f"most are missing in '{c.name}': {int(c.missing.sum())} of {rows}"


def _feature(table: Table, c: Column, notes: list[Line], reference: bool = True) -> Feature:
    """Return how a column is encoded, adding to the notes what a reader should know."""
    if c.kind == "text":
        levels = c.used_levels()
        key = "reference level" if reference else "no reference"
        notes.append(Note(key, column=c.name, count=len(levels), level=levels[0]))
        if shown := c.written():
            notes.append(Caution("looks like numbers", column=c.name, value=shown))
        return Feature(c.name, "category", levels, reference=reference)
    values = table.numbers(c.name)
    mean = None
    count = int(c.missing.sum())
    if count:
        mean = float(values[~c.missing].mean())
        key = "filled one" if count == 1 else "filled"
        notes.append(Note(key, count=count, column=c.name, mean=float(f"{mean:.6g}")))
    elif c.kind == "number" and _IDENTIFIER.search(c.name) and _counts(c):
        notes.append(Caution("counts rows", column=c.name))
    return Feature(c.name, "boolean" if c.kind == "boolean" else "number", (), mean)


def _counts(c: Column) -> bool:
    """Return whether a column is 0, 1, 2, … or 1, 2, 3, …"""
    if c.kind != "number" or not c.whole or len(c) < 3 or c.missing.any() or c.values[0] not in (0, 1):
        return False
    return bool((np.diff(c.values) == 1).all())
