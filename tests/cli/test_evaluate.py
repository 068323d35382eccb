"""`gradwork evaluate`: the value of a formula, by arguments, --at and the columns of a table."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cli.conftest import Ran, bad, good

Run = Callable[..., Ran]


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (["softmax([1,2,3])"], "[0.0900306, 0.244728, 0.665241]"),
        (["sum(x*p)", "x=[1,2,3]", "p=[.2,.3,.5]"], "2.3"),
        (["mean((y - X b)^2)", "--at", "X=[1 2; 3 4], y=[1,2], b=[.5,.5]"], "1.25"),
        (["X b", "X=[1 2; 0 1; 1 1]", "b=[1; 2]"], None),
        (["X'X", "X=[1 2; 3 4]"], "[10, 14; 14, 20]"),
        (["-k log θ", "k=3", "θ=1"], "0"),
        (["27 log(p) + 73 log(1-p)", "p=1/4"], "-58.4307"),
        (["1/n sum(x)", "x=[1,2,6]"], "3"),
        (["exp(x)", "--at", "x=[0, 0, 0, 0, 0, 0, 0, 0, 0]"], "9, norm 3, from 1 to 1"),
    ],
)
def test_values(run: Run, arguments: list[str], value: str | None) -> None:
    ran = run("evaluate", *arguments)
    if value is not None:
        assert good(ran).strip() == value


def test_columns_of_a_table(run: Run, tmp_path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("y,x,name\n1,2,a\n2,4,b\n3,7,c\n")
    assert good(run("evaluate", "mean((y - a*x)^2)", "a=.5", "--with", str(path))).strip() == "0.0833333"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-k log θ", "k=3"], "θ without a value: give θ=…"),
        (["a + b", "a=__import__", "b=1"], "names may not begin with two underscores"),
        (["x", "x=[1,2"], "the bracket opened here is not closed"),
        (["x", "x=y"], "the value of x is made of numbers; y has none"),
        (["x", "x"], "values are given as name=value"),
        (["x", "x=1, x=2"], "x is given twice"),
    ],
)
def test_what_has_no_value_is_said(run: Run, arguments: list[str], message: str) -> None:
    assert message in bad(run("evaluate", *arguments))
