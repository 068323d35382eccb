"""Names in backquotes: symbols, whatever their text would mean without them."""

from __future__ import annotations

import numpy as np
import pytest

from gradwork.errors import FormulaError
from gradwork.formula import parse, read
from gradwork.formula.lexer import quoted_names, tokenize


@pytest.mark.parametrize(
    ("quoted", "symbol"),
    [
        ("petal width (cm)", "petal_width_cm"),
        ("log-price", "log_price"),
        ("Sepal.Length", "Sepal_Length"),
        ("2nd", "v2nd"),
        ("_x", "x"),
        ("x", "x"),
        ("log", "log_"),
        ("in", "in"),
        ("e", "e_"),
        ("Xb", "Xb"),
        ("키 (cm)", "키_cm"),
        ("%", "v"),
        ("x₁", "x1"),
    ],
)
def test_a_quoted_name_is_a_symbol(quoted: str, symbol: str) -> None:
    assert quoted_names(f"2*`{quoted}` + 1") == {symbol: quoted}
    found = parse(f"2*`{quoted}`", shapes={symbol: ()})
    assert list(found.symbols) == [symbol]
    assert found.evaluate(**{symbol: 3.0}) == 6.0


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("`a b` + a_b", {"a_b_2": "a b"}),
        ("`a b` + `a-b` + `a_b`", {"a_b_2": "a b", "a_b_3": "a-b", "a_b": "a_b"}),
        ("`a b` + `a b`", {"a_b": "a b"}),
        ("`x` + x", {"x": "x"}),
    ],
)
def test_different_names_are_different_symbols(text: str, names: dict[str, str]) -> None:
    assert quoted_names(text) == names
    assert set(parse(text).symbols) == {*names, *(["a_b"] if text == "`a b` + a_b" else [])}


def test_a_quoted_name_before_a_bracket_is_a_factor() -> None:
    assert parse("`log`(x + 1)", "log_: scalar, x: scalar").evaluate(log_=2.0, x=3.0) == 8.0


def test_tokens_keep_their_places() -> None:
    token = tokenize("3 * `petal width`")[2]
    assert (token.kind, token.text, token.start, token.end, token.quoted) == (
        "name",
        "petal_width",
        4,
        17,
        True,
    )


def test_it_is_said_what_a_quoted_name_is_called() -> None:
    assert (
        read("sum(`petal width`^2)", "petal_width: n").assumptions[0] == "`petal width` is called petal_width"
    )


def test_generated_code_has_plain_names() -> None:
    expr = parse("sum((`petal width (cm)` - a*`class`)^2)", "petal_width_cm: n, class: n, a: scalar")
    code = expr.code()
    compile(code, "code", "exec")
    assert "petal_width_cm" in code and "`" not in code
    assert expr.evaluate(petal_width_cm=np.array([3.0]), a=2.0, **{"class": np.array([1.0])}) == 1.0


@pytest.mark.parametrize(
    ("text", "message", "mark"),
    [
        ("a + `petal", "the backquote opened here is not closed", "    ^"),
        ("a + ` `", "there is no name between these backquotes", "    ^^^"),
        ("a `b c` + ", "the formula ends where a value is expected", "         ^"),
    ],
)
def test_errors_point_at_the_backquote(text: str, message: str, mark: str) -> None:
    with pytest.raises(FormulaError) as caught:
        parse(text)
    first, shown, below = str(caught.value).splitlines()
    assert message in first and shown.rstrip() == f"  {text}".rstrip()
    assert below == f"  {mark}"
