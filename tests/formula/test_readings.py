"""How bare names and powers are read: as mathematicians mean them, and never in silence where two readings fit."""

from __future__ import annotations

import pytest

from gradwork.errors import FormulaError
from gradwork.formula import read


def ranks(text: str, **options) -> dict[str, int]:
    return {name: e.ndim for name, e in read(text, **options).symbols.items()}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("y'(K + s^2 I)^-1 y", {"y": 1, "K": 2, "s": 0}),
        ("sum(softmax(Q K'/sqrt(d)) V)", {"Q": 2, "K": 2, "d": 0, "V": 2}),
        ("mean((y - (a*x + b))^2)", {"y": 1, "a": 0, "x": 1, "b": 0}),
        ("mean((y - (a*exp(-k*t) + c))^2)", {"y": 1, "a": 0, "k": 0, "t": 1, "c": 0}),
        ("mean((y - (w*x + b))^2)", {"y": 1, "w": 0, "x": 1, "b": 0}),
        ("logdet(A + t B)", {"A": 2, "t": 0, "B": 2}),
        ("logdet(A0 + x A1)", {"A0": 2, "x": 0, "A1": 2}),
        ("det(A - x I)", {"A": 2, "x": 0}),
        ("(X'X + l I)^-1 X'y", {"X": 2, "l": 0, "y": 1}),
        ("K + s I", {"K": 2, "s": 0}),
        ("sum(w*(y - X b)^2)", {"w": 1, "y": 1, "X": 2, "b": 1}),
        ("sum(q*log(q/p))", {"q": 1, "p": 1}),
        ("-mean(y log p + (1-y) log(1-p))", {"y": 1, "p": 1}),
        ("sum(x log p + (1-x) log(1-p))", {"x": 1, "p": 0}),
        ("max(0, ‖a-p‖^2 - ‖a-n‖^2 + m)", {"a": 1, "p": 1, "n": 1, "m": 0}),
        ("sum(log k - k log l + (k-1) log x - (x/l)^k)", {"x": 1, "k": 0, "l": 0}),
        ("sum(where(|r| <= M, r^2/2, M(|r| - M/2)))", {"r": 1, "M": 0}),
        ("sum(c/(1 + r)^t)", {"c": 1, "r": 0, "t": 1}),
        ("-1/2 sum(1 + log(σ^2) - μ^2 - σ^2)", {"σ": 1, "μ": 1}),
        ("sum(log σ(-N v))", {"N": 2, "v": 1}),
        ("1/N sum(x)", {"x": 1}),
    ],
)
def test_numbers_vectors_and_matrices(text, wanted):
    assert ranks(text) == wanted


@pytest.mark.parametrize(
    "text", ["P V - n R T", "Vmax S/(Km + S)", "A sin(ω t + φ)", "G M m/r^2", "1/2 m v^2", "V^2/R"]
)
def test_upper_case_is_a_number_where_nothing_asks_for_an_array(text):
    assert set(ranks(text, scalar=True).values()) == {0}


def test_the_other_reading_is_named_with_how_to_get_it():
    said = read("mean((y - (a*x + b))^2)").assumptions
    assert "a is taken as a scalar (a number beside the data); a vector fits too: declare a: n" in said
    assert ranks("mean((y - (a*x + b))^2)", shapes="a: n")["a"] == 1
    said = read("P V - n R T").assumptions
    assert said[-1] == "P, V, R, T may also be numbers: declare P: scalar, V: scalar, R: scalar, T: scalar"


@pytest.mark.parametrize(
    ("text", "meant", "line"),
    [
        ("a'X^2 b", "a'X X b", "X^2 is the matrix power; X.^2 raises each component"),
        ("tr(A X^2)", "tr(A X X)", "X^2 is the matrix power; X.^2 raises each component"),
        ("det(A^3)", "det(matrix_power(A, 3))", "A^3 is the matrix power; A.^3 raises each component"),
        ("(I + A^2)^-1", "inv(I + A A)", "A^2 is the matrix power; A.^2 raises each component"),
        ("sum((A - B)^2)", "sum((A - B)**2)", ""),
        (
            "sum(A^2)",
            "sum(A**2)",
            "A^2 raises each component; the matrix power is A^^2 or matrix_power(A, 2)",
        ),
        ("sum(A^^2)", "sum(A A)", ""),
        ("tr(A.^2)", "tr(A*A*1)", ""),
        ("tr(tanh(A)^2)", "tr(tanh(A)**2)", ""),
    ],
)
def test_powers_of_matrices(text, meant, line):
    import numpy as np

    reading = read(text, "A: 3 3, B: 3 3, X: 3 3, a: 3, b: 3")
    other = read(meant, "A: 3 3, B: 3 3, X: 3 3, a: 3, b: 3")
    rng = np.random.default_rng(0)
    given = {
        name: rng.uniform(0.2, 1, [int(str(d)) for d in e.shape]) for name, e in reading.expr.symbols.items()
    }
    np.testing.assert_allclose(reading.expr.evaluate(**given), other.expr.evaluate(**given), rtol=1e-12)
    assert not line or line in reading.assumptions


@pytest.mark.parametrize("text", ["x'A^k x", "a'X^n b", "tr(A^0.3)"])
def test_a_matrix_power_that_is_no_whole_number_is_refused(text):
    with pytest.raises(FormulaError, match="which needs a whole number"):
        read(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("X W + b", "b is added to each row of X W"),
        ("logdet(A + s)", "s is added to every entry of A"),
    ],
)
def test_broadcasting_is_said(text, line):
    assert line in read(text, "A: n n").assumptions


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("‖A‖", "‖A‖ of a matrix is the Frobenius norm; the largest singular value is ‖A‖_2"),
        ("‖A‖_1", "‖A‖_1 of a matrix sums the absolute values of all entries"),
        ("tr(exp(A))", "exp(A) is taken of each entry"),
        ("log|S|", "|S| is the determinant; abs(S) takes the absolute value of each entry"),
        ("u·v", "u·v is the inner product; u * v multiplies the components"),
        ("х + x", "х (Cyrillic) and x (Latin) look alike and are two symbols"),
        ("sum(log p/q)", "log p/… is read as (log p)/…; write log(p/…) for the other"),
    ],
)
def test_notation_with_several_meanings_is_said(text, line):
    assert any(said.startswith(line) for said in read(text).assumptions)


def test_the_spectral_norm_is_never_the_frobenius_norm():
    import numpy as np

    try:
        found = read("‖A‖_2", "A: 2 2").expr.evaluate(A=[[3.0, 0.0], [0.0, 4.0]])
    except FormulaError as error:
        assert "largest singular value" in str(error)
    else:
        np.testing.assert_allclose(found, 4.0)


def test_a_size_from_dims_makes_a_vector():
    import gradwork as gw

    assert gw.vector("v", gw.dims("n")).shape == gw.dims("n")


def test_arguments_stand_in_the_order_of_the_formula():
    reading = read("mean((y - X b)^2) + λ b'b", "λ: , b: d, X: n d, y: n")
    assert list(reading.symbols) == ["y", "X", "b", "λ"]


def test_one_sample_of_a_one_hot_vector():
    assert read("-y' log(softmax(z))", "y: k onehot").symbols["y"].ndim == 1
