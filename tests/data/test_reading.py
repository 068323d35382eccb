"""Reading files: what is understood, and the one line for each thing that is wrong."""

from __future__ import annotations

import gzip
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from gradwork.data import read_table
from gradwork.errors import TableError


@pytest.fixture
def write(tmp_path: Path):
    def make(content: str | bytes, name: str = "houses.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make


def message(path, **options) -> str:
    with pytest.raises(TableError) as caught:
        read_table(path, **options)
    return str(caught.value)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found(write, delimiter: str) -> None:
    rows = [["area", "colour", "sold"], ["70", "dark red", "true"], ["90", "blue", "false"]]
    table = read_table(write("\n".join(delimiter.join(row) for row in rows)))
    assert table.names == ("area", "colour", "sold")
    assert [c.kind for c in table.columns.values()] == ["number", "text", "boolean"]
    assert table.numbers("area").tolist() == [70.0, 90.0]
    assert table.numbers("sold").tolist() == [1.0, 0.0]
    assert table["colour"].levels == ("blue", "dark red")


def test_byte_order_mark_quotes_windows_lines_and_gzip(write) -> None:
    text = '\ufeff"a, b",c\r\n1,"x ""y"", z"\r\n\r\n2,"two\nlines"\r\n'
    for path in (write(text), write(gzip.compress(text.encode()), "houses.csv.gz")):
        table = read_table(path)
        assert table.names == ("a, b", "c")
        assert [table["c"].text(i) for i in range(2)] == ['x "y", z', "two\nlines"]


def test_decimal_commas_go_with_semicolons(write) -> None:
    table = read_table(write("a;b\n1,5;x\n-2,25;y\n"))
    assert table.numbers("a").tolist() == [1.5, -2.25]


def test_decimal_points_with_semicolons_stay(write) -> None:
    table = read_table(write("a;b\n1.5;x,y\n2.25;1,2\n"))
    assert table.numbers("a").tolist() == [1.5, 2.25]


def test_missing_marks_but_not_when_quoted(write) -> None:
    c = read_table(write('a,b\n1,\n2, NA\n3,"NA"\n4,red\n'))["b"]
    assert c.missing.tolist() == [True, True, False, False]
    assert c.levels == ("NA", "red")


def test_text_columns_keep_their_zeros(write) -> None:
    path = write("zip,x\n01234,1\n99999,2\n")
    assert read_table(path)["zip"].kind == "number"
    assert read_table(path, text_columns=["zip"])["zip"].levels == ("01234", "99999")


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    data = {"a": [1, None, 3], "b": ["x", "y", None], "c": pa.array(["u", "v", "u"]).dictionary_encode()}
    parquet.write_table(pa.table(data), path)
    table = read_table(path)
    assert [c.kind for c in table.columns.values()] == ["number", "text", "text"]
    assert np.array_equal(table.numbers("a"), [1, np.nan, 3], equal_nan=True)
    assert table["c"].text(1) == "v"


def test_mixed_types_name_row_line_and_column(write) -> None:
    path = write("id,area\n" + "".join(f"{i},{i}.5\n" for i in range(16)) + "\n16,big\n17,3\n")
    table = read_table(path)  # a column that nobody uses does no harm
    assert table["area"].kind == "mixed"
    with pytest.raises(TableError) as caught:
        table.numbers("area")
    assert str(caught.value).splitlines()[0] == (
        "houses.csv row 17 (line 19), column 'area': 'big' is not a number (the other 17 values are)"
    )


def test_infinite_values_name_row_and_column(write) -> None:
    table = read_table(write("a,b\n1,2\n2,-inf\n3,inf\n"))
    with pytest.raises(
        TableError, match=r"houses.csv row 2 \(line 3\), column 'b' is infinite \(−∞\) \(and 1 more"
    ):
        table.numbers("b")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "houses.csv is empty"),
        ("\n\n", "houses.csv is empty"),
        ("a,b\n", "houses.csv has a header but no rows"),
        ("1,2.5\n3,4\n", "houses.csv has no header: its first line is 1,2.5"),
        ("a,b,a\n1,2,3\n", "houses.csv has two columns called 'a' (the 1st and the 3rd)"),
        ("a,b\n1,2\n\n2\n", "houses.csv row 2 (line 4) has 1 cell, the header has 2: 2"),
        ("a,b\n1,2\n2,3,4\n", "houses.csv row 2 (line 3) has 3 cells, the header has 2: 2,3,4"),
        ('a,b\n1,"2\n2,3\n', "houses.csv: a quote is opened and never closed"),
        (b"a,b\n1,x\n2,caf\xe9\n", "houses.csv row 2 (line 3), column 'b': 'café' is not UTF-8"),
        (b"a,caf\xe9\n1,x\n", "houses.csv: the column name 'café' is not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "houses.csv is UTF-16; save it as UTF-8"),
        (b"a,b\n1,\x00\n", "houses.csv is not a text file"),
        (b"PK\x03\x04", "houses.csv is a zip archive or a spreadsheet"),
        (gzip.compress(b"a,b\n1,2\n" * 999, mtime=0)[:-30], "houses.csv is a damaged or truncated gzip file"),
        (b"PAR1 and no more", "houses.csv is a damaged or truncated Parquet file"),
    ],
)
def test_bad_files_are_one_clear_line(write, content: str | bytes, expected: str) -> None:
    text = message(write(content))
    assert text.startswith(expected)
    assert all(line.startswith("  ") for line in text.splitlines()[1:])


def test_not_parquet_and_truncated_parquet(write, tmp_path: Path) -> None:
    assert message(write("a,b\n", "t.parquet")) == "t.parquet is not a Parquet file, though it is called so"
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"a": list(range(1000))}), path)
    path.write_bytes(path.read_bytes()[:-20])
    assert message(path) == "t.parquet is a damaged or truncated Parquet file"


def test_missing_file_and_folder(write, tmp_path: Path) -> None:
    write("a\n1\n")
    assert (
        message(tmp_path / "house.csv")
        == f"there is no file {tmp_path}/house.csv; did you mean 'houses.csv'?"
    )
    assert message(tmp_path / "other.txt") == f"there is no file {tmp_path}/other.txt"
    assert message(tmp_path) == f"{tmp_path} is a folder, not a file"


def test_a_million_columns_is_said_at_once(write) -> None:
    path = write(",".join(f"c{i}" for i in range(10**6)) + "\n" + ",".join("1" * 10**6) + "\n")
    start = time.perf_counter()
    assert message(path) == "houses.csv has 1,000,000 columns; the limit is 10,000"
    assert time.perf_counter() - start < 1


def test_wide_parquet(tmp_path: Path) -> None:
    path = tmp_path / "w.parquet"
    parquet.write_table(pa.table({f"c{i}": [1] for i in range(30)}), path)
    assert message(path, max_columns=20) == "w.parquet has 30 columns; the limit is 20"


def test_an_empty_name_is_numbered(write) -> None:
    assert read_table(write(",x\n5,1\n7,2\n")).names == ("column 1", "x")


def test_huge_cells_do_not_break_it(write) -> None:
    table = read_table(write("a,b\n1," + "x" * 300_000 + "\n2,y\n"))
    assert table.rows == 2
