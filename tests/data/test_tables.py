"""Tables from frames, dicts and arrays."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest

from gradwork.data import Table
from gradwork.errors import TableError


def test_from_pandas_and_arrow() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "number": [1.5, None, 3.0],
            "text": ["x", None, "y"],
            "category": pandas.Categorical(["u", "v", "u"]),
            "date": pandas.to_datetime(["2020-01-01"] * 3),
            "mixed": [1, "x", 2],
            "flag": [True, False, True],
        }
    )
    expected = ["number", "text", "text", "date", "mixed", "boolean"]
    table = Table.from_any(frame)
    assert [c.kind for c in table.columns.values()] == expected
    assert table["number"].missing.tolist() == [False, True, False]
    assert table["text"].missing.tolist() == [False, True, False]
    arrow = Table.from_any(pa.table({"a": [1, 2], "b": ["x", "y"]}))
    assert arrow.numbers("a").tolist() == [1.0, 2.0]


def test_from_dict_and_array() -> None:
    table = Table.from_any(
        {"a": np.array([1, 2], dtype=np.int8), "b": np.array(["x", "y"]), "c": [None, "z"]}
    )
    assert [c.kind for c in table.columns.values()] == ["number", "text", "text"]
    array = Table.from_any(np.arange(6.0).reshape(3, 2))
    assert array.names == ("x1", "x2")
    assert array.numbers("x2").tolist() == [1.0, 3.0, 5.0]
    assert Table.from_any([[1, 2], [3, 4]], names=["u", "v"]).numbers("v").tolist() == [2.0, 4.0]


def test_a_column_knows_whether_it_is_whole() -> None:
    table = Table.from_any({"a": [1.0, 2.0], "b": [1.5, 2.0]})
    assert table["a"].whole
    assert not table["b"].whole


@pytest.mark.parametrize("dates", [["2020-01-31", "2021-02-01"], ["31/01/2020", "01/02/2021 10:30"]])
def test_dates_are_recognised_in_text(dates: list[str]) -> None:
    table = Table.from_any({"d": dates, "e": [datetime.date(2020, 1, 1), None]})
    assert [c.kind for c in table.columns.values()] == ["date", "date"]
    with pytest.raises(TableError, match="column 'd' holds dates, not numbers"):
        table.numbers("d")


def test_mostly_text_is_text() -> None:
    assert Table.from_any({"flat": ["1A", "2B", "3", "4C"]})["flat"].kind == "text"


def test_taken_rows_keep_their_numbers() -> None:
    table = Table.from_any({"a": [1.0, np.inf, 3.0]}, "t").take(np.array([False, True, True]))
    with pytest.raises(TableError, match="t row 2, column 'a' is infinite"):
        table.numbers("a")
    again = table.take(np.array([0]))
    assert again.row_numbers([0]) == "row 2"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (5, "the table is of type int; a table is"),
        (np.zeros(3), "the table has 1 dimensions; a table has two"),
        ({"a": [1, 2], "b": [1]}, "the table: column 'b' has 1 values, column 'a' 2"),
        ({"a": 3}, "the table: column 'a' is one int"),
        ([[1, 2], [3]], "the table: the rows have different lengths"),
        ({"a": np.array([1j])}, "column 'a' holds complex numbers"),
        ({}, "the table has no columns"),
        ({"a": []}, "the table has a header but no rows"),
        (np.zeros((2, 10_001)), "the table has 10,001 columns; the limit is 10,000"),
        ({1: [1], "1": [2]}, "the table has two columns called '1'"),
    ],
)
def test_what_is_not_a_table(data, expected: str) -> None:
    with pytest.raises(TableError) as caught:
        Table.from_any(data)
    assert str(caught.value).startswith(expected)


def test_no_such_column() -> None:
    table = Table.from_any({"id": [1], "Price": [2]}, "houses.csv")
    with pytest.raises(TableError) as caught:
        table["prise"]
    assert (
        str(caught.value) == "houses.csv has no column 'prise'; did you mean 'Price'?\n  columns: id, Price"
    )
    with pytest.raises(TableError, match="has no column 'zzz'\n"):
        table["zzz"]


def test_columns_of_arrow_with_gaps_and_offsets() -> None:
    from gradwork.data.columns import column

    def of(array: pa.Array) -> list[object]:
        return column("c", array).values.tolist()

    nan = float("nan")
    assert np.array_equal(of(pa.array([9, 1, None, 3]).slice(1)), [1, nan, 3], equal_nan=True)
    assert np.array_equal(of(pa.array([True, False, None, True]).slice(1)), [0, nan, 1], equal_nan=True)
    assert of(pa.array(["z", "b", None, "a", "b"]).slice(1)) == [1, -1, 0, 1]
    assert of(pa.chunked_array([[1, 2], [], [3]])) == [1, 2, 3]
    assert of(pa.array([1.5, None], pa.float32()))[0] == 1.5
    days = column("d", pa.array([datetime.date(2020, 1, 2), None, datetime.date(2020, 1, 4)]).slice(1))
    assert days.kind == "date" and days.missing.tolist() == [True, False]
    assert np.isnat(days.values[0]) and days.text(1).startswith("2020-01-04")
    times = column("t", pa.array([datetime.time(1, 2), None]))
    assert times.kind == "date" and times.text(0).startswith("01:02")


def test_marks_with_blanks_around_them_are_missing_and_quoted_ones_text() -> None:
    from gradwork.data.columns import column

    c = column("c", pa.array(["a", " NA", "NA", "  ", "a ", None]))
    assert c.levels == ("NA", "a") and c.missing.tolist() == [False, True, False, True, False, True]


def test_numbers_that_cannot_be_squared_are_refused() -> None:
    table = Table.from_any({"x": [1.0, -1e200, 3.0]}, "t")
    with pytest.raises(TableError, match=r"t row 2, column 'x' is -1e\+200; numbers beyond ±1e\+150"):
        table.numbers("x")
    assert Table.from_any({"x": [1e150]}).numbers("x")[0] == 1e150
