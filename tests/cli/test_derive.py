"""`gradwork derive`: what it prints, what it pipes, and what it says of bad input."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from tests.cli.conftest import Ran, bad

Run = Callable[..., Ran]
LEAST = "mean((y - X@b)^2)"


def good(ran: Ran) -> str:
    assert ran.code == 0 and ran.err == "", ran.err
    return ran.out


# --- answers ------------------------------------------------------------------------------------------------


def test_a_gradient_with_shapes_and_check(run: Run):
    lines = good(run("derive", LEAST, "--wrt", "b", "--shapes", "X: n d, y: n, b: d")).splitlines()
    assert lines[0].split("   ")[0] == "f(b) = mean((y − Xb)²)"
    assert {"X: n×d", "y: n", "b: d"} <= {part.strip() for part in lines[0].split("   ")}
    assert lines[2].split() == ["∇f(b)", "=", "−2/n", "Xᵀ(y", "−", "Xb)", "d"]
    assert lines[3].startswith("check ✓ 20 random points, complex step, worst component")
    assert lines[4].startswith("proof ✓") and len(lines) == 5


def test_what_was_assumed_is_said_first(run: Run):
    out = good(run("derive", LEAST, "--wrt", "b", "--shapes", "X: n d"))
    assert out.startswith(
        "assumed  y is taken as a vector n (lower case)\nassumed  b is taken as a vector d (lower case)\n\nf(b)"
    )


def test_the_derivation_line_by_line(run: Run):
    out = good(run("derive", LEAST, "--wrt", "b", "--shapes", "X: n d, y: n, b: d", "--steps"))
    rows = [" ".join(line.split()) for line in out.splitlines()]
    for row in (
        "forward r = y − Xb n",
        "f = 1/n Σ r² scalar",
        "backward ∂f/∂r = 2/n r mean of squares",
        "∂f/∂b = −Xᵀ ∂f/∂r r is linear in b, with matrix −X",
        "= −2/n Xᵀr substitute",
        "∇f(b) = −2/n Xᵀ(y − Xb) d",
    ):
        assert row in rows, row


def test_every_step_is_named_in_full_detail(run: Run):
    board = good(run("derive", LEAST, "--wrt", "b", "--steps", "--shapes", "X: n d, y: n, b: d"))
    full = good(
        run("derive", LEAST, "--wrt", "b", "--steps", "--detail", "full", "--shapes", "X: n d, y: n, b: d")
    )
    assert len(full.splitlines()) > len(board.splitlines())


def test_the_manner_of_differentials(run: Run):
    out = good(
        run(
            "derive",
            LEAST,
            "--wrt",
            "b",
            "--steps",
            "--manner",
            "differential",
            "--shapes",
            "X: n d, y: n, b: d",
        )
    )
    assert "df = 2/n rᵀ dr" in out and "the gradient, transposed" in out and "∇f(b) = −2/n Xᵀ(y − Xb)" in out


def test_several_variables_and_the_names_that_the_result_keeps(run: Run):
    shapes = "X: n d, Y: n k, W1: d h, b1: h, W2: h k"
    out = good(
        run("derive", "mean((Y - tanh(X@W1+b1)@W2)^2)", "--wrt", "W1", "--wrt", "b1", "--shapes", shapes)
    )
    rows = [" ".join(line.split()) for line in out.splitlines()]
    assert "∇f(W₁) = Xᵀδ d×h" in rows and "∇f(b₁) = δᵀ𝟏 h" in rows
    assert "with Z = XW₁ + b₁ n×h" in rows and "H = tanh(Z) n×h" in rows
    together = good(run("derive", "mean((Y - tanh(X@W1+b1)@W2)^2)", "--wrt", "W1,b1", "--shapes", shapes))
    assert together == out


def test_higher_orders_and_jacobians(run: Run):
    loss = "mean(softplus(X@b) - y*(X@b))"
    out = good(run("derive", loss, "--wrt", "b", "--order", "2", "--shapes", "X: n d, y: n, b: d"))
    assert "∇²f(b) = 1/n Xᵀ diag(σ(Xb) ∘ (1 − σ(Xb))) X" in out and "d×d" in out
    assert "∇³f(x) = 24x" in good(run("derive", "x^4", "--order", "3"))
    out = good(run("derive", "y - X@b", "--wrt", "b", "--jacobian", "--shapes", "X: n d, y: n, b: d"))
    assert "∂f/∂b = −X" in out and "n×d" in out and "check ✓" in out
    steps = good(
        run("derive", loss, "--wrt", "b", "--order", "2", "--steps", "--shapes", "X: n d, y: n, b: d")
    )
    assert "∇f(b) = 1/n Xᵀ(σ(Xb) − y)" in steps and "∇²f(b) =" in steps


def test_blocks_of_second_derivatives(run: Run):
    line = [
        "derive",
        "mean((y - (w*x + b))^2)",
        "--wrt",
        "w,b",
        "--order",
        "2",
        "--shapes",
        "x: n, y: n, w: scalar, b: scalar",
    ]
    rows = [" ".join(r.split()) for r in good(run(*line)).splitlines()]
    blocks = ["∇²f(w) = 2/n xᵀx scalar", "∂²f/∂w∂b = 2/n Σ x scalar", "∇²f(b) = 2 scalar"]
    assert rows[2:5] == blocks
    steps = good(run(*line, "--steps"))
    assert "backward" in steps and "∂²f/∂w∂b = 2/n Σ x" in steps
    data = json.loads(good(run(*line, "--to", "json")))
    assert list(data["results"]) == ["w", "w,b", "b"]
    assert r"\frac{\partial^2 f}{\partial w \, \partial b} =" in good(run(*line, "--to", "latex"))


def test_how_to_show_the_lines_asks_for_them(run: Run):
    """--detail and --manner mean the derivation, with or without --steps."""
    least_squares = ("derive", LEAST, "--wrt", "b", "--shapes", "X: n d, y: n, b: d")
    steps = good(run(*least_squares, "--steps"))
    assert (
        good(run(*least_squares, "--detail", "board"))
        == good(run(*least_squares, "--manner", "backprop"))
        == steps
    )
    assert "power rule" in good(run("derive", "x^2", "--detail", "slow"))
    assert "pull back" in good(run("derive", "x^2", "--detail", "engine"))
    assert good(run("derive", "x^2", "--detail", "full")) == good(run("derive", "x^2", "--detail", "engine"))
    assert "df = " in good(run(*least_squares, "--manner", "differential"))
    assert "\\begin{aligned}" in good(run(*least_squares, "--detail", "slow", "--to", "latex"))


def test_the_steps_of_jacobians_and_hessians(run: Run):
    out = good(run("derive", "tanh(X b)", "--wrt", "b", "--jacobian", "--steps", "--shapes", "X: n d, b: d"))
    rows = [" ".join(r.split()) for r in out.splitlines()]
    assert "dz = X db X constant" in rows and "∂f/∂b = diag(1 − tanh(Xb)²) X n×d" in rows
    assert "= (diag(1 − tanh(Xb)²) X) db what stands before db is the Jacobian" in rows
    out = good(
        run("derive", LEAST, "--wrt", "b", "--order", "2", "--steps", "--shapes", "X: n d, y: n, b: d")
    )
    assert "d∇f = 2/n XᵀX db" in out and "second derivative" in out
    out = good(run("derive", "A W", "--wrt", "W", "--jacobian", "--steps", "--shapes", "A: n m, W: m k"))
    assert "df = A dW" in out and "dW is each unit array in turn" in out


def test_differentials_of_several_variables_are_read_off_one_by_one(run: Run):
    shapes = "X: n d, W1: d h, b1: h, W2: h k, b2: k, Y: n k onehot"
    loss = "-mean(sum(Y*log(softmax(tanh(X W1 + b1) W2 + b2)), axis=1))"
    line = ["derive", loss, "--wrt", "W1,b2", "--shapes", shapes, "--steps", "--manner", "differential"]
    out = good(run(*line))
    rows = [" ".join(r.split()) for r in out.splitlines()]
    assert "with P = softmax(Z₂) n×k" in rows and "δ₂ = 1/n (P − Y) n×k" in rows
    assert any(r.endswith("what stands before dW₁ is the gradient, transposed") and "tr(" in r for r in rows)
    assert any(r.startswith("+ (δ₂ᵀ𝟏)ᵀ db₂") for r in rows)
    assert "&+ " in good(run(*line, "--to", "latex"))


def test_one_symbol_needs_no_wrt_and_a_formula_may_begin_with_a_minus(run: Run):
    assert "∇f(x) = 2x + 2" in good(run("derive", "x^2 + 2x + 3"))
    assert "∇f(x) = −2x" in good(run("derive", "-x^2"))


def test_products_are_multiplied_out_only_on_request(run: Run):
    shapes = ["--shapes", "X: n d, y: n, b: d", "--no-check"]
    assert "−2/n Xᵀ(y − Xb)" in good(run("derive", LEAST, "--wrt", "b", *shapes))
    assert "−2/n Xᵀ(y − Xb)" not in good(run("derive", LEAST, "--wrt", "b", "--expand", *shapes))


def test_the_check_can_be_left_out(run: Run):
    assert "check" not in good(run("derive", "x^2", "--no-check"))


# --- pipes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("text", "-2/n * X.T@(y - X@b)\n"),
        ("unicode", "−2/n Xᵀ(y − Xb)\n"),
    ],
)
def test_only_the_result_goes_to_standard_output(run: Run, to: str, expected: str):
    ran = run("derive", LEAST, "--wrt", "b", "--to", to)
    assert ran.code == 0 and ran.out == expected
    assert ran.err.splitlines() == [
        "assumed  y is taken as a vector n (lower case)",
        "assumed  X is taken as a matrix n×d (upper case)",
        "assumed  b is taken as a vector d (lower case)",
    ]


def test_text_can_be_read_again(run: Run):
    once = run("derive", LEAST, "--wrt", "b", "--to", "text").out.strip()
    out = run("derive", once, "--wrt", "b", "--jacobian", "--to", "unicode", "--shapes", "X: n d, y: n, b: d")
    assert out.code == 0 and out.out == "2/n XᵀX\n"


def test_latex_and_mathml(run: Run):
    assert run("derive", LEAST, "--wrt", "b", "--to", "latex").out.startswith(r"-\frac{2}{n}")
    assert run("derive", LEAST, "--wrt", "b", "--to", "mathml").out.startswith("<math")
    steps = run("derive", LEAST, "--wrt", "b", "--to", "latex", "--steps").out
    assert steps.startswith(r"\begin{aligned}") and r"\end{aligned}" in steps
    two = run(
        "derive", "mean((y - (w*x + b))^2)", "--wrt", "w", "--wrt", "b", "--to", "latex"
    ).out.splitlines()
    assert len(two) == 2 and two[0].startswith(r"\nabla f(w) =") and two[1].startswith(r"\nabla f(b) =")


def test_code_that_runs(run: Run):
    ran = run("derive", LEAST, "--wrt", "b", "--to", "numpy")
    names: dict = {}
    exec(ran.out, names)
    rng = np.random.default_rng(0)
    X, y, b = rng.normal(size=(5, 2)), rng.normal(size=5), rng.normal(size=2)
    np.testing.assert_allclose(names["gradient"](X=X, y=y, b=b), -2 / 5 * X.T @ (y - X @ b), rtol=1e-12)
    assert "jnp" in run("derive", "mean(tanh(X@b))", "--wrt", "b", "--to", "jax").out
    assert "torch" in run("derive", "mean(tanh(X@b))", "--wrt", "b", "--to", "torch").out


def test_json_holds_everything(run: Run):
    ran = run("derive", LEAST, "--wrt", "b", "--to", "json")
    assert ran.code == 0 and ran.err == ""
    data = json.loads(ran.out)
    assert data["formula"] == LEAST and len(data["assumptions"]) == 3
    assert data["results"]["b"]["unicode"] == "−2/n Xᵀ(y − Xb)"
    assert data["check"]["holds"] is True and data["check"]["points"] == 20 and data["check"]["worst"] < 1e-12
    assert data["lines"] and "check" not in json.loads(run("derive", "x^2", "--to", "json", "--no-check").out)


# --- bad input ----------------------------------------------------------------------------------------------


def test_a_caret_shows_the_place(run: Run):
    assert bad(run("derive", "mean((y - X@b)^2", "--wrt", "b")) == (
        "error: the bracket opened here is not closed\n  mean((y - X@b)^2\n      ^\n"
    )
    err = bad(run("derive", "y - X@b + z", "--wrt", "b", "--shapes", "X: n d, z: m"))
    assert "y - X@b has size n, z has size m" in err and "~~~~~~~ ^ ~" in err and "n comes from X: n d" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sofmax(x)"], "unknown function 'sofmax'; did you mean 'softmax'?"),
        (["y - X@b", "--wrt", "b"], "ask for the Jacobian: --jacobian"),
        (["a + b"], "by which variable? the symbols of this formula are a, b: --wrt"),
        (["beta^2", "--wrt", "betta"], "'betta' is not a symbol of the formula; did you mean 'beta'?"),
        (["x^2", "--wrt", "x", "--wrt", "x"], "--wrt x is given twice"),
        (["2 + 3"], "no symbol"),
        (["x^2", "--order", "0"], "--order is a whole number from 1, not 0"),
        (["x*y", "--wrt", "x", "--wrt", "y", "--order", "3"], "--order 3 takes one --wrt"),
        (["x^2", "--order", "2", "--jacobian"], "--jacobian with --order 2"),
        (["x^2", "--order", "3", "--steps"], "leave out --order 3"),
        (["x^2", "--to", "pyton"], "--to is text, unicode, latex, mathml, numpy, jax, torch or json, not 'pyton'"),
        (["x^2", "--to", "jaxx"], "did you mean 'jax'?"),
        (["x^2", "--manner", "forward"], "--manner is backprop or differential"),
        (["x^2", "--detail", "all"], "--detail is board, slow or engine"),
        (["x^2", "--manner", "differential", "--order", "2"], "leave out --order 2"),
        (["x^2", "--steps", "--to", "numpy"], "--to numpy writes the derivative itself"),
        (["__import__('os')"], "underscores"),
        (["x" * 1_000_000], ""),
        (["(" * 10_000 + "x" + ")" * 10_000], ""),
        ([""], ""),
        (["x^2", "--shapes", "x: n n n n :"], ""),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line(run: Run, arguments: list[str], message: str):
    err = bad(run("derive", *arguments))
    assert message in err
    assert len(err.splitlines()[0]) < 400


def test_misused_arguments(run: Run):
    assert bad(run("derive")) == "error: missing argument 'FORMULA'\n  see gradwork derive --help\n"
    assert "no such option: --stepz; did you mean --steps?" in bad(run("derive", "x", "--stepz"))
    assert "gradwork derive --help" in bad(run("derive", "x", "--order", "two"))
