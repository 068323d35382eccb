"""Sequences from a long table: one row for each step, with a column that names the sequence and one for the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.data.columns import Column
from gradwork.data.encoding import Encoding, Feature
from gradwork.data.tables import Table
from gradwork.errors import TableError

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Sequences:
    """Sequences, in the order in which the table first names them.

    steps: the features of each, Tᵢ×d, by rising time;  ids: their names;  rows: the rows of the table of each.
    """

    steps: list[Array]
    ids: list[Any]
    rows: list[NDArray[np.int64]]

    @property
    def first(self) -> NDArray[np.int64]:
        """The first row of each sequence."""
        return np.array([r[0] for r in self.rows])


def step_features(
    table: Table, id_name: str, time_name: str, target_name: str, features: Sequence[str] | None, missing: str
) -> Encoding:
    """Return the features of the steps: all other columns by default, which hold numbers or booleans."""
    kept = dict.fromkeys((id_name, time_name, target_name))
    for name in kept:
        table[name]
    if len(kept) < 3:
        raise TableError("id time and target of sequence", kept=kept)
    names = [name for name in table.names if name not in kept] if features is None else list(features)
    for name in names:
        if name in kept:
            raise TableError("column of a sequence as feature", name=name)
    if not names:
        raise TableError("has no column besides id time", source=table.source)
    made = []
    for name in names:
        values = table.numbers(name)  # says where there is text
        if np.isnan(values).all():
            raise TableError("column has no values", place=table.source, name=name)
        mean = float(np.nanmean(values)) if missing == "mean" and np.isnan(values).any() else None
        made.append(Feature(name, "boolean" if table[name].kind == "boolean" else "number", (), mean))
    return Encoding(tuple(made), target_name)


def sequences(
    table: Table, id_name: str, time_name: str, encoding: Encoding, missing: str = "error"
) -> Sequences:
    """Return the sequences of a long table, each sorted by its time.

    missing: "error", or "drop" for steps in which a feature is missing. Raises TableError, with row and column, for
    an id or a time that is missing, for two steps of one sequence at one time, and for a sequence that loses every
    step.

    >>> table = Table.from_any({"id": ["b", "b", "a"], "t": [2, 1, 5], "x": [20.0, 10.0, 7.0]})
    >>> found = sequences(table, "id", "t", Encoding((Feature("x", "number"),)))
    >>> found.ids, [s.tolist() for s in found.steps]
    (['b', 'a'], [[[10.0], [20.0]], [[7.0]]])
    """
    codes, ids = _ids(table, id_name)
    times = _times(table, time_name)
    part, kept = table, np.arange(table.rows)
    if missing == "drop":
        holes = np.logical_or.reduce([table[f.name].missing for f in encoding.features if f.name in table])
        kept = np.flatnonzero(~holes)
        lost = np.flatnonzero(np.bincount(codes[kept], minlength=len(ids)) == 0)
        if len(lost):
            raise TableError("sequence without complete step", place=table.source, ids=ids[lost[0]])
        part = table if len(kept) == table.rows else table.take(kept)
    X = encoding.apply(part)
    order = np.lexsort((times[kept], codes[kept]))
    sorted_codes, sorted_times = codes[kept][order], times[kept][order]
    twice = np.flatnonzero((np.diff(sorted_codes) == 0) & (sorted_times[1:] == sorted_times[:-1]))
    if len(twice):
        first, second = (int(kept[order[int(twice[0]) + k]]) for k in (0, 1))
        at = table[time_name].text(second)
        raise TableError(
            "two steps at one time",
            where=table.place(second, time_name),
            ids=ids[codes[second]],
            at=at,
            row_numbers=table.row_numbers([first]),
        )
    ends = np.flatnonzero(np.diff(sorted_codes)) + 1
    rows = [kept[r] for r in np.split(order, ends)]
    return Sequences([X[r] for r in np.split(order, ends)], ids, rows)


def targets_of(table: Table, found: Sequences, target_name: str) -> Table:
    """Return the table of the first row of each sequence; TableError where the target changes within one."""
    c = table[target_name]
    for label, rows in zip(found.ids, found.rows, strict=True):
        gone = rows[c.missing[rows]]
        if len(gone):
            raise TableError("step misses a value", where=table.place(int(gone[0]), target_name))
        odd = rows[c.values[rows] != c.values[rows[0]]]
        if len(odd):
            raise TableError(
                "two targets in one sequence",
                where=table.place(int(odd[0]), target_name),
                label=label,
                given=c.text(int(odd[0])),
                c_text_rows=c.text(int(rows[0])),
                row_numbers=table.row_numbers([rows[0]]),
            )
    return table.take(found.first)


def _ids(table: Table, name: str) -> tuple[NDArray[np.int64], list[Any]]:
    """Return the number of each row's sequence, by first appearance, and what the sequences are called."""
    c = table[name]
    _present(table, c)
    _, first, codes = np.unique(c.values, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[codes], [c.text(int(row)) for row in np.sort(first)]


def _times(table: Table, name: str) -> Array:
    c = table[name]
    if c.kind == "date" and not c.levels and c.values.dtype.kind == "M":
        _present(table, c)
        return c.values
    values = table.numbers(name)
    _present(table, c)
    return values


def _present(table: Table, c: Column) -> None:
    gone = np.flatnonzero(c.missing)
    if len(gone):
        raise TableError("step misses a value", where=table.place(int(gone[0]), c.name))


__all__ = ["Sequences", "sequences", "step_features", "targets_of"]
