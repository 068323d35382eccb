"""The text of shapes, and the algebra of sizes that are not known yet."""

import pytest

from gradwork.errors import FormulaError
from gradwork.expr import Dim, dims
from gradwork.formula import parse_shapes
from gradwork.formula.sizes import Sizes, substitute

n, d, k = dims("n", "d", "k")


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("", {}),
        ("X: n d, y: n, b: d", {"X": (n, d), "y": (n,), "b": (d,)}),
        ("X: (n, d), y: (n,)", {"X": (n, d), "y": (n,)}),
        ("X: [n, d]; y: n", {"X": (n, d), "y": (n,)}),
        ("X: n×d   y: n   b: d", {"X": (n, d), "y": (n,), "b": (d,)}),
        ("lam: , mu: scalar, x: n", {"lam": (), "mu": (), "x": (n,)}),
        ("o: n-k+1", {"o": (n - k + 1,)}),
        ("o: n - k + 1 d", {"o": (n - k + 1, d)}),
        ("o: 2n n*d 3", {"o": (n * 2, n * d, Dim.of(3))}),
        ("x₁: n, β: d", {"x1": (n,), "β": (d,)}),
    ],
)
def test_shapes(text, shapes):
    assert {name: declared.shape for name, declared in parse_shapes(text).items()} == shapes


def test_facts_and_sources():
    found = parse_shapes("S: d d symmetric positive, Y:  n k   onehot")
    assert found["S"].facts == ("symmetric", "positive")
    assert found["Y"].facts == ("onehot",)
    assert found["Y"].source == "Y: n k onehot"


def test_mappings():
    found = parse_shapes({"X": ("n", "d"), "y": "n positive", "z": 3, "w": (3, "n-k+1"), "l": (), "v": (n,)})
    assert [f.shape for f in found.values()] == [(n, d), (n,), (Dim.of(3),), (Dim.of(3), n - k + 1), (), (n,)]
    assert found["y"].facts == ("positive",)
    assert parse_shapes(found) == found
    assert parse_shapes(None) == {}


@pytest.mark.parametrize(
    ("text", "message", "mark"),
    [
        ("X n d", "'X' is not followed by a colon; each entry is a name, a colon and its sizes, as in X: n d", "^"),
        ("X: n, d", "'d' is not followed by a colon; each entry is a name, a colon and its sizes, as in X: n d", "      ^"),
        ("S: d d symetric", "unknown fact 'symetric'; did you mean 'symmetric'?", "       ^^^^^^^^"),
        ("S: n d symmetric", "S is declared symmetric, so it must be a square matrix, not n×d", "^^^^^^^^^^^^^^^^"),
        ("Y: onehot", "Y is declared onehot, so it must be a vector or a matrix, not scalar", "^^^^^^^^^"),
        ("x: n, x: d", "x is declared twice", "      ^"),
        ("x: n: m", "x has no sizes before the next colon; write a comma for a scalar, as in x: , n: …", "    ^"),
        ("x: 0", "a size is at least 1, not 0", "   ^"),
        ("x: 1.5", "a size is a whole number or a name", "   ^^^"),
        ("x: (n", "the bracket opened here is not closed", "   ^"),
        ("x: n -", "a size is missing here", "      ^"),
        ("x: n @ d", "'@' has no meaning in a shape; write sizes as in X: n d", "     ^"),
        ("x: n $", "the character '$' has no meaning here", "     ^"),
        ("x: symmetric n", "sizes come before facts", "             ^"),
        ("x: n scalar", "x is declared a scalar, and with sizes", "^^^^^^^^^^^"),
        ("__x: n", "names may not begin with two underscores", "^^^"),
        ("x: a b c d e f g h i", "x has 9 axes; the limit is 8", "^^^^^^^^^^^^^^^^^^^^"),
    ],
)  # fmt: skip
def test_errors_point_at_their_place(text, message, mark):
    with pytest.raises(FormulaError) as caught:
        parse_shapes(text)
    assert str(caught.value) == f"{message}\n  {text}\n  {mark}"


def test_wrong_kinds_of_shapes():
    for shapes in (3, {"x": 1.5}, {"x": object()}, {"x y": "n"}, {3: "n"}):
        with pytest.raises(FormulaError):
            parse_shapes(shapes)
    with pytest.raises(FormulaError, match="the text of shapes has 20,000 characters"):
        parse_shapes("x" * 20_000)


def test_unification():
    sizes = Sizes()
    a, b, c = sizes.fresh(), sizes.fresh(), sizes.fresh()
    assert sizes.unify(a, b)
    assert sizes.unify(b - 1, n)
    assert sizes.resolve(a) == n + 1
    assert not sizes.unify(n, d)
    assert not sizes.unify(a, n)
    assert not sizes.unify(c + 5, Dim.of(3))
    assert not sizes.unify(c, c - 1)
    assert sizes.unify(c + a, n * 2)
    assert sizes.resolve(c) == n - 1


def test_products_of_unknown_sizes_are_checked_when_more_is_known():
    sizes = Sizes()
    a, b = sizes.fresh(), sizes.fresh()
    assert sizes.unify(a * b, Dim.of(6))
    assert sizes.unify(a, Dim.of(2))
    assert sizes.settle() is None
    # 2b = 6 has no unit coefficient, so b stays free; the operation that needs it checks it in the end.
    assert not sizes.unify(a, Dim.of(3))


def test_substitution_reaches_into_quotients():
    quotient = (n + 1) // 2
    assert substitute(quotient, {"n": Dim.of(5)}) == 3
    assert substitute(n * n - k, {"n": d + 1}) == d * d + d * 2 + 1 - k
