"""One column of a table: numbers, text, booleans or dates, with the places where nothing stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

pc: Any = pyarrow.compute  # its functions are made at run time, which type checkers do not see

# Cells that mean "no value here", besides the empty cell. In CSV a quoted "NA" is text.
MISSING_MARKS = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None")

_DATE = re.compile(r"^(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})([T ]\d{1,2}:\d{2}.*)?$")


@dataclass(frozen=True, eq=False)
class Column:
    """The values of a column, by kind.

    number   `values` float64, NaN where missing; `whole` if all are whole numbers
    boolean  `values` float64 0 and 1, NaN where missing
    text     `values` codes into the sorted `levels`, −1 where missing
    mixed    text of which most parses as numbers: an error when used, naming the first row that does not
    date     `values` datetime64 or the text as codes; no feature
    empty    every value is missing
    other    lists, bytes, …; `detail` says what
    """

    name: str
    kind: str
    values: NDArray[Any]
    missing: NDArray[np.bool_]
    levels: tuple[str, ...] = ()
    whole: bool = False
    detail: str = ""

    def __len__(self) -> int:
        return len(self.missing)

    def take(self, rows: NDArray[Any]) -> Column:
        """Return the column at those rows (numbers from 0, or a mask)."""
        return Column(
            self.name, self.kind, self.values[rows], self.missing[rows], self.levels, self.whole, self.detail
        )

    def text(self, row: int) -> str:
        """Return the value of a row as text; of a missing one, nothing."""
        if self.missing[row]:
            return ""
        if self.levels:
            return self.levels[int(self.values[row])]
        value = self.values[row]
        if self.kind == "boolean":
            return "true" if value else "false"
        return number_text(float(value)) if self.kind == "number" else str(value)

    def used_levels(self) -> tuple[str, ...]:
        """Return the levels that occur, in order.

        >>> column("c", pa.array(["b", "a", "b"])).used_levels()
        ('a', 'b')
        """
        used = np.unique(self.values[~self.missing]).astype(int)
        return tuple(self.levels[code] for code in used)


def number_text(value: float) -> str:
    """Return a number as a person would write it: whole ones without a point.

    >>> number_text(3.0), number_text(0.25)
    ('3', '0.25')
    """
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def column(name: str, array: pa.Array | pa.ChunkedArray, as_text: bool = False) -> Column:
    """Return an Arrow array as a column; its type says the kind, and text is looked at unless `as_text`.

    >>> c = column("x", pa.array([1, None, 3]))
    >>> c.kind, c.values.tolist(), c.whole
    ('number', [1.0, nan, 3.0], True)
    """
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
        if isinstance(array, pa.ChunkedArray):  # more chunks than one where text outgrows 2 GiB
            array = pa.concat_arrays(array.chunks)
    kind = array.type
    if isinstance(kind, pa.DictionaryType):
        array = array.cast(kind.value_type)
        kind = array.type
    types = pa.types
    if types.is_null(kind):
        return _empty(name, len(array))
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return _numbers(name, array)
    if types.is_temporal(kind):
        missing = np.asarray(array.is_null())
        return Column(name, "date", _dates(array), missing) if not missing.all() else _empty(name, len(array))
    if types.is_string(kind) or types.is_large_string(kind) or str(kind) == "string_view":
        return _text(name, array.cast(pa.large_string()), as_text)
    return Column(name, "other", np.zeros(len(array)), np.asarray(array.is_null()), detail=str(kind))


def from_objects(name: str, values: list[Any]) -> Column:
    """Return Python objects as a column; where they are of several kinds, by what they say as text."""
    try:
        return column(name, pa.array(values, from_pandas=True))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        texts = [None if _absent(v) else str(v) for v in values]
        return column(name, pa.array(texts, pa.large_string()))


def parse_number(text: str) -> float | None:
    """Return the number that a text is, or None.

    >>> parse_number(" 1e3"), parse_number("n/a"), parse_number("1_000")
    (1000.0, None, None)
    """
    if "_" in text:
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value) or str(value) in ("<NA>", "NaT")


def _empty(name: str, rows: int) -> Column:
    return Column(name, "empty", np.full(rows, np.nan), np.ones(rows, dtype=bool))


def _numbers(name: str, array: pa.Array) -> Column:
    boolean = pa.types.is_boolean(array.type)
    values = np.array(array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    missing = np.isnan(values)
    if missing.all():
        return _empty(name, len(values))
    if boolean:
        return Column(name, "boolean", values, missing)
    present = values[~missing]
    with np.errstate(invalid="ignore"):
        whole = bool(np.isfinite(present).all() and (present == np.round(present)).all())
    return Column(name, "number", values, missing, whole=whole)


def _dates(array: pa.Array) -> NDArray[Any]:
    try:
        return np.asarray(array.cast(pa.timestamp("us"), safe=False).to_numpy(zero_copy_only=False))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # times of day and durations
        return np.asarray(array.cast(pa.string()).to_numpy(zero_copy_only=False))


def _text(name: str, array: pa.Array, as_text: bool) -> Column:
    trimmed = pc.utf8_trim_whitespace(array)
    # Arrow has made the bare marks missing, but not those with blanks around them, as after ", ".
    marked = pc.and_(pc.not_equal(trimmed, array), pc.is_in(trimmed, pa.array(MISSING_MARKS, trimmed.type)))
    array = pc.if_else(marked, pa.scalar(None, trimmed.type), trimmed)
    encoded = pc.dictionary_encode(array)
    words = encoded.dictionary.to_pylist()
    codes = np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)).astype(np.int64)
    order = sorted(range(len(words)), key=words.__getitem__)
    place = np.full(len(words) + 1, -1, dtype=np.int64)  # the last entry serves the code −1
    place[order] = np.arange(len(words))
    codes, levels = place[codes], tuple(words[i] for i in order)
    blank = [i for i, word in enumerate(levels) if word == ""]
    missing = (codes < 0) | np.isin(codes, blank)
    codes = np.where(missing, -1, codes)
    if missing.all():
        return _empty(name, len(codes))
    if as_text:
        return Column(name, "text", codes, missing, levels)
    parsed = np.array([np.nan if (v := parse_number(w)) is None else v for w in levels])
    is_number = np.array([parse_number(w) is not None for w in levels])
    numeric = int(is_number[codes[~missing]].sum())
    present = int((~missing).sum())
    if numeric == present:
        values = np.where(missing, np.nan, parsed[codes])
        return _numbers(name, pa.array(values))
    if numeric * 2 > present:
        return Column(name, "mixed", codes, missing, levels)
    if all(_DATE.match(levels[code]) for code in np.unique(codes[~missing])):
        return Column(name, "date", codes, missing, levels)
    return Column(name, "text", codes, missing, levels)
