"""What is to be predicted: a number, one of two, one of several, a count; and why we think so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.data.columns import Column, number_text
from gradwork.data.tables import Table
from gradwork.errors import TableError
from gradwork.words.notes import Line

KINDS = ("continuous", "binary", "categorical", "count")


@dataclass(frozen=True, eq=False)
class Target:
    """The column to predict.

    `y` is float64: the numbers themselves where `kind` is continuous or count, else the class numbers
    0 … k−1 into `levels`, the sorted labels (text, numbers or booleans). `reason` says in words how the kind
    was chosen and how to choose another.
    """

    name: str
    kind: str
    reason: Line
    y: NDArray[np.float64]
    levels: tuple[Any, ...] = ()

    @property
    def codes(self) -> NDArray[np.int64]:
        """Return the class numbers as integers; TableError for a target of numbers."""
        if not self.levels:
            raise TableError("target has no classes", name=self.name, kind=self.kind)
        return self.y.astype(np.int64)

    def onehot(self) -> NDArray[np.float64]:
        """Return the n×k matrix with a one in the column of each row's class.

        >>> from gradwork.data.tables import Table
        >>> table = Table.from_any({"x": [1, 2, 3], "y": ["b", "a", "b"]})
        >>> target(table, "y").onehot().tolist()
        [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
        """
        return np.eye(len(self.levels))[self.codes]


def target(table: Table, name: str, kind: str | None = None) -> Target:
    """Return the target column, its kind read from its values unless `kind` says it.

    text, two levels            binary        the second in order counts as 1
    text, more levels           categorical
    true and false              binary
    two different whole numbers binary        the larger counts as 1, as in scikit-learn
    other numbers               continuous    whole numbers too, as in R: a rating or a year is a number

    No value may be missing. Raises TableError for one value only, for text that is different in every row,
    for dates, and for a `kind` that the values cannot be.

    >>> table = Table.from_any({"x": [1, 2, 3], "y": [0, 1, 1]})
    >>> t = target(table, "y")
    >>> t.kind, str(t.reason), t.levels
    ('binary', 'two values, 0 and 1; 1 is what is predicted', (0, 1))
    """
    if kind is not None and kind not in KINDS:
        raise TableError("unknown kind of target", kinds=KINDS[:-1], KINDS=KINDS[-1], kind=kind)
    c = table[name]
    if c.kind == "empty":
        raise TableError("target without values", place=table.source, name=name)
    if c.kind == "text":
        return _classes(table, c, kind, list(c.used_levels()))
    y = table.numbers(name)
    distinct = np.unique(y)
    if len(distinct) == 1:
        value = c.text(0)
        raise TableError("constant target", place=table.source, name=name, value=value)
    if c.kind == "boolean":
        if kind in (None, "binary", "categorical"):
            return Target(name, kind or "binary", Line("boolean"), y, (False, True))
        return Target(name, kind, Line("kind asked", kind=kind), y.copy())
    two = len(distinct) == 2 and c.whole and len(y) > 2
    if kind in ("binary", "categorical") or (kind is None and two):
        return _number_classes(table, c, kind, y, distinct)
    if kind == "count":
        return _count(table, c, y)
    if kind is not None:
        return Target(name, kind, Line("kind asked", kind=kind), y.copy())
    return Target(name, "continuous", _continuous_reason(c, distinct), y.copy())


def classes_reason(kind: str, levels: Sequence[Any]) -> Line:
    """Return why labels make a binary or categorical target."""
    shown = [_label(v) for v in levels]
    if len(levels) == 2:
        return Line("two values", first=shown[0], second=shown[1])
    return Line("classes", count=len(levels), levels=shown)


def _classes(table: Table, c: Column, kind: str | None, levels: list[str]) -> Target:
    if kind in ("continuous", "count"):
        table.numbers(c.name)  # says that it is text, and where
    if len(levels) == 1:
        raise TableError("one class in target", place=table.source, name=c.name, levels=levels[0])
    if kind not in ("binary", "categorical") and (shown := c.written()):
        raise TableError("written number", place=table.source, column=c.name, value=shown)
    if len(levels) == len(c) and len(c) > 2:
        raise TableError("target different in each row", place=table.source, name=c.name, count=len(c))
    if kind == "binary" and len(levels) != 2:
        raise TableError("more than two classes", place=table.source, name=c.name, count=len(levels))
    lookup = np.zeros(len(c.levels))
    lookup[[c.levels.index(level) for level in levels]] = np.arange(len(levels))
    chosen = kind or ("binary" if len(levels) == 2 else "categorical")
    return Target(c.name, chosen, classes_reason(chosen, levels), lookup[c.values], tuple(levels))


def _number_classes(
    table: Table, c: Column, kind: str | None, y: NDArray[np.float64], distinct: NDArray[np.float64]
) -> Target:
    if kind == "binary" and len(distinct) != 2:
        raise TableError("more than two values", place=table.source, name=c.name, count=len(distinct))
    if len(distinct) > 2 and len(distinct) > len(y) / 2:
        raise TableError(
            "too many values for classes",
            place=table.source,
            name=c.name,
            count=len(distinct),
            y=len(y),
        )
    levels = tuple(int(v) if c.whole else float(v) for v in distinct)
    chosen = kind or "binary"
    return Target(
        c.name, chosen, classes_reason(chosen, levels), np.searchsorted(distinct, y).astype(float), levels
    )


def _count(table: Table, c: Column, y: NDArray[np.float64]) -> Target:
    wrong = np.flatnonzero((y < 0) | (y != np.round(y)))
    if len(wrong):
        row = int(wrong[0])
        raise TableError("not a count", where=table.place(row, c.name), y=float(y[row]))
    return Target(c.name, "count", Line("kind asked", kind="count"), y.copy())


def _continuous_reason(c: Column, distinct: NDArray[np.float64]) -> Line:
    if not c.whole:
        return Line("numbers", count=len(distinct))
    low, high = float(distinct[0]), float(distinct[-1])
    if len(distinct) <= 10:
        key = "few whole numbers" if distinct[0] >= 0 else "few whole numbers, negative"
    else:
        key = "whole numbers" if distinct[0] >= 0 else "whole numbers, negative"
    return Line(key, count=len(distinct), low=low, high=high)


def _label(value: Any) -> str:
    return number_text(float(value)) if isinstance(value, (int, float)) else str(value)
