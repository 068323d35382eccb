"""Derivatives take the inputs of the function that they came from, also those that they do not depend on."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.run import code

from .torchrun import run_torch

n = gw.Dim.of("n")
x, y, s = gw.vector("x", n), gw.vector("y", n), gw.scalar("s")


def test_an_input_that_does_not_matter_fixes_sizes():
    assert gw.hessian(gw.sum(x**2), x).evaluate(x=[1.0, 2.0]).tolist() == [[2, 0], [0, 2]]
    assert gw.grad(gw.sum(x), x).evaluate(x=[1.0, 2.0, 3.0]).tolist() == [1, 1, 1]
    assert gw.grad(gw.sum(x), x).evaluate([1.0, 2.0, 3.0]).tolist() == [1, 1, 1]
    assert gw.grad(gw.sum(x), x).evaluate(n=2).tolist() == [1, 1]
    assert gw.grad(gw.sum(x * y) + s, x).evaluate(x=[1, 2], y=[3, 4], s=5).tolist() == [3, 4]
    assert gw.grad(gw.sum(x * y) + s, x).evaluate([3, 4]).tolist() == [3, 4]
    assert gw.jacobian(2 * x, x).evaluate(x=[1, 2]).tolist() == [[2, 0], [0, 2]]
    assert gw.grad(s * 2, s).evaluate(s=1.0) == 2.0


def test_functions_of_derivatives():
    g = gw.grad(gw.sum(x), x)
    f = gw.function(g)
    assert f.symbols == () and f.arguments == ("n",)
    assert f(x=[1, 2]).tolist() == f([1, 2]).tolist() == f(n=2).tolist() == [1, 1]
    assert f.complex(x=[1j, 2]).tolist() == [1, 1]
    pair = gw.function([g, gw.hessian(gw.sum(x**2), x)])
    assert [v.tolist() for v in pair(x=[1, 2])] == [[1, 1], [[2, 0], [0, 2]]]
    assert gw.function(g, arguments=["x"])([1, 2]).tolist() == [1, 1]
    assert gw.function(g, arguments=[x]).symbols == ("x",)
    assert code(g) == code(g.twin)


def test_functions_of_derivatives_compiled():
    pytest.importorskip("jax")
    f = gw.compile(gw.grad(gw.sum(x), x))
    assert f(x=[1, 2]).tolist() == f(n=2).tolist() == [1, 1]


def test_what_does_not_fit_is_said():
    g = gw.grad(gw.sum(x * y), x)
    with pytest.raises(gw.ShapeError, match="x has size 3, expected n with n = 2"):
        g.evaluate(x=[1, 2, 3], y=[1, 2])
    with pytest.raises(gw.GradworkError, match="there is no symbol 'z' here"):
        g.evaluate(y=[1, 2], z=1)
    with pytest.raises(gw.GradworkError, match="there is no symbol 'x' here"):
        (2 * y).evaluate(x=[1, 2], y=[1, 2])
    with pytest.raises(gw.GradworkError, match="there is no symbol 'x' here"):
        g.twin.evaluate(x=[1, 2], y=[1, 2])
    with pytest.raises(gw.GradworkError, match="3 values were given"):
        g.evaluate([1, 2], [1, 2], [1, 2])
    with pytest.raises(gw.GradworkError, match="pass n=…"):
        gw.grad(gw.sum(x), x).evaluate()


@pytest.mark.parametrize("label", ["self", "args", "values", "expr", "exprs", "key", "target", "function"])
def test_a_symbol_of_any_name(label):
    e = gw.scalar(label) ** 2
    assert e.evaluate(**{label: 3}) == 9.0
    assert gw.grad(e, label).evaluate(**{label: 3}) == 6.0
    assert gw.function(e)(**{label: 3}) == 9.0
    assert gw.function(e).complex(**{label: 3j}) == -9


@pytest.mark.parametrize("condition", [3 > 2, gw.constant(3) > 2, gw.size(n) > 5, gw.size(n)], ids=str)
def test_conditions_without_arrays_in_torch(condition):
    given = {"x": [1.0, 2.0], "y": [3.0, 4.0]}
    e = gw.where(condition, x, y)
    np.testing.assert_array_equal(run_torch(e, given), e.evaluate(**given))


def test_long_sums_and_products_compile():
    many = [gw.scalar(f"s{i}") for i in range(3000)]
    assert gw.function(gw.multiply(*many))(*[1.001] * 3000) == pytest.approx(1.001**3000)
    vectors = [gw.vector(f"v{i}", n) for i in range(3000)]
    total = np.add(vectors[0], vectors[1])
    for v in vectors[2:500]:
        total = total + v
    assert total.evaluate(*[[1.0, 2.0]] * 500).tolist() == [500, 1000]
