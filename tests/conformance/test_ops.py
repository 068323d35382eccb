"""Every registered operation: its shape, its derivatives of first and second order, its printing."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.diff.api import jvp, vjp
from gradwork.expr.op import REGISTRY
from tests.conformance.examples import OPERATIONS, example

IDS = [op.name for op in OPERATIONS]
# Four-point differences with h = 1e-3: an error of about 1e-10 for these functions.
BOUND = {"rtol": 2e-7, "atol": 2e-7}
H = 1e-3


def numeric(program, values, label, direction):
    """The derivative of a program along a direction, by four-point central differences."""

    def at(k):
        moved = {**values, label: values[label] + k * H * direction}
        return np.asarray(program(**{s: moved[s] for s in program.arguments}), dtype=float)

    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * H)


def symmetrised(op, direction):
    # cholesky sees only the symmetric part of its argument, and its factor only exists for such; so do eigenvalues.
    symmetric = op.name in ("cholesky", "eigvalsh", "eigenvectors")
    return (direction + np.swapaxes(direction, -1, -2)) / 2 if symmetric else direction


@pytest.mark.parametrize("op", OPERATIONS, ids=IDS)
def test_shape_rule(op):
    y, values, _ = example(op)
    assert np.shape(y.evaluate(**values)) == tuple(d.value for d in y.shape)


@pytest.mark.parametrize("op", OPERATIONS, ids=IDS)
def test_forward_and_reverse_agree_with_differences(op):
    y, values, moving = example(op)
    rng = np.random.default_rng(1)
    program = gw.function(y)
    weights = rng.normal(size=tuple(d.value for d in y.shape))
    for label in moving:
        x = y.symbols[label]
        direction = symmetrised(op, rng.normal(size=values[label].shape))
        expected = numeric(program, values, label, direction)
        tangent = jvp(y, x, gw.constant(direction)).evaluate(
            **_known(values, jvp(y, x, gw.constant(direction)))
        )
        np.testing.assert_allclose(tangent, expected, **BOUND)
        back = vjp(y, x, gw.constant(weights))
        adjoint = back.evaluate(**_known(values, back))
        np.testing.assert_allclose(np.sum(adjoint * direction), np.sum(expected * weights), **BOUND)


@pytest.mark.parametrize("op", OPERATIONS, ids=IDS)
def test_second_derivative_agrees_with_differences(op):
    y, values, moving = example(op)
    if op.constant:
        return
    rng = np.random.default_rng(2)
    weights = gw.constant(rng.normal(size=tuple(d.value for d in y.shape)))
    for label in moving:
        x = y.symbols[label]
        direction = symmetrised(op, rng.normal(size=values[label].shape))
        first = vjp(y, x, weights)
        if label not in first.symbols:
            continue  # linear: the second derivative is zero, and the first has said so
        again = jvp(first, first.symbols[label], gw.constant(direction))
        expected = numeric(gw.function(first), values, label, direction)
        np.testing.assert_allclose(again.evaluate(**_known(values, again)), expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("op", OPERATIONS, ids=IDS)
def test_prints_in_every_alphabet(op):
    y, _, _ = example(op)
    latex = y.latex()
    assert latex.count("{") == latex.count("}")
    assert y.unicode() and y.text()
    assert op.law, f"{op.name} states no law"
    assert op.law.count("{") == op.law.count("}")


def test_a_wrong_derivative_is_caught():
    """The suite would see a wrong rule: tanh with the derivative 1 − y instead of 1 − y²."""
    op = REGISTRY["tanh"]
    right = op.pullback
    object.__setattr__(op, "pullback", lambda g, y, node, i: g * (1 - y))
    try:
        with pytest.raises(AssertionError):
            test_forward_and_reverse_agree_with_differences(op)
        x = gw.vector("x", 3)
        assert not gw.certify(gw.grad(gw.sum(gw.tanh(x)), x)).holds
    finally:
        object.__setattr__(op, "pullback", right)


def _known(values, expr):
    return {s: values[s] for s in expr.symbols}
