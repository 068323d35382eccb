"""Random expressions with broadcasting, sums, products and choices, against a naive evaluator."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.run import code
from tests.run.interpreter import interpret
from tests.run.torchrun import run_torch

SIZES = {"n": 4, "d": 3, "k": 2}


def leaves(rng):
    n, d, k = gw.dims("n", "d", "k")
    return [
        gw.matrix("X", n, d), gw.matrix("A", d, d), gw.matrix("W", d, k), gw.matrix("R", 1, d),
        gw.vector("y", n), gw.vector("b", d), gw.vector("c", k), gw.scalar("s"), gw.scalar("t"),
        gw.constant(2), gw.constant(-1), gw.constant(0.5), gw.size(n), gw.ones(n, d), gw.eye(d), gw.zeros(d),
        gw.constant(np.array([1.0, -2.0, 0.5])),
    ]  # fmt: skip


def grow(rng, steps=8):
    """A random expression, of whatever fits together."""
    pool = leaves(rng)

    def pick():
        recent = pool[-4:] if rng.random() < 0.6 else pool
        return recent[rng.integers(len(recent))]

    while steps:
        kind = rng.choice(
            ["+", "-", "*", "/", "@", "@", "T", "sum", "mean", "f", "f", "square", "sqrt", "where", "max", "norm",
             "softmax", "compare", "index", "none", "outer", "diag", "trace", "solve", "name", "cat", "broadcast"]
        )  # fmt: skip
        a, b = pick(), pick()
        try:
            match kind:
                case "+":
                    x = a + b
                case "-":
                    x = a - b
                case "*":
                    x = a * b
                case "/":
                    x = a / (1 + gw.exp(b))
                case "@":
                    x = a @ b
                case "T":
                    x = a.T
                case "sum" | "mean":
                    axis = None if rng.random() < 0.4 or not a.ndim else int(rng.integers(a.ndim))
                    x = getattr(gw, str(kind))(a, axis=axis, keepdims=bool(rng.random() < 0.3))
                case "f":
                    x = getattr(gw, str(rng.choice(["tanh", "sigmoid", "relu", "softplus"])))(a)
                case "square":
                    x = a**2
                case "sqrt":
                    x = gw.sqrt(1 + a**2)
                case "where":
                    x = gw.where(a > 0, b, pick())
                case "max":
                    x = gw.max(a, axis=int(rng.integers(a.ndim)))
                case "norm":
                    x = gw.norm(a, axis=None if rng.random() < 0.5 else int(rng.integers(a.ndim)))
                case "softmax":
                    x = gw.softmax(a)
                case "compare":
                    x = (a > b) if rng.random() < 0.5 else (a <= b)
                case "index":
                    x = a[1:] if rng.random() < 0.5 else a[0]
                case "none":
                    x = a[:, None] if rng.random() < 0.5 else a[None]
                case "outer":
                    x = gw.outer(a, b)
                case "diag":
                    x = gw.diag(a)
                case "trace":
                    x = gw.trace(a)
                case "solve":
                    x = gw.solve(gw.eye("d") * 3 + gw.tanh(a), b)
                case "name":
                    x = gw.expr.node.name(str(rng.choice(["Z_1", "r", "n", "β", "lambda", "np"])), a)
                case "cat":
                    x = gw.concatenate([a, b], axis=0)
                case "broadcast":
                    x = gw.broadcast_to(a, *rng.choice(["n", "d", "k"], rng.integers(1, 3)))
        except ValueError:  # GradworkError: these do not fit together
            continue
        if x.ndim > 3:
            continue
        steps -= 1
        pool.append(x)
    return pool[-1]


def values_for(rng):
    return {
        "X": rng.normal(size=(4, 3)), "A": rng.normal(size=(3, 3)), "W": rng.normal(size=(3, 2)),
        "R": rng.normal(size=(1, 3)), "y": rng.normal(size=4), "b": rng.normal(size=3), "c": rng.normal(size=2),
        "s": np.array(rng.normal()), "t": np.array(rng.normal()),
    }  # fmt: skip


def given(program, values):
    return {name: values[name] if name in values else SIZES[name] for name in program.arguments}


@pytest.mark.parametrize("seed", range(60))
def test_programs_compute_what_expressions_say(seed):
    rng = np.random.default_rng(seed)
    for _ in range(10):
        expr, values = grow(rng, int(rng.integers(1, 12))), values_for(rng)
        expected = interpret(expr, values, SIZES)
        if not np.all(np.isfinite(expected)) or np.max(np.abs(expected), initial=0) > 1e9:
            continue
        program = gw.function(expr)
        found = program(**given(program, values))
        assert np.shape(found) == expected.shape, program.source
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8, err_msg=program.source)
        # Sizes as keywords are integers of the caller: on the complex path the same text runs.
        again = program.complex(**given(program, values))
        np.testing.assert_allclose(np.real(again), found, rtol=1e-7, atol=1e-7, err_msg=program.source)


@pytest.mark.parametrize("seed", range(10))
def test_torch_and_jax_compute_it_too(seed):
    jax = pytest.importorskip("jax")
    rng = np.random.default_rng(500 + seed)
    for _ in range(4):
        expr, values = grow(rng, int(rng.integers(1, 10))), values_for(rng)
        expected = interpret(expr, values, SIZES)
        program = gw.function(expr)
        if not np.all(np.isfinite(expected)) or np.max(np.abs(expected), initial=0) > 1e6:
            continue
        if program.arguments == program.symbols:
            np.testing.assert_allclose(
                run_torch(expr, values), expected, rtol=1e-8, atol=1e-8, err_msg=code(expr, "torch")
            )
        namespace: dict = {}
        exec(code(expr, "jax"), namespace)
        with jax.enable_x64(True):
            found = np.asarray(namespace["f"](**given(program, values)))
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8, err_msg=code(expr, "jax"))
        assert found.shape == expected.shape
