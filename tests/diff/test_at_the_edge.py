"""Derivatives that exist where a careless program gives nan: at 0, far out in a tail, at the end of a domain."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import gradwork as gw

x = gw.scalar("x")


@pytest.mark.parametrize("order", range(7))
def test_sinc_and_its_derivatives(order):
    f = gw.sinc(x)
    for _ in range(order):
        f = gw.grad(f, x)
    for at in (0.0, 1e-8, -1e-3, 0.5, 2.9, 3.1, -7.0, 12.0, 40.0):
        assert abs(f.evaluate(x=at) - true_sinc(at, order)) < 1e-11, (order, at)


def true_sinc(at, order):
    """Return the integral of t^k cos(xt + kπ/2) from 0 to 1."""
    whole = mpmath.quad(
        lambda t: t**order * mpmath.cos(at * t + order * mpmath.pi / 2), mpmath.linspace(0, 1, 20)
    )
    return float(whole)


@pytest.mark.parametrize("target", ["numpy", "xla"])
def test_sinc_at_zero(target):
    second = gw.grad(gw.grad(gw.sinc(x), x), x)
    assert float(gw.function(second, target=target)(x=0.0)) == pytest.approx(-1 / 3)
    assert float(gw.function(gw.grad(gw.sinc(x), x), target=target)(x=1e-8)) == pytest.approx(-1e-8 / 3)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("target", ["numpy", "xla"])
def test_the_slope_of_log_phi_far_out(target, dtype):
    g = gw.function(gw.grad(gw.ops.FUNCTIONS["log_normal_cdf"](x), x), target=target, dtype=dtype)
    rtol = 1e-12 if dtype == "float64" else 3e-6
    for at in (-1e3, -50.0, -8.0, -4.1, -3.9, -1.0, 0.0, 3.0):
        true = float(mpmath.npdf(at) / mpmath.ncdf(at))
        assert float(g(x=at)) == pytest.approx(true, rel=rtol), at
    for at in (-1e7, -1e8):
        assert float(g(x=at)) == pytest.approx(-at, rel=rtol)


def test_powers_at_zero():
    v = gw.vector("v", 3)
    f = gw.sum(v ** np.array([0, 1, 2]))
    assert gw.grad(f, v).evaluate(v=[0, 0, 0]).tolist() == [0, 1, 0]
    assert gw.hessian(f, v).evaluate(v=[0, 0, 0]).tolist() == np.diag([0, 0, 2]).tolist()


def test_the_root_of_a_rectifier():
    f = gw.sqrt(gw.relu(x))
    g = gw.grad(f, x)
    assert g.evaluate(x=-1.0) == 0 and g.evaluate(x=4.0) == 0.25
    assert gw.grad(g, x).evaluate(x=-1.0) == 0
