"""Expressions never change, are one object each, and come back from a pickle as that object."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import gradwork as gw
from gradwork.errors import GradworkError, ShapeError
from gradwork.expr.facts import check_names, is_positive

n, d = gw.dims("n", "d")
x, X = gw.vector("x", n), gw.matrix("X", n, d)


@pytest.mark.parametrize("expr", [x, gw.sum(x**2), gw.grad(gw.sum(x**2), x)], ids=str)
@pytest.mark.parametrize("attribute", ["shape", "args", "op", "params", "serial", "anything"])
def test_nothing_of_an_expression_can_be_set(expr, attribute):
    with pytest.raises(AttributeError, match=f"never changes: its {attribute} cannot be set"):
        setattr(expr, attribute, ())
    with pytest.raises(AttributeError, match="cannot be deleted"):
        delattr(expr, attribute)


def some():
    H0, W = gw.zeros(3), gw.matrix("W", 3, 3)
    loop = gw.scan(lambda h, u: gw.tanh(W @ h + u), H0, gw.matrix("Z", 5, 3))
    return [
        x,
        gw.matrix("S", 3, 3, symmetric=True),
        gw.constant([1.0, -0.0, np.nan]),
        gw.constant(2) / 3,
        gw.size((n - 1) // 2 + d),
        gw.sum(gw.log(1 + gw.exp(-x * x))),
        X[1:, ::-1],
        gw.zeros(n, d),
        gw.sum(loop.last),
        gw.parse("‖y − X b‖² + λ ‖b‖²", "X: n×d, y: n, b: d, λ: scalar"),
    ]


@pytest.mark.parametrize("expr", some(), ids=str)
def test_copies_and_pickles_are_the_same_object(expr):
    assert copy.copy(expr) is expr and copy.deepcopy(expr) is expr
    assert copy.deepcopy({"a": [expr]})["a"][0] is expr
    assert pickle.loads(pickle.dumps(expr)) is expr


def test_a_derived_expression_is_pickled_as_its_twin():
    g = gw.grad(gw.sum(x**2), x)
    assert pickle.loads(pickle.dumps(g)) is g.twin
    assert copy.deepcopy(g) is g


def test_a_pickle_is_read_by_another_process():
    text = pickle.dumps(gw.sum(gw.sin(x)[1:]) / n)
    program = f"import pickle; e = pickle.loads({text!r}); print(e, e.evaluate(x=[9.0, 0.0, 0.0]))"
    program += (
        "\nimport gradwork as gw; x = gw.vector('x', 'n'); assert e is gw.sum(gw.sin(x)[1:]) / gw.Dim.of('n')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("0.0\n")


def test_a_deep_expression_is_pickled_and_looked_at_without_recursion():
    e = gw.scalar("p", positive=True)
    for _ in range(3000):
        e = gw.sqrt(gw.sin(e) + 1)
    assert pickle.loads(pickle.dumps(e)) is e
    assert not is_positive(e)
    e = gw.scalar("p", positive=True)
    for _ in range(3000):
        e = gw.sqrt(e + 1)
    assert is_positive(e)


def test_names_stand_for_one_symbol():
    q, Q = gw.scalar("q"), gw.vector("q", n)
    S, T = gw.matrix("S", 3, 3), gw.matrix("S", 3, 3, symmetric=True)
    check_names(q, q + 1, S)
    for call in (
        lambda: gw.grad(gw.sum(q * Q), "q"),
        lambda: gw.grad(gw.sum(Q), q),
        lambda: gw.jacobian(q * Q, q),
        lambda: (q * Q).evaluate(q=1),
        lambda: gw.function([q, Q]),
    ):
        with pytest.raises(GradworkError, match="two different symbols are called q: .*a scalar"):
            call()
    with pytest.raises(GradworkError, match="called S: one declared symmetric and one without that"):
        (S @ T).evaluate(S=np.eye(3))


def test_a_size_is_not_negative():
    with pytest.raises(ShapeError, match="an axis of v has size -1"):
        gw.vector("v", -1)
    assert gw.vector("v", 0).shape == (0,)


@pytest.mark.parametrize(
    "index", [x > 0, (x > 0) * (x < 1), [True, False], np.array([True, False]), True, np.True_], ids=str
)  # the size of x is not that of the masks
def test_a_condition_is_no_index(index):
    with pytest.raises(ShapeError, match=r"use gw\.where"):
        x[index]
    with pytest.raises(ShapeError, match=r"use gw\.where"):
        gw.gather(x, index)
    assert x[[1, 0, 1]].shape == (gw.Dim.of(3),)


class TestNumPysFunctions:
    A = gw.matrix("A", 3, 3)

    def test_norms(self):
        given = np.arange(6.0).reshape(2, 3) - 2
        for order in (None, "fro"):
            assert np.linalg.norm(X, order).evaluate(X=given) == pytest.approx(np.linalg.norm(given, order))
        for order in (None, 1, 2, np.inf):
            found = np.linalg.norm(X, order, axis=1).evaluate(X=given)
            np.testing.assert_allclose(found, np.linalg.norm(given, order, axis=1))
            assert np.linalg.norm(x, order).evaluate(x=given[0]) == np.linalg.norm(given[0], order)
        for order in (1, 2, np.inf, -1, -2, -np.inf, "nuc"):
            found = np.linalg.norm(X, order).evaluate(X=given)
            assert found == pytest.approx(np.linalg.norm(given, order), abs=1e-15)
        for order in (0, 3, 1.5, -np.inf):
            found = np.linalg.norm(x, order).evaluate(x=given[0])
            assert found == pytest.approx(np.linalg.norm(given[0], order))
        with pytest.raises(GradworkError, match="a matrix has the norms"):
            np.linalg.norm(X, 3)
        with pytest.raises(GradworkError, match="the order of a vector's norm"):
            np.linalg.norm(x, "nuc")

    @pytest.mark.parametrize(
        "call, message",
        [
            (lambda x, A: np.sum(x, dtype=np.float32), "np.sum of an expression takes no dtype"),
            (lambda x, A: np.mean(x, 0, np.float32), "np.mean of an expression takes no dtype"),
            (lambda x, A: np.sum(x, where=[True]), "np.sum of an expression takes no where"),
            (lambda x, A: np.sort(x, kind="stable"), "np.sort of an expression takes no kind"),
            (lambda x, A: np.trace(A, dtype=float), "np.trace of an expression takes no dtype"),
            (lambda x, A: np.clip(x, 0), "missing a required argument"),
            (lambda x, A: np.where(x > 0), "missing a required argument"),
            (lambda x, A: np.concatenate([A, A], axis=None), "np.concatenate of an expression takes no axis"),
            (lambda x, A: np.take(A, [0, 1]), "np.take of a matrix needs an axis"),
            (lambda x, A: np.pad(x, 1, "linear_ramp"), "the mode of pad is"),
            (
                lambda x, A: np.pad(x, 1, "edge", reflect_type="odd"),
                "np.pad of an expression takes no reflect_type",
            ),
            (lambda x, A: np.exp(x, dtype=float), "np.exp of an expression takes no dtype"),
            (lambda x, A: np.add.reduce(x), "np.add.reduce is not an operation"),
            (lambda x, A: np.linalg.svd(A), "np.linalg.svd is not an operation"),
        ],
    )
    def test_options_that_we_do_not_have(self, call, message):
        with pytest.raises(GradworkError) as error:
            call(x, self.A)
        assert message in str(error.value) and "\n" not in str(error.value)

    def test_options_that_say_nothing_new(self):
        assert np.sum(X, 0, None) is gw.sum(X, axis=0)
        assert np.sum(X, axis=1, keepdims=True) is gw.sum(X, axis=1, keepdims=True)
        assert np.round(x, 0) is gw.round(x)
        assert np.clip(x, min=0, max=1) is gw.clip(x, 0, 1)
        assert np.std(x, ddof=1) is gw.std(x, ddof=1)
        assert np.where(x > 0, x, 0) is gw.where(x > 0, x, 0)
        assert np.reshape(x, (-1, 1)) is gw.reshape(x, -1, 1)
        assert np.stack([x, x], axis=1) is gw.stack([x, x], axis=1)
        assert np.amax(X, axis=0) is gw.max(X, axis=0)
        assert np.take(X, [0], axis=1) is gw.take(X, [0], axis=1)
