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

_PLAIN = r"\d+|\d{1,3}(?:[., '\u2019\u00a0\u202f]\d{3})+"
# A number as people write it: 1,5 and 1.234,56 and $12 and 3 %.
_WRITTEN = re.compile(rf"^[-+−]?[$€£¥₩]?\s?[-+−]?(?:{_PLAIN})?(?:[.,]\d+)?\s?[%$€£¥₩]?$")
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

    def written(self) -> str:
        """Return a value if all of them are numbers to a reader, such as 1,5 and 3 %, but text here; else "".

        >>> column("c", pa.array(["1,5", None, "2,5"])).written()
        '1,5'
        """
        if self.kind != "text":
            return ""
        words = self.used_levels()
        odd = [word for word in words if parse_number(word) is None]
        return odd[0] if odd and all(map(written_number, odd)) else ""

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
        boolean = types.is_boolean(kind)
        plain = array.cast(pa.uint8()) if boolean else array
        return _numbers(name, _values(plain.cast(pa.float64(), safe=False), np.float64, np.nan), boolean)
    if types.is_temporal(kind):
        missing = _nulls(array)
        return Column(name, "date", _dates(array), missing) if not missing.all() else _empty(name, len(array))
    if types.is_string(kind) or types.is_large_string(kind) or str(kind) == "string_view":
        return _text(name, array.cast(pa.large_string()), as_text)
    return Column(name, "other", np.zeros(len(array)), _nulls(array), detail=str(kind))


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


def written_number(text: str) -> bool:
    """Return whether a text that is no number to a program is one to a reader.

    >>> [written_number(t) for t in ("1,5", "1.234,56", "$12", "3 %", "red", "1-2", "", "2020-01-01")]
    [True, True, True, True, False, False, False, False]
    """
    return any(c.isdigit() for c in text) and bool(_WRITTEN.match(text))


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value) or str(value) in ("<NA>", "NaT")


def _empty(name: str, rows: int) -> Column:
    return Column(name, "empty", np.full(rows, np.nan), np.ones(rows, dtype=bool))


def _numbers(name: str, values: NDArray[np.float64], boolean: bool = False) -> Column:
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
        stamps = array.cast(pa.timestamp("us"), safe=False).view(pa.int64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # times of day and durations
        return np.array(array.cast(pa.string()).to_pylist(), dtype=object)
    return _values(stamps, np.int64, np.datetime64("NaT").astype(np.int64)).view("datetime64[us]")


def _nulls(array: pa.Array) -> NDArray[np.bool_]:
    return _values(array.is_null().cast(pa.uint8()), np.uint8, 0).astype(bool)


def _values(array: pa.Array, kind: type[np.generic], absent: Any) -> NDArray[Any]:
    """Return the numbers of an Arrow array of that type as a copy, with `absent` where one is missing.

    Arrow's own to_numpy imports pandas where it is installed, which costs a third of a second.
    """
    memory = array.buffers()[1]
    if memory is None:  # of no values, or of none but missing ones
        return np.full(len(array), absent, kind)
    values = np.frombuffer(memory, kind, len(array), array.offset * np.dtype(kind).itemsize).copy()
    if array.null_count:
        values[_nulls(array)] = absent
    return values


def _word(text: str) -> str:
    # Arrow has made the bare marks missing, but not those with blanks around them, as after ", ".
    word = text.strip()
    return "" if word != text and word in MISSING_MARKS else word


def _text(name: str, array: pa.Array, as_text: bool) -> Column:
    encoded = pc.dictionary_encode(array)
    words = [_word(text) for text in encoded.dictionary.to_pylist()]
    levels = tuple(sorted({word for word in words if word}))
    number = {word: code for code, word in enumerate(levels)}
    place = np.array([*(number.get(word, -1) for word in words), -1])  # the last entry serves the code −1
    codes = place[_values(encoded.indices.cast(pa.int64()), np.int64, -1)].astype(np.int64)
    missing = codes < 0
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
        return _numbers(name, values)
    if numeric * 2 > present:
        return Column(name, "mixed", codes, missing, levels)
    if all(_DATE.match(levels[code]) for code in np.unique(codes[~missing])):
        return Column(name, "date", codes, missing, levels)
    return Column(name, "text", codes, missing, levels)
