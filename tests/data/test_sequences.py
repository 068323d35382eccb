"""Sequences from long tables: order, lengths, and every kind of table that holds none."""

from __future__ import annotations

import numpy as np
import pytest

from gradwork.data import Encoding, Feature, Table
from gradwork.data.sequences import sequences, step_features, targets_of
from gradwork.errors import TableError

LONG = {
    "id": ["b", "a", "b", "b", "a"],
    "t": [3, 1, 1, 2, 0],
    "x": [30.0, 11.0, 10.0, 20.0, 9.0],
    "y": ["up", "down", "up", "up", "down"],
}


def taken(table: dict, missing: str = "error"):
    made = Table.from_any(table, "walks")
    return made, sequences(made, "id", "t", step_features(made, "id", "t", "y", None, missing), missing)


def test_steps_are_sorted_by_time_and_sequences_stay_in_the_order_of_the_table():
    table, found = taken(LONG)
    assert found.ids == ["b", "a"]
    assert [s.tolist() for s in found.steps] == [[[10.0], [20.0], [30.0]], [[9.0], [11.0]]]
    each = targets_of(table, found, "y")
    assert [each["y"].text(i) for i in range(2)] == ["up", "down"]


def test_ids_of_numbers_and_times_of_dates():
    days = np.array(["2024-02-01", "2024-01-31", "2023-12-31"], dtype="datetime64[D]")
    _, found = taken({"id": [7, 7, 3], "t": days, "x": [1.0, 0.0, 5.0], "y": [1, 1, 0]})
    assert found.ids == ["7", "3"] and [s[:, 0].tolist() for s in found.steps] == [[0.0, 1.0], [5.0]]


def test_missing_features_are_filled_or_their_steps_dropped():
    holes = {**LONG, "x": [30.0, 11.0, None, 20.0, 9.0]}
    _, found = taken(holes, "drop")
    assert [s[:, 0].tolist() for s in found.steps] == [[20.0, 30.0], [9.0, 11.0]]
    _, found = taken(holes, "mean")
    assert found.steps[0][0, 0] == 17.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"t": [3, 1, 1, 3, 0]}, "walks row 4, column 't': 'b' has a step at 3 already, in row 1"),
        ({"t": [3, 1, None, 2, 0]}, "walks row 3, column 't': the value is missing"),
        ({"id": ["b", None, "b", "b", "a"]}, "walks row 2, column 'id': the value is missing"),
        ({"t": ["one", "two", "x", "y", "z"]}, "walks row 1, column 't' holds text ('one'), not numbers"),
        ({"x": [1.0, 2.0, None, 3.0, 4.0]}, "walks row 3, column 'x': the value is missing"),
        ({"x": ["p", "q", "p", "q", "q"]}, "walks row 1, column 'x' holds text ('p'), not numbers"),
        ({"x": [1.0, np.inf, 0, 1, 2]}, "walks row 2, column 'x' is infinite"),
        ({"y": ["up", "down", "up", "down", "down"]}, "walks row 4, column 'y': 'b' has down here and up in row 3"),
        ({"y": ["up", "down", "up", None, "down"]}, "walks row 4, column 'y': the value is missing"),
    ],
)  # fmt: skip
def test_tables_that_hold_no_sequences(change: dict, message: str):
    with pytest.raises(TableError) as error:
        table, found = taken({**LONG, **change})
        targets_of(table, found, "y")
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_sequence_that_loses_every_step():
    with pytest.raises(TableError, match="no step of 'a' is left without missing values"):
        taken({**LONG, "x": [1.0, None, 2.0, 3.0, None]}, "drop")


def test_columns_that_cannot_be_features():
    table = Table.from_any(LONG, "walks")
    for columns, features, message in (
        (("id", "id", "y"), None, "three columns; got id, y"),
        (("id", "t", "y"), ["t"], "'t' is the id, the time or the target"),
        (("id", "t", "z"), None, "no column 'z'"),
    ):
        with pytest.raises(TableError, match=message):
            step_features(table, *columns, features, "error")
    bare = Table.from_any({k: LONG[k] for k in ("id", "t", "y")}, "walks")
    with pytest.raises(TableError, match="no column besides the id, the time and the target"):
        step_features(bare, "id", "t", "y", None, "error")


def test_many_sequences_are_cut_at_the_right_places():
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 40, 1000)
    times = rng.permutation(1000)
    table = Table.from_any({"id": ids, "t": times, "x": times * 2.0, "y": ids})
    found = sequences(table, "id", "t", Encoding((Feature("x", "number"),)))
    for name, steps in zip(found.ids, found.steps, strict=True):
        np.testing.assert_array_equal(steps[:, 0], np.sort(times[ids == int(name)]) * 2.0)
