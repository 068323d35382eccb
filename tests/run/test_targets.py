"""Every registered operation on every target: they agree to rounding."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.expr.op import REGISTRY
from gradwork.run import code
from tests.conformance.examples import OPERATIONS, example
from tests.run.torchrun import run_torch

IDS = [op.name for op in OPERATIONS]


@pytest.mark.parametrize("op", OPERATIONS, ids=IDS)
def test_jax_agrees(op):
    y, values, _ = example(op)
    expected = y.evaluate(**values)
    jax = pytest.importorskip("jax")
    namespace: dict = {}
    exec(code(y, "jax"), namespace)
    with jax.enable_x64(True):
        found = np.asarray(namespace["f"](*(np.asarray(values[s]) for s in gw.function(y).symbols)))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("op", OPERATIONS, ids=IDS)
def test_torch_agrees(op):
    y, values, _ = example(op)
    found = run_torch(y, values)
    rtol = 1e-9 if op.name == "polygamma" else 1e-12  # PyTorch's own is no better
    np.testing.assert_allclose(found, y.evaluate(**values), rtol=rtol, atol=1e-13)


@pytest.mark.parametrize("op", OPERATIONS, ids=IDS)
def test_single_precision_stays_near(op):
    y, values, _ = example(op)
    found = gw.function(y, dtype="float32")(**values)
    np.testing.assert_allclose(found, y.evaluate(**values), rtol=2e-4, atol=2e-5)
    if y.ndim:
        assert found.dtype == np.float32


ANALYTIC = [op for op in OPERATIONS if op.analytic]


@pytest.mark.parametrize("op", ANALYTIC, ids=[op.name for op in ANALYTIC])
def test_a_complex_step_gives_the_derivative(op):
    y, values, moving = example(op)
    program = gw.function(y)
    rng = np.random.default_rng(3)
    for label in moving:
        direction = rng.normal(size=np.shape(values[label]))
        step = program.complex(**{**values, label: values[label] + 1e-30j * direction})
        np.testing.assert_allclose(np.real(step), program(**values), rtol=1e-12, atol=1e-14)
        h = 1e-3

        def at(k, label=label, direction=direction, h=h):
            return np.asarray(program(**{**values, label: values[label] + k * h * direction}))

        expected = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)
        np.testing.assert_allclose(np.imag(step) / 1e-30, expected, rtol=1e-7, atol=1e-8)


POINTS = {
    "sigmoid": [-800.0, -30.0, 0.0, 30.0, 800.0],
    "softplus": [-800.0, -30.0, 0.0, 30.0, 800.0],
    "log_sigmoid": [-800.0, -30.0, 0.0, 30.0, 800.0],
    "normal_cdf": [-30.0, -5.0, 0.0, 5.0],
    "log_normal_cdf": [-300.0, -30.0, -5.0, 0.0, 5.0],
}


@pytest.mark.parametrize("name", POINTS)
def test_far_out(name):
    x = gw.vector("x", "n")
    y, slope = gw.__dict__[name](x), gw.grad(gw.sum(gw.__dict__[name](x)), x)
    points = np.array(POINTS[name])
    program = gw.function(y)
    step = program.complex(x=points + 1e-30j)
    np.testing.assert_allclose(np.real(step), program(x=points), rtol=1e-12)
    np.testing.assert_allclose(np.imag(step) / 1e-30, slope.evaluate(x=points), rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(run_torch(y, {"x": points}), program(x=points), rtol=1e-9)


def test_no_operation_lacks_code():
    for op in OPERATIONS:
        assert op.code or op.name in ("add", "contract"), f"{op.name} has no code"
    assert REGISTRY["add"].elementwise
