"""Reading a table from CSV or Parquet, with one clear line for everything that can be wrong with a file."""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as arrow_csv

from gradwork.data.columns import MISSING_MARKS, column, parse_number
from gradwork.data.tables import MAX_COLUMNS, Table, check_width
from gradwork.errors import TableError

_HEADER_LIMIT = 1 << 26  # bytes: a first line longer than this is no header
_SAMPLE = 1 << 16
_DELIMITERS = ",;\t|"

Opener = Callable[..., Any]


def read_table(
    path: str | Path,
    *,
    text_columns: Sequence[str] = (),
    missing_marks: Sequence[str] = MISSING_MARKS,
    max_columns: int = MAX_COLUMNS,
) -> Table:
    """Return the table in a CSV file (also gzipped) or a Parquet file.

    What the file is, is told by its first bytes, not by its name. CSV is UTF-8 with a header, separated by
    commas, semicolons (then decimal commas are understood), tabs or bars. Empty cells and `missing_marks` are
    missing values. `text_columns` are read as text even where they look like numbers, as a model needs that
    was fitted to them as text. Raises TableError.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "houses.csv"
    ...     _ = path.write_text("area;colour\\n70,5;red\\n90;blue\\n")
    ...     table = read_table(path)
    >>> table.names, table.rows, table.numbers("area").tolist()
    (('area', 'colour'), 2, [70.5, 90.0])
    """
    path = Path(path)
    name = path.name or str(path)
    with _file_errors(path):
        with open(path, "rb") as file:
            start = file.read(4)
        if not start:
            raise TableError("file is empty", name=name)
        if start == b"PAR1" or path.suffix.lower() in (".parquet", ".pq"):
            return _read_parquet(path, name, start, max_columns, text_columns)
        if start[:2] == b"PK":
            raise TableError("zip archive or spreadsheet", name=name)
        opener: Opener = gzip.open if start[:2] == b"\x1f\x8b" else open
        return _read_csv(path, name, opener, tuple(text_columns), tuple(missing_marks), max_columns)


