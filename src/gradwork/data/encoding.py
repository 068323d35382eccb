"""How columns become the numbers of a model: plain data, so that a saved model applies it to a new table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.data.columns import Column
from gradwork.data.tables import Table
from gradwork.errors import TableError
from gradwork.words.forms import listed

Array = NDArray[np.float64]

FORMAT = 1
_KINDS = ("number", "boolean", "category")


@dataclass(frozen=True)
class Feature:
    """One column of the table and how it is encoded.

    A number or boolean is one column of X; a category with levels l₀, l₁, … is a column of zeros and ones for
    each level but the reference l₀, or, without a `reference`, for each. `mean`, if given, stands for a missing
    number.
    """

    name: str
    kind: str
    levels: tuple[str, ...] = ()
    mean: float | None = None
    reference: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the names of its columns in X.

        >>> Feature("colour", "category", ("blue", "green", "red")).columns
        ('colour[green]', 'colour[red]')
        """
        if self.kind != "category":
            return (self.name,)
        return tuple(f"{self.name}[{level}]" for level in self.levels[self.reference :])


@dataclass(frozen=True)
class Encoding:
    """The features in order, and the target's name, kind and labels; JSON by `to_dict` and `from_dict`."""

    features: tuple[Feature, ...]
    target: str = ""
    target_kind: str = ""
    target_levels: tuple[Any, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns of X."""
        return tuple(name for feature in self.features for name in feature.columns)

    @property
    def text_columns(self) -> tuple[str, ...]:
        """Return the columns to read as text (`read_table(path, text_columns=…)`) before applying this."""
        return tuple(f.name for f in self.features if f.kind == "category")

    def apply(self, table: Table) -> Array:
        """Return X for a new table, n×p, in the order of `names`.

        Columns are found by name; others are ignored. Raises TableError, with row and column, for a column
        that is not there or of another type, for a category that was not seen in training, and for a missing
        value where no mean was recorded.

        >>> encoding = Encoding((Feature("area", "number"), Feature("colour", "category", ("blue", "red"))))
        >>> encoding.apply(Table.from_any({"colour": ["red", "blue"], "area": [70, 90]})).tolist()
        [[70.0, 1.0], [90.0, 0.0]]
        """
        absent = [f.name for f in self.features if f.name not in table]
        if len(absent) > 1:
            shown = listed([f"'{name}'" for name in absent])
            raise TableError(
                "lacks columns that model needs", source=table.source, count=len(absent), shown=shown
            )
        X = np.zeros((table.rows, len(self.names)))
        at = 0
        for feature in self.features:
            width = len(feature.columns)
            X[:, at : at + width] = encode(table, feature)
            at += width
        return X

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {"format": FORMAT} | asdict(self)

    @classmethod
    def from_dict(cls, data: Any) -> Encoding:
        """Return the encoding from plain data; TableError if it was tampered with.

        >>> e = Encoding((Feature("a", "number", mean=2.5),), "y", "binary", ("no", "yes"))
        >>> Encoding.from_dict(e.to_dict()) == e
        True
        """
        wrong = "the encoding of the model is damaged: "
        if not isinstance(data, Mapping) or data.get("format") != FORMAT:
            raise TableError("unknown format of encoding", wrong=wrong, format=FORMAT)
        items = data.get("features")
        if not isinstance(items, (list, tuple)):
            raise TableError("it has no list of features", wrong=wrong)
        features = tuple(_feature(item, wrong) for item in items)
        levels, name, kind = (
            data.get("target_levels", ()),
            data.get("target", ""),
            data.get("target_kind", ""),
        )
        if not isinstance(name, str) or not isinstance(kind, str) or not isinstance(levels, (list, tuple)):
            raise TableError("its target is not name", wrong=wrong)
        if not all(isinstance(v, (str, int, float, bool)) for v in levels):
            raise TableError("labels of target unreadable", wrong=wrong)
        return cls(features, name, kind, tuple(levels))


def encode(table: Table, feature: Feature) -> Array:
    """Return the columns of X for one feature, n×(number of its columns)."""
    c = table[feature.name]
    missing = np.flatnonzero(c.missing)
    if len(missing) and feature.mean is None:
        raise TableError(
            "value is missing",
            where=table.place(int(missing[0]), c.name),
            what=f" (and {len(missing) - 1} more in this column)" if len(missing) > 1 else "",
        )
    if feature.kind == "category":
        return _indicators(table, c, feature)
    if c.kind == "empty":  # nothing but missing values, and there is a mean
        return np.full((len(c), 1), feature.mean)
    values = table.numbers(feature.name)
    if feature.kind == "boolean" and c.kind != "boolean":
        wrong = np.flatnonzero((values != 0) & (values != 1) & ~c.missing)
        if len(wrong):
            row = int(wrong[0])
            raise TableError("not true or false", where=table.place(row, c.name), given=c.text(row))
    if feature.mean is not None:
        values = np.where(c.missing, feature.mean, values)
    return values[:, None]


def _indicators(table: Table, c: Column, feature: Feature) -> Array:
    known = {level: i for i, level in enumerate(feature.levels)}
    if c.levels:
        lookup = np.array([known.get(level, -1) for level in c.levels])
        codes = lookup[c.values]
    else:
        codes = np.array([known.get(c.text(row), -1) for row in range(len(c))])
    unseen = np.flatnonzero(codes < 0)
    if len(unseen):
        row = int(unseen[0])
        more = f" (and {len(unseen) - 1} more rows)" if len(unseen) > 1 else ""
        raise TableError(
            "category not seen in training",
            where=table.place(row, c.name),
            given=c.text(row),
            more=more,
            listed=listed(feature.levels, 20),
        )
    return (codes[:, None] == np.arange(feature.reference, len(feature.levels))).astype(float)


def _feature(item: Any, wrong: str) -> Feature:
    if not isinstance(item, Mapping):
        raise TableError("feature is not group of entries", wrong=wrong)
    name, kind, levels, mean = (item.get(key) for key in ("name", "kind", "levels", "mean"))
    if not isinstance(name, str) or kind not in _KINDS:
        raise TableError("feature has kind", wrong=wrong, name=name, kind=kind)
    if not isinstance(levels, Sequence) or not all(isinstance(level, str) for level in levels):
        raise TableError("levels of feature are not text", wrong=wrong, name=name)
    if mean is not None and (isinstance(mean, bool) or not isinstance(mean, (int, float)) or mean != mean):
        raise TableError("mean of feature is not number", wrong=wrong, name=name)
    if (kind == "category") != bool(levels):
        raise TableError("feature is with levels", wrong=wrong, name=name, kind=kind, count=len(levels))
    reference = item.get("reference", True)
    if not isinstance(reference, bool) or not (reference or levels):
        raise TableError("feature has reference", wrong=wrong, name=name, reference=reference)
    return Feature(name, kind, tuple(levels), mean, reference)
