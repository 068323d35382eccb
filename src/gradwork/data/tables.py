"""A table: named columns of equal length, whatever file or frame they came from."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gradwork.data.columns import Column, column, from_objects, number_text, parse_number
from gradwork.errors import TableError

Array = NDArray[np.float64]

MAX_COLUMNS = 10_000
NAMED, SHOWN = 5, 20  # how many wrong names, and how many columns, a message names
LARGEST = 1e150  # a number beyond overflows when it is squared


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of equal length.

    `source` is what messages call the table, say "houses.csv". Rows are counted from 1 in everything that a
    person sees, the header not among them; `line_of` gives the line of the file that holds a row, where there
    is a file of lines. Make one with `read_table`, `Table.from_any` or `Table.from_columns`.
    """

    source: str
    columns: dict[str, Column]
    rows: int
    line_of: Callable[[int], int | None] = field(default=lambda row: None, repr=False)
    origin: NDArray[np.int64] | None = field(default=None, repr=False)

    @classmethod
    def from_any(cls, data: Any, source: str = "the table", names: Sequence[str] | None = None) -> Table:
        """Return a table from a data frame, a dict of columns, or a two-dimensional array.

        Any frame that Narwhals knows will do (pandas, Polars, PyArrow, Modin, …). The columns of an array are
        called x1, x2, … unless `names` are given.

        >>> table = Table.from_any({"area": [70, 90], "colour": ["red", "blue"]})
        >>> [(c.name, c.kind) for c in table.columns.values()]
        [('area', 'number'), ('colour', 'text')]
        """
        if isinstance(data, Table):
            return data
        if isinstance(data, Mapping):
            pairs = [(str(k), _sequence(source, str(k), v)) for k, v in data.items()]
            _check_names(source, [name for name, _ in pairs])
            return cls.from_columns([_from_sequence(k, v) for k, v in pairs], source)
        if isinstance(data, (np.ndarray, list, tuple)):
            return _from_array(cls, data, source, names)
        return _from_frame(cls, data, source)

    @classmethod
    def from_columns(
        cls, columns: Iterable[Column], source: str, line_of: Callable[[int], int | None] | None = None
    ) -> Table:
        """Return a table of those columns; at least one, of equal length, with names of their own."""
        columns = list(columns)
        if not columns:
            raise TableError("table has no columns", source=source)
        check_width(source, len(columns))
        _check_names(source, [c.name for c in columns])
        rows = len(columns[0])
        for c in columns:
            if len(c) != rows:
                raise TableError(
                    "columns of different lengths",
                    place=source,
                    name=c.name,
                    count=len(c),
                    columns_name=columns[0].name,
                    rows=rows,
                )
        if rows == 0:
            raise TableError("table has header but no rows", source=source)
        return cls(source, {c.name: c for c in columns}, rows, line_of or (lambda row: None))

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns, in order."""
        return tuple(self.columns)

    def __len__(self) -> int:
        return self.rows

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __getitem__(self, name: str) -> Column:
        """Return a column by name; where there is none, say which name is nearest.

        >>> Table.from_any({"price": [1], "area": [2]}, "houses.csv")["prise"]
        Traceback (most recent call last):
        gradwork.errors.TableError: houses.csv has no column 'prise'; did you mean 'price'?
          columns: price, area
        """
        if name not in self.columns:
            raise TableError(self._no_column([name]))
        return self.columns[name]

    def numbers(self, name: str) -> Array:
        """Return a column as float64, NaN where a value is missing.

        Booleans are 0 and 1. Raises TableError, with row and column, for text, dates, infinite values and those
        beyond 1e150.

        >>> Table.from_any({"area": [70, 90.5, None]}).numbers("area").tolist()
        [70.0, 90.5, nan]
        """
        c = self[name]
        if c.kind == "mixed":
            raise TableError(self._mixed(c))
        if c.kind == "text":
            row = int(np.flatnonzero(~c.missing)[0])
            raise TableError("text among numbers", where=self.place(row, name), clip=_clip(c.text(row)))
        if c.kind in ("date", "other"):
            what = "dates" if c.kind == "date" else c.detail
            raise TableError("column holds not numbers", place=self.source, name=name, what=what)
        infinite = np.flatnonzero(np.isinf(c.values))
        if len(infinite):
            row = int(infinite[0])
            more = f" (and {len(infinite) - 1} more in this column)" if len(infinite) > 1 else ""
            value = "∞" if c.values[row] > 0 else "−∞"
            raise TableError("infinite value", where=self.place(row, name), value=value, more=more)
        large = np.flatnonzero(np.abs(c.values) > LARGEST)
        if len(large):
            row = int(large[0])
            raise TableError(
                "value too large",
                where=self.place(row, name),
                values=c.values[row],
                largest=LARGEST,
            )
        return c.values

    def place(self, row: int, name: str | None = None) -> str:
        """Return where a value stands, as a person finds it; `row` counts from 0.

        >>> Table.from_any({"area": [70, 90]}, "houses").place(1, "area")
        "houses row 2, column 'area'"
        """
        row = int(self.origin[row]) if self.origin is not None else row
        line = self.line_of(row)
        text = f"{self.source} row {row + 1}" + (f" (line {line})" if line is not None else "")
        return text + (f", column '{name}'" if name is not None else "")

    def row_numbers(self, rows: Iterable[int], limit: int = 5) -> str:
        """Return row numbers for a message, counted from 1 in the original table: "rows 3, 8, …"."""
        chosen = list(rows)
        numbers = [int(self.origin[r]) if self.origin is not None else int(r) for r in chosen[:limit]]
        text = ", ".join(str(r + 1) for r in numbers) + (", …" if len(chosen) > limit else "")
        return f"row {text}" if len(chosen) == 1 else f"rows {text}"

    def take(self, rows: NDArray[Any]) -> Table:
        """Return the table of those rows (numbers from 0, or a mask); messages keep the row numbers."""
        rows = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
        origin = self.origin[rows] if self.origin is not None else rows.astype(np.int64)
        columns = {name: c.take(rows) for name, c in self.columns.items()}
        return Table(self.source, columns, len(rows), self.line_of, origin)

    def require(self, names: Sequence[str]) -> None:
        """Raise TableError for names that are no columns, all of them in one line."""
        unknown = [name for name in dict.fromkeys(names) if name not in self.columns]
        if unknown:
            raise TableError(self._no_column(unknown))

    def _no_column(self, names: Sequence[str]) -> str:
        if len(names) == 1:
            near = self._nearest(names[0])
            wrong = f"no column '{names[0]}'" + (f"; did you mean '{near}'?" if near else "")
        else:
            near = [self._nearest(name) for name in names[:NAMED]]
            listed = [f"'{name}'" + (f" (did you mean '{n}'?)" if n else "") for name, n in zip(names, near)]
            wrong = f"no columns {', '.join(listed)}" + (", …" if len(names) > NAMED else "")
        shown = ", ".join(_clip(name) for name in self.names[:SHOWN])
        shown += f", … ({len(self.names)} in all)" if len(self.names) > SHOWN else ""
        return f"{self.source} has {wrong}\n  columns: {shown}"

    def _nearest(self, name: str) -> str:
        near = difflib.get_close_matches(name, self.columns, 1, 0.6)
        if not near:
            folded = {n.casefold(): n for n in self.columns}
            near = [folded[name.casefold()]] if name.casefold() in folded else []
        return near[0] if near else ""

    def _mixed(self, c: Column) -> str:
        bad_levels = [code for code, word in enumerate(c.levels) if parse_number(word) is None]
        bad = np.flatnonzero(np.isin(c.values, bad_levels))
        row = int(bad[0])
        good = int((~c.missing).sum()) - len(bad)
        rest = good + len(bad) - 1
        others = f"the other {good} values are" if len(bad) == 1 else f"{good} of the other {rest} values are"
        return (
            f"{self.place(row, c.name)}: '{_clip(c.text(row))}' is not a number ({others})\n"
            "  correct it, or leave the cell empty where the value is missing"
        )


def check_width(source: str, columns: int, limit: int = MAX_COLUMNS) -> None:
    """Raise TableError for a table wider than the limit."""
    if columns > limit:
        raise TableError("too many columns", source=source, columns=columns, limit=limit)


def _check_names(source: str, names: Sequence[str]) -> None:
    if len(set(names)) == len(names):
        return
    first: dict[str, int] = {}
    for i, name in enumerate(names):
        if name in first:
            raise TableError(
                "two columns of one name", source=source, name=name, nth=_nth(first[name]), nth_i=_nth(i)
            )
        first[name] = i


def _nth(index: int) -> str:
    n = index + 1
    ending = "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"


def _clip(text: str, limit: int = 40) -> str:
    text = text.replace("\n", " ")
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _sequence(source: str, name: str, values: Any) -> Any:
    if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
        raise TableError("one value, not a column", place=source, name=name, kind=type(values).__name__)
    return values


def _from_sequence(name: str, values: Any) -> Column:
    if isinstance(values, np.ndarray):
        if values.ndim != 1:
            raise TableError("column not one-dimensional", name=name, shape=values.shape)
        if values.dtype.kind in "biuf":
            return column(name, pa.array(np.ascontiguousarray(values)))
        if values.dtype.kind == "c":
            raise TableError("column holds complex numbers", name=name)
    return from_objects(name, values.tolist() if hasattr(values, "tolist") else list(values))


def _from_array(cls: type[Table], data: Any, source: str, names: Sequence[str] | None) -> Table:
    try:
        X = np.asarray(data)
    except ValueError as error:
        raise TableError("rows have different lengths", place=source) from error
    if X.ndim != 2:
        raise TableError("array of other than two dimensions", source=source, ndim=X.ndim)
    check_width(source, X.shape[1])
    labels = list(names) if names is not None else [f"x{j + 1}" for j in range(X.shape[1])]
    if len(labels) != X.shape[1]:
        raise TableError(
            "columns and names differ in number", source=source, shape=X.shape[1], count=len(labels)
        )
    _check_names(source, labels)
    return cls.from_columns([_from_sequence(n, X[:, j]) for j, n in enumerate(labels)], source)


def _from_frame(cls: type[Table], data: Any, source: str) -> Table:
    import narwhals as nw  # read_table needs none of it, and a cold start counts

    try:
        frame: Any = nw.from_native(data)
    except TypeError as error:
        kind = type(data).__name__
        raise TableError("unknown type of table", source=source, kind=kind) from error
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    check_width(source, len(frame.columns))
    _check_names(source, [str(n) for n in frame.columns])
    columns = []
    for name in frame.columns:
        series = frame[name]
        try:
            columns.append(column(str(name), series.to_arrow()))
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            columns.append(from_objects(str(name), series.to_list()))
    return cls.from_columns(columns, source)


__all__ = ["MAX_COLUMNS", "Table", "check_width", "number_text"]
