"""Soup of tokens and of characters: every text is an expression or one clear error, never anything else."""

import random

import pytest

from gradwork.errors import FormulaError
from gradwork.expr import Expr
from gradwork.formula import parse_shapes, read, reading
from gradwork.formula.build import build
from gradwork.formula.functions import RULES
from gradwork.ops import FUNCTIONS
from tests.formula.corpus import CORPUS

TOKENS = (
    "x y b w X A W S β λ σ Σ θ n k I e π 1 2 0 0.5 1e3 9999999999999 1e-320 + - * / @ ^ ** ' .T ᵀ ² ⁻¹ ⁻ᵀ ( ) ( ) [ ] "
    ", : | ‖ || √ ∘ · ∑ ∑ᵢ < <= = == ≠ and axis=0 axis=1 axis=-1 keepdims=True ord=1 [0,1] [0] [:,1] [1:] [::-1] _F ₁ ₂ True None "
    "inf . $ __x"
).split() + [" "] * 12  # fmt: skip
ARGUMENTS = [
    "x",
    "X",
    "A",
    "b",
    "X b",
    "2",
    "-1",
    "[x, y]",
    "[0, 1]",
    "n",
    "x + y",
    "A x",
    "x'",
    "axis=0",
    "axis=(0, 1)",
    "3",
    "(1, 2)",
    "((1, 1), (1, 1))",
    "size=2",
    "axis=True",
]
SHAPES = [
    None,
    "X: n d, y: n",
    "x: 3, A: 3 3, W: 3 4, n:",
    "S: d d symmetric, x: d, y: 1, X: n 1",
    "k: , X: n n, b: n n n",
]


def soup(rng):
    kind = rng.random()
    if kind < 0.2:
        blocks = [(32, 127), (0x370, 0x400), (0x2070, 0x209F), (0, 0x110000)]
        return "".join(chr(rng.randrange(*rng.choice(blocks))) for _ in range(rng.randrange(20)))
    words = [*TOKENS, *FUNCTIONS]
    text = "".join(rng.choice(words) + rng.choice(["", " ", ""]) for _ in range(rng.randrange(1, 14)))
    if kind < 0.6:
        return text
    given = ", ".join(rng.choice(ARGUMENTS) for _ in range(rng.randrange(1, 4)))
    return f"{rng.choice(list(FUNCTIONS))}({given})" + rng.choice(["", "", " + x", " X", "'", "[0]", text])


@pytest.mark.parametrize("seed", range(6))
def test_every_text_is_an_expression_or_one_clear_error(seed):
    rng = random.Random(seed)
    understood = 0
    for _ in range(500):
        text, shapes = soup(rng), rng.choice(SHAPES)
        try:
            reading = read(text, shapes)
        except FormulaError as error:
            lines = str(error).splitlines()
            assert lines[0] == error.message and len(lines) <= 4, text
            # No size that is still to be found is ever shown.
            assert "__" in text or "__" not in str(error), text
        else:
            assert isinstance(reading.expr, Expr)
            assert all("__" not in str(dim) for dim in reading.expr.shape), text
            understood += 1
    assert understood > 20


def spliced(rng):
    """Two formulas of books, cut and joined anywhere: what people type on the way to a formula."""
    a, b = rng.choice(CORPUS)[0], rng.choice(CORPUS)[0]
    cuts = (
        sorted(rng.randrange(len(a) + 1) for _ in range(2)),
        sorted(rng.randrange(len(b) + 1) for _ in range(2)),
    )
    (i, j), (k, l) = cuts
    return a[:i] + b[k:l] + a[j:] if rng.random() < 0.7 else a[:i] + rng.choice(TOKENS) + a[i:]


@pytest.mark.parametrize("seed", range(4))
def test_spliced_formulas_are_expressions_or_one_clear_error(seed):
    rng = random.Random(seed)
    understood = 0
    for _ in range(500):
        text = spliced(rng)
        try:
            understood += isinstance(read(text).expr, Expr)
        except FormulaError as error:
            assert "__" in text or "__" not in str(error), text
    assert understood > 100


def test_inferred_shapes_are_those_of_the_operations(monkeypatch):
    met = set()

    def checked(prepared, trial, symbols, functions):
        expr = build(prepared, trial, symbols, functions)
        kind = trial.types[prepared.formula.root]
        assert kind is not None, prepared.formula.text
        found = tuple(trial.functions.sizes.resolve(d) for d in kind.shape)
        assert found == expr.shape, prepared.formula.text
        met.update(node.name for node in prepared.calls)
        return expr

    monkeypatch.setattr(reading, "build", checked)
    rng = random.Random(7)
    for _ in range(3_000):
        try:
            read(soup(rng), rng.choice(SHAPES))
        except FormulaError:
            continue
    assert len(met) > 40


def test_every_function_has_a_shape_rule():
    # One without works too, with stand-ins, but no sizes are then found.
    assert set(FUNCTIONS) <= set(RULES) | reading._elementwise()


@pytest.mark.parametrize("seed", range(2))
def test_every_text_of_shapes_is_read_or_refused(seed):
    rng = random.Random(seed)
    words = [
        "X",
        "n",
        "d",
        ":",
        ":",
        ",",
        " ",
        " ",
        "(",
        ")",
        "-",
        "+",
        "*",
        "3",
        "symmetric",
        "onehot",
        "×",
        "scalar",
        ";",
    ]
    for _ in range(500):
        text = "".join(rng.choice(words) for _ in range(rng.randrange(12)))
        try:
            assert isinstance(parse_shapes(text), dict)
        except FormulaError as error:
            assert len(str(error).splitlines()) <= 3


# Finds, each of which was once something else than an expression or a clear error.
@pytest.mark.parametrize(
    "text",
    [
        "broadcast_to(n)[0]",
        "reshape(X) X",
        "x[[0,1],[1,2]]",
        "1/0",
        "0^-1",
        "ones()",
        "var(X, 0, [0, 1])",
        "avgpool([[x]])'",
        "tr([x > 0])",
        "Σ_n (t_n lo[::-1] y_n)",
        "Σ_{i=²1}^n x_i",
        "1/n Σ_i (x_i -x_{i+1} m)(x_i - m)'",
        "take(x, ((1, 1), (1, 1)))",
    ],
)
def test_finds(text):
    try:
        assert isinstance(read(text).expr, Expr)
    except FormulaError as error:
        assert "__" not in str(error)