@contextmanager
def _file_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says of a file into one line."""
    try:
        yield
    except FileNotFoundError as error:
        near = ""
        folder = path.parent
        if folder.is_dir():
            found = difflib.get_close_matches(path.name, [p.name for p in folder.iterdir()], 1, 0.8)
            near = f"; did you mean '{found[0]}'?" if found else ""
        raise TableError("no such file", path=path, near=near) from error
    except IsADirectoryError as error:
        raise TableError("folder, not a file", path=path) from error
    except PermissionError as error:
        what = "is a folder, not a file" if path.is_dir() else "may not be read (permission denied)"
        raise TableError(f"{path} {what}") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TableError("damaged gzip file", name=path.name) from error
    except OSError as error:
        raise TableError("path cannot be read", path=path, value=error.strerror or error) from error


def _read_parquet(path: Path, name: str, start: bytes, max_columns: int, text: Sequence[str]) -> Table:
    import pyarrow.parquet as parquet  # most tables are CSV, and a cold start counts

    if start != b"PAR1":
        raise TableError("not a Parquet file", name=name)
    try:
        with open(path, "rb") as file:
            opened = parquet.ParquetFile(file)
            check_width(name, opened.metadata.num_columns, max_columns)
            data = opened.read()
    except (pa.ArrowException, OSError) as error:
        raise TableError("damaged Parquet file", name=name) from error
    columns = []
    for label, values in zip(data.column_names, data.columns, strict=True):
        as_text = label in text
        columns.append(column(label, values.cast(pa.string()) if as_text else values, as_text))
    return Table.from_columns(columns, name)


def _read_csv(
    path: Path,
    name: str,
    opener: Opener,
    text_columns: tuple[str, ...],
    marks: tuple[str, ...],
    max_columns: int,
) -> Table:
    with opener(path, "rb") as file:
        first = file.readline(_HEADER_LIMIT)
        while first and not first.strip(b"\r\n\xef\xbb\xbf"):
            first = file.readline(_HEADER_LIMIT)
        sample = first + file.read(_SAMPLE)
    _check_bytes(name, first, sample)
    check_width(name, 1 + max(first.count(d.encode()) for d in _DELIMITERS), max_columns)
    delimiter = sniff_delimiter(sample.decode("utf-8", "replace"))
    header = _header(path, name, opener, delimiter)
    decimal = (
        "," if delimiter != "," and _decimal_comma(sample.decode("utf-8", "replace"), delimiter) else "."
    )
    line_of = _line_finder(path, opener, delimiter)
    with opener(path, "rb") as file:
        try:
            data = arrow_csv.read_csv(
                file,
                read_options=arrow_csv.ReadOptions(use_threads=True, block_size=1 << 22),
                parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                convert_options=arrow_csv.ConvertOptions(
                    null_values=list(marks),
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                    decimal_point=decimal,
                    column_types=_text_types(path, name, opener, delimiter, text_columns),
                ),
            )
        except pa.ArrowInvalid as error:
            raise TableError(_why_not(path, name, opener, delimiter, len(header), str(error))) from error
    for label, values in zip(header, data.columns, strict=True):
        _check_utf8(name, label, values, line_of)
    if data.num_rows == 0:
        raise TableError("header without rows", name=name)
    _check_last_quote(name, data)
    columns = [
        column(label, values, as_text=label in text_columns)
        for label, values in zip(header, data.columns, strict=True)
    ]
    return Table.from_columns(columns, name, line_of)


def sniff_delimiter(sample: str) -> str:
    """Return what separates the cells: of , ; tab | the one that cuts the first lines most alike.

    >>> sniff_delimiter("a;b\\n1,5;2\\n"), sniff_delimiter('"x,y"\\n1\\n')
    (';', ',')
    """
    lines = sample.splitlines()[:6]
    if len(lines) > 1 and len(sample) >= _SAMPLE:
        lines = lines[:-1] or lines
    best, score = ",", (0, 0)
    for delimiter in _DELIMITERS:
        try:
            rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:  # a cell beyond 128 KiB: this is not what separates
            continue
        width = len(rows[0]) if rows else 0
        alike = sum(len(row) == width for row in rows)
        if width > 1 and (alike, width) > score:
            best, score = delimiter, (alike, width)
    return best


def _decimal_comma(sample: str, delimiter: str) -> bool:
    """Return whether numbers are written 3,14: some cell is so, and no cell is a number with a point."""
    rows = list(csv.reader(sample.splitlines()[1:200], delimiter=delimiter))
    cells = [cell.strip() for row in rows for cell in row]
    comma = any("," in c and parse_number(c.replace(",", ".", 1)) is not None for c in cells)
    return comma and not any("." in c and parse_number(c) is not None for c in cells)


def _check_bytes(name: str, first: bytes, sample: bytes) -> None:
    if not first.strip():
        raise TableError("file is empty", name=name)
    if first[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise TableError("file is UTF-16", name=name)
    opening = first.removeprefix(b"\xef\xbb\xbf").lstrip()
    if opening[:1] == b"{" or re.match(rb"<(!doctype|html|\?xml)", opening.lower()):
        what = "JSON" if opening[:1] == b"{" else "a web page or XML"
        raise TableError("not a table", name=name, what=what)
    if b"\0" in sample:
        raise TableError("not a text file", name=name)
    if len(first) >= _HEADER_LIMIT:
        raise TableError("first line does not end within", name=name, max_columns=MAX_COLUMNS)


def _header(path: Path, name: str, opener: Opener, delimiter: str) -> list[str]:
    """Return the names of the columns: trimmed, and "column 3" for one without a name."""
    with opener(path, "rb") as file:
        # What is not UTF-8 is carried as surrogates, for the reader looks ahead, beyond the header.
        lines = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        try:
            cells = next(row for row in csv.reader(lines, delimiter=delimiter) if row)
        except csv.Error as error:
            raise TableError("header cannot be read", name=name, error=error) from error
    cells = [cell.strip() for cell in cells]
    for cell in cells:
        if any("\ud800" <= letter <= "\udfff" for letter in cell):
            shown = cell.encode("utf-8", "surrogateescape").decode("latin-1")
            raise TableError("column name not UTF-8", name=name, shown=shown)
    if all(parse_number(cell) is not None for cell in cells):
        shown = delimiter.join(cells[:5]) + (f"{delimiter}…" if len(cells) > 5 else "")
        raise TableError("no header", name=name, shown=shown)
    return [cell or f"column {i + 1}" for i, cell in enumerate(cells)]


def _text_types(
    path: Path, name: str, opener: Opener, delimiter: str, text_columns: tuple[str, ...]
) -> dict[str, pa.DataType]:
    """Return the types to tell Arrow; it knows columns by the raw text of the header."""
    if not text_columns:
        return {}
    with opener(path, "rb") as file:
        lines = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
        raw = next(row for row in csv.reader(lines, delimiter=delimiter) if row)
    return {cell: pa.string() for cell in raw if cell.strip() in text_columns}


def _check_utf8(name: str, label: str, values: Any, line_of: Callable[[int], int | None]) -> None:
    """Arrow makes bytes of text that is not UTF-8; say where the first such cell is."""
    if not pa.types.is_binary(values.type):
        return
    for row, cell in enumerate(values.to_pylist()):
        try:
            (cell or b"").decode("utf-8")
        except UnicodeDecodeError as error:
            shown = (cell or b"").decode("latin-1")
            line = line_of(row)
            place = f"{name} row {row + 1}" + (f" (line {line})" if line is not None else "")
            raise TableError("column not UTF-8", where=place, label=label, shown=shown) from error


def _check_last_quote(name: str, data: pa.Table) -> None:
    last = data.column(data.num_columns - 1)[-1].as_py()
    if isinstance(last, str) and last.endswith("\n"):
        raise TableError("quote never closed", name=name)


def _records(path: Path, opener: Opener, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line of the file where it starts, cells) for the header and every row, blank lines left out."""
    with opener(path, "rb") as file:
        reader = csv.reader(
            io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline=""), delimiter=delimiter
        )
        line = 1
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num + 1


def _line_finder(path: Path, opener: Opener, delimiter: str) -> Callable[[int], int | None]:
    """Return a function from a row to its line in the file, which reads the file again: only errors ask."""

    def line_of(row: int) -> int | None:
        try:
            for i, (line, _) in enumerate(_records(path, opener, delimiter)):
                if i == row + 1:
                    return line
        except (OSError, EOFError, csv.Error):
            pass
        return None

    return line_of


def _why_not(path: Path, name: str, opener: Opener, delimiter: str, width: int, message: str) -> str:
    """Return in words why Arrow could not read the file, having read it again for the place."""
    i = 0
    try:
        for i, (line, cells) in enumerate(_records(path, opener, delimiter)):
            if len(cells) == width:
                continue
            if any("\n" in cell for cell in cells):
                return (
                    f"{name} row {i} (line {line}): a quote is opened that ends in a later row, or never\n"
                    '  write a quote within quotes twice: ""'
                )
            shown = " ".join(delimiter.join(cells).split())[:60]
            have = f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'}"
            return f"{name} row {i} (line {line}) has {have}, the header has {width}: {shown}"
    except csv.Error as error:
        return f"{name} cannot be read as CSV: {error}"
    if i == 0:
        return f"{name} has a header but no rows"
    return f"{name} cannot be read as CSV: {message.splitlines()[0]}"
