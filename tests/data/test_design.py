"""From table to X and y: encodings, targets, missing values, columns that cannot be used."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gradwork.data import Encoding, Table, design, target
from gradwork.errors import TableError

N = 12
BASE = {"area": np.arange(N) * 1.5 + 70, "rooms": [1, 2, 3] * 4, "price": np.linspace(1, 2, N) ** 2}


def houses(**more) -> Table:
    return Table.from_any(BASE | more, "houses.csv")


def refused(*args, **options) -> str:
    with pytest.raises(TableError) as caught:
        design(*args, **options)
    text = str(caught.value)
    assert all(line.startswith("  ") for line in text.splitlines()[1:])
    return text


def test_columns_become_numbers() -> None:
    d = design(houses(colour=["red", "blue", "green"] * 4, new=[True, False] * 6), "price")
    assert d.names == ("area", "rooms", "colour[green]", "colour[red]", "new")
    assert d.X.dtype == np.float64
    assert d.X.flags.c_contiguous
    assert d.X[:3].tolist() == [[70, 1, 0, 1, 1], [71.5, 2, 0, 0, 0], [73, 3, 1, 0, 1]]
    assert np.array_equal(d.y, BASE["price"])
    assert tuple(map(str, d.notes)) == ("'colour' has 3 categories; 'blue' is the reference",)


def test_features_are_chosen_in_their_order() -> None:
    d = design(houses(k=[3] * N), "price", ["rooms", "area"])
    assert d.names == ("rooms", "area")
    assert d.X[1].tolist() == [2, 71.5]


@pytest.mark.parametrize(
    ("values", "kind", "levels", "y", "reason"),
    [
        (
            ["no", "yes"] * 6,
            "binary",
            ("no", "yes"),
            [0, 1],
            "two values, no and yes; yes is what is predicted",
        ),
        ([2, 1] * 6, "binary", (1, 2), [1, 0], "two values, 1 and 2; 2 is what is predicted"),
        ([True, False] * 6, "binary", (False, True), [1, 0], "true or false; true is what is predicted"),
        (["c", "a", "b"] * 4, "categorical", ("a", "b", "c"), [2, 0], "3 classes: a, b, c"),
        ([3, 0, 1] * 4, "continuous", (), [3, 0], "--model softmax takes them as classes, poisson as counts"),
        (list(range(N)), "continuous", (), [0, 1], "--model poisson takes them as counts"),
        ([-1, 0, 1] * 4, "continuous", (), [-1, 0], "3 whole numbers from -1 to 1, taken as numbers"),
        ([0.5, 1.5] * 6, "continuous", (), [0.5, 1.5], "2 different numbers"),
    ],
)
def test_the_kind_of_target_is_read_and_its_reason_said(values, kind, levels, y, reason) -> None:
    t = design(houses(y=values), "y").target
    assert (t.kind, t.levels, t.y[:2].tolist()) == (kind, levels, y)
    assert reason in str(t.reason)


def test_the_kind_of_target_may_be_asked_for() -> None:
    table = houses(y=[4, 6, 8] * 4)
    t = target(table, "y", "categorical")
    assert (t.levels, t.codes[:3].tolist()) == ((4, 6, 8), [0, 1, 2])
    assert t.onehot()[1].tolist() == [0, 1, 0]
    assert target(table, "y", "count").y[:2].tolist() == [4, 6]
    assert target(houses(y=[0, 1] * 6), "y", "continuous").kind == "continuous"


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (["a"] * N, None, "houses.csv: target 'y' has one class, 'a': nothing to tell apart"),
        ([7] * N, None, "houses.csv: target 'y' is 7 in every row: there is nothing to learn"),
        ([True] * N, None, "houses.csv: target 'y' is true in every row"),
        (
            [f"t{i}" for i in range(N)],
            None,
            "houses.csv: target 'y' is a different text in each of the 12 rows",
        ),
        ([None] * N, None, "houses.csv: target 'y' has no values at all"),
        ([1, 2, 3] * 4, "binary", "houses.csv: target 'y' has 3 values, binary means two"),
        ([1, 2, -3] * 4, "count", "houses.csv row 3, column 'y' is -3; a count is 0, 1, 2, …"),
        ([1, 2.5, 3] * 4, "count", "houses.csv row 2, column 'y' is 2.5; a count is 0, 1, 2, …"),
        (["a", "b"] * 6, "count", "houses.csv row 1, column 'y' holds text ('a'), not numbers"),
        (np.linspace(0, 1, N), "categorical", "houses.csv: target 'y' has 12 different values in 12 rows"),
        ([1, 2, np.inf] * 4, None, "houses.csv row 3, column 'y' is infinite (∞)"),
        (["2020-01-01", "2020-01-02"] * 6, None, "houses.csv: column 'y' holds dates, not numbers"),
        ([1, 2, 3] * 4, "ordinal", "a target is continuous, binary, categorical or count, not 'ordinal'"),
    ],
)
def test_targets_that_cannot_be(values, kind, expected: str) -> None:
    assert refused(houses(y=values), "y", kind=kind).startswith(expected)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"k": [3] * N}, "houses.csv: a column cannot be used: 'k' is 3 in every row\n"),
        ({"k": ["u"] * N}, "houses.csv: a column cannot be used: 'k' is 'u' in every row\n"),
        ({"k": [None] * N}, "houses.csv: a column cannot be used: 'k' has no values at all\n"),
        ({"k": ["2020-01-02"] * N}, "houses.csv: a column cannot be used: 'k' holds dates"),
        (
            {"k": [f"n{i}" for i in range(N)]},
            "houses.csv: a column cannot be used: 'k' is a different text in",
        ),
        (
            {"column 4": list(range(N))},
            "houses.csv: a column cannot be used: 'column 4' has no name and numbers",
        ),
    ],
)
def test_columns_that_cannot_be_features(more, expected: str) -> None:
    text = refused(houses(**more), "price")
    assert text.startswith(expected)
    assert text.endswith("\n  leave it out: --features area,rooms")
    d = design(houses(**more), "price", unusable="leave out")
    assert d.names == ("area", "rooms")
    assert str(d.notes[0]).startswith("left out: ")


def test_several_unusable_columns_are_named_together() -> None:
    text = refused(houses(k=[3] * N, name=[f"n{i}" for i in range(N)]), "price")
    assert "2 columns cannot be used: 'k' is 3 in every row; 'name' is a different text in each row" in text


def test_what_varied_may_be_constant_after_dropping() -> None:
    table = houses(a=[None, 1.0] + [2.0] * 10, b=[1.0, None] + [5.0] * 10)
    assert "'a' is 2 in every row; 'b' is 5 in every row" in refused(table, "price", missing="drop")


def test_a_numbered_id_is_noted() -> None:
    d = design(houses(house_id=np.arange(1, N + 1)), "price")
    assert tuple(map(str, d.notes)) == (
        "'house_id' merely numbers the rows; leave it out with --features if it means nothing",
    )


def test_mixed_types_and_other_bad_features() -> None:
    assert "row 2, column 'a': 'x' is not a number (the other 11 values are)" in refused(
        houses(a=[1, "x", *range(10)]), "price"
    )
    assert "row 3, column 'a' is infinite" in refused(houses(a=[1, 2, np.inf, *range(9)]), "price")
    assert (
        refused(Table.from_any({"a": [1], "y": [2]}, "t"), "y") == "t has one row; a fit needs at least two"
    )
    assert refused(Table.from_any({"y": [1, 2, 3]}, "t"), "y") == "t has no column besides the target 'y'"
    assert "did you mean 'price'" in refused(houses(), "prise")
    assert "did you mean 'area'" in refused(houses(), "price", ["aera"])
    assert "is the target" in refused(houses(), "price", ["price"])
    assert "named twice" in refused(houses(), "price", ["area", "area"])
    assert "missing is error, drop or mean, not 'median'" in refused(houses(), "price", missing="median")


HOLES = {"a": [None, 1, 2, None, *range(8)], "c": ["u", "v", None, "u"] * 3}


def test_missing_values_are_an_error_that_names_them() -> None:
    assert refused(houses(**HOLES), "price") == (
        "houses.csv: 5 values are missing: 'a' (rows 1, 4), 'c' (rows 3, 7, 11)\n"
        "  --missing drop leaves out 5 of 12 rows"
    )
    assert refused(houses(a=HOLES["a"]), "price").endswith(
        "leaves out 2 of 12 rows; --missing mean fills in the means of the columns"
    )


def test_missing_drop_and_mean() -> None:
    d = design(houses(**HOLES), "price", missing="drop")
    assert d.rows.tolist() == [1, 4, 5, 7, 8, 9, 11]
    assert str(d.notes[0]) == "5 of 12 rows were left out for missing values"
    assert np.array_equal(d.y, BASE["price"][d.rows])
    d = design(houses(a=HOLES["a"]), "price", ["a"], missing="mean")
    assert d.X[[0, 1, 3], 0] == pytest.approx([3.1, 1, 3.1])
    assert tuple(map(str, d.notes)) == ("2 missing values of 'a' were filled with its mean, 3.1",)
    assert d.encoding.apply(Table.from_any({"a": [None, 4.0]})).ravel() == pytest.approx([3.1, 4.0])
    assert "text has no mean" in refused(houses(**HOLES), "price", missing="mean")


def test_a_missing_target_is_dropped_even_with_means() -> None:
    table = houses(y=[None, 5.5, *range(10)])
    d = design(table, "y", missing="mean")
    assert d.rows[0] == 1
    assert tuple(map(str, d.notes)) == ("1 of 12 rows were left out, for their target is missing",)
    assert "mean" not in refused(table, "y")


def test_nothing_left_after_dropping() -> None:
    table = Table.from_any({"a": [None, 1, None, 2], "y": [2, None, 4, None]}, "t")
    assert refused(table, "y", missing="drop").startswith(
        "t: of 4 rows none would be left without missing values"
    )


def test_an_encoding_survives_json_and_applies_to_new_tables() -> None:
    d = design(houses(c=["u", "v", "w"] * 4, new=[True, False] * 6), "price")
    encoding = Encoding.from_dict(json.loads(json.dumps(d.encoding.to_dict())))
    assert encoding == d.encoding
    assert encoding.text_columns == ("c",)
    new = Table.from_any({"c": ["w", "u"], "new": [0, 1], "rooms": [2, 3], "area": [50, 60], "more": [1, 1]})
    assert encoding.apply(new).tolist() == [[50, 2, 0, 1, 0], [60, 3, 0, 0, 1]]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"c": ["z"]}, "new row 1, column 'c': 'z' was not seen in training\n  known: u, v, w"),
        ({"area": ["q"]}, "new row 1, column 'area' holds text ('q'), not numbers"),
        ({"area": [None]}, "new row 1, column 'area': the value is missing"),
        ({"area": [np.inf]}, "new row 1, column 'area' is infinite (∞)"),
        ({"new": [2]}, "new row 1, column 'new' is 2; the model knows it as true or false"),
        ({"c": None}, "new has no column 'c'"),
        ({"c": None, "new": None}, "new lacks 2 columns that the model needs: 'c', 'new'"),
    ],
)
def test_new_tables_that_do_not_fit(change, expected: str) -> None:
    encoding = design(houses(c=["u", "v", "w"] * 4, new=[True, False] * 6), "price").encoding
    columns = {"area": [50], "rooms": [2], "c": ["u"], "new": [True]} | change
    new = Table.from_any({k: v for k, v in columns.items() if v is not None}, "new")
    with pytest.raises(TableError) as caught:
        encoding.apply(new)
    assert str(caught.value).startswith(expected)


@pytest.mark.parametrize(
    "damage",
    [
        {"format": 2},
        {"features": "area"},
        {"features": [5]},
        {"features": [{"name": "a", "kind": "code", "levels": [], "mean": None}]},
        {"features": [{"name": "a", "kind": "category", "levels": [], "mean": None}]},
        {"features": [{"name": "a", "kind": "category", "levels": [1, 2], "mean": None}]},
        {"features": [{"name": "a", "kind": "number", "levels": [], "mean": "1"}]},
        {"features": [{"name": "a", "kind": "category", "levels": ["b"], "mean": None, "reference": 0}]},
        {"features": [{"name": "a", "kind": "number", "levels": [], "mean": None, "reference": False}]},
        {"target_levels": [[1]]},
        {"target": 5},
    ],
)
def test_a_tampered_encoding_is_refused(damage) -> None:
    data = design(houses(), "price").encoding.to_dict() | damage
    with pytest.raises(TableError, match="the encoding of the model is damaged"):
        Encoding.from_dict(data)
