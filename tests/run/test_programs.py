"""Programs: what they take, what they say when it does not fit, and that their source is what runs."""

from __future__ import annotations

import gc
import subprocess
import sys
import traceback
import weakref

import numpy as np
import pytest

import gradwork as gw
from gradwork.run import code, evaluate, function
from gradwork.run.program import Program

n, d = gw.dims("n", "d")
X, y, b = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("b", d)
s = gw.scalar("s")


def says(message, call, *args, **values):
    with pytest.raises(gw.GradworkError) as error:
        call(*args, **values)
    assert str(error.value) == message
    assert "\n" not in message


class TestInputs:
    f = function(X @ b, arguments=[X, b])

    def test_by_position_and_by_name(self):
        assert self.f([[1, 2]], [3, 4]).tolist() == [11]
        assert self.f([[1, 2]], b=[3, 4]).tolist() == [11]
        assert self.f(b=[3, 4], X=[[1, 2]]).tolist() == [11]

    def test_a_scalar_result_is_a_float(self):
        assert type((y @ y).evaluate(y=[3, 4])) is float
        assert type((s > 1).evaluate(s=2)) is float
        assert gw.constant(3).evaluate() == 3.0

    def test_what_numpy_takes(self):
        expected = np.array([[1.0, 2.0], [3.0, 4.0]]) @ [1, 1]
        frozen = np.array([[1.0, 2.0], [3.0, 4.0]])
        frozen.flags.writeable = False
        big = np.zeros((4, 4))
        big[::2, ::2] = frozen
        for given in ([[1, 2], [3, 4]], ((1, 2), (3, 4)), frozen, big[::2, ::2], np.asfortranarray(frozen),
                      frozen.astype(np.float32), frozen.astype(np.int8), frozen.astype(object)):  # fmt: skip
            result = self.f(given, [True, True])
            assert result.dtype == np.float64
            np.testing.assert_array_equal(result, expected)

    def test_data_frames(self):
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame({"u": [1, 2], "v": [3.0, 4.0]})
        assert self.f(frame, pandas.Series([1, 1])).tolist() == [4, 6]

    def test_single_precision(self):
        f = function(X @ b / gw.size(n) + gw.eye(n) @ y, dtype="float32")
        result = f(X=np.ones((2, 3)), b=np.ones(3), y=[1, 2])
        assert result.dtype == np.float32 and result.tolist() == [2.5, 3.5]

    def test_integers_stay_integers(self):
        i = gw.symbol("i", ("m",), integer=True)
        f = function(gw.gather(b, i))
        assert f(b=[1.5, 2.5, 3.5], i=[2, 0, 2]).tolist() == [3.5, 1.5, 3.5]
        assert f(b=[1.5, 2.5, 3.5], i=[2.0, 0.0, 2.0]).tolist() == [3.5, 1.5, 3.5]
        says("i is declared integer, but holds other numbers", f, b=[1, 2], i=[0.5])

    def test_missing_unknown_and_double(self):
        says("no value was given for b (symbols: X (n×d), b (d))", self.f, [[1]])
        says("there is no symbol 'c' here (symbols: X (n×d), b (d))", self.f, [[1]], c=[1])
        beta = function(gw.vector("beta", d))
        says("there is no symbol 'beat' here; did you mean 'beta'? (symbols: beta (d))", beta, beat=[1])
        says("X was given twice, by position and by name", self.f, [[1]], [1], X=[[1]])
        says("3 values were given for 2 arguments: X (n×d), b (d)", self.f, 1, 2, 3)

    def test_shapes(self):
        says("b has size 4, expected d with d = 2 (from X)", self.f, np.ones((3, 2)), np.ones(4))
        says("X has size 3, expected shape n×d", self.f, np.ones(3), np.ones(4))
        says("b has no axes, expected shape d", self.f, np.ones((3, 2)), 1)
        says("s has size 1, expected a scalar", function(s * 2), [1])
        says(
            "X has shape 3×2, expected n×d with d = 4 (from b)",
            function(X @ b, arguments=[b, X]), np.ones(4), np.ones((3, 2)),
        )  # fmt: skip
        says(
            "A has shape 2×3, expected d×d with d = 2 (from axis 0)",
            function(gw.matrix("A", d, d)),
            np.ones((2, 3)),
        )
        says("A has shape 2×3, expected 2×2", function(gw.matrix("A", 2, 2)), np.ones((2, 3)))

    def test_sizes_of_sums(self):
        w, z = gw.vector("w", n + 1), gw.vector("z", 2 * n)
        f = function(gw.sum(w) + gw.sum(z) / gw.size(n))
        assert f(w=[1, 1, 1], z=[1, 1, 1, 1]) == 5
        says("z has size 3, expected 2n with n = 2 (from w)", f, w=[1, 1, 1], z=[1, 1, 1])
        says(
            "axis 0 of z has size 3, which is not 2n for a whole n",
            function(gw.sum(z) / gw.size(n)),
            z=[1, 1, 1],
        )

    def test_not_numbers(self):
        says("b needs numbers, not values of type <U3", self.f, [[1]], ["one"])
        says("X is not an array of numbers: its rows differ in length", self.f, [[1], [1, 2]], [1])
        says("b needs numbers, not an expression; use substitution to put one in", self.f, [[1]], b)
        says("b needs numbers, not values of type complex128", self.f, [[1]], [1j])

    def test_sizes_that_no_input_fixes(self):
        f = function(gw.ones(n, d) * s)
        assert f.arguments == ("s", "d", "n") and f.symbols == ("s",)
        assert f(2, n=1, d=2).tolist() == [[2, 2]]
        says("no input says how large n is; pass n=…", f, 2, d=3)
        says("the size n is a whole number, not 1.5", f, 2, d=3, n=1.5)
        assert self.f([[1, 2]], [3, 4], n=1).tolist() == [11]
        says("X has shape 1×2, expected n×d with n = 5 (from the keyword)", self.f, [[1, 2]], [3, 4], n=5)

    def test_two_symbols_of_one_name(self):
        says(
            "two different symbols are called y: of shapes n and d",
            function,
            gw.sum(y) + gw.sum(gw.vector("y", d)),
        )

    def test_arguments_that_are_not_used(self):
        assert function(X * 0 + 1, arguments=["X"])([[5, 5]]).tolist() == [[1, 1]]
        assert function(y, arguments=[b, y])(b=[1], y=[2]).tolist() == [2]
        says("there is no symbol 'q' in this expression (X, b)", function, X @ b, arguments=["q"])

    def test_the_result_is_never_the_input(self):
        given = np.ones((2, 3))
        for e in (X, X.T, X[0], gw.reshape(X, n * d), X[:, 1:]):
            result = function(e)(X=given)
            assert not np.may_share_memory(result, given)
            result[...] = 7
        assert (given == 1).all()
        assert function(gw.broadcast_to(b, n, d))(b=[1, 2, 3], n=2).flags.writeable

    def test_outside_the_domain_is_nan_without_noise(self):
        result = gw.log(y).evaluate(y=[-1, 0, 1])
        assert np.isnan(result[0]) and result[1] == -np.inf and result[2] == 0

    def test_no_samples(self):
        assert function(X @ b)(X=np.ones((0, 2)), b=[1, 2]).shape == (0,)


class TestSource:
    def test_is_what_runs(self):
        f = function([gw.mean((y - X @ b) ** 2), gw.grad(gw.mean((y - X @ b) ** 2), b)], arguments=[X, y, b])
        namespace: dict = {}
        exec(f.source, namespace)
        args = np.ones((3, 2)), np.arange(3.0), np.array([1.0, 2.0])
        ours, theirs = f(*args), namespace["f"](*args)
        assert isinstance(ours, tuple) and ours[0] == theirs[0] and (ours[1] == theirs[1]).all()
        assert set(namespace) <= {"__builtins__", "np", "f"}

    def test_tracebacks_show_it(self):
        try:
            function(gw.inv(gw.matrix("A", d, d)))([[0.0]])
        except np.linalg.LinAlgError:
            assert "return np.linalg.inv(A)" in traceback.format_exc()

    def test_names_never_clash(self):
        strange = {
            name: gw.vector(name, "n") for name in ("np", "lambda", "n", "f", "β", "beta", "len", "place")
        }
        total = gw.sum(gw.exp(strange["np"]) * gw.size("n"))
        for v in strange.values():
            total = total + gw.expr.node.name("Z", gw.sum(v**2) + 1) + gw.expr.node.name("n", gw.sum(v) + 1)
        values = {name: np.arange(1.0, 4) + i for i, name in enumerate(strange)}
        expected = 3 * np.exp(values["np"]).sum() + sum((v**2).sum() + v.sum() + 2 for v in values.values())
        assert function(total)(**values) == pytest.approx(expected)
        function(total).source.encode("ascii", errors="replace")

    def test_large_constants_are_held_by_the_program(self):
        table = np.arange(300.0).reshape(100, 3)
        f = function(gw.constant(table) @ gw.vector("v", 3))
        assert "A is the array of shape (100, 3)" in f.source and len(f.source) < 400
        np.testing.assert_array_equal(f([1, 2, 3]), table @ [1, 2, 3])

    def test_plan(self):
        f = function(gw.hessian(gw.sum(gw.softplus(X @ b)), b))
        assert "X.T @ (" in f.plan() and len(f.plan().splitlines()) == 2
        assert function(y + 1).plan() == "no products to order"

    def test_long_expressions_are_cut_into_lines(self):
        e = y
        for _ in range(60):
            e = gw.tanh(e * 1.5 + y)
        assert max(map(len, function(e).source.splitlines())) < 110
        assert function(e)([0.0]) == 0

    def test_depth(self):
        e = y
        for _ in range(3000):
            e = gw.sin(e) + 1
        assert np.isfinite(function(e)([1.0])).all()

    def test_unknown_targets(self):
        says("code is written for numpy, jax, torch, not 'fortran'", code, y, "fortran")
        says(
            "a function runs on \"numpy\" or \"xla\", not 'torch'; code('torch') gives its text",
            function,
            y,
            target="torch",
        )
        says("dtype is float64 or float32, not int64", function, y, dtype=int)


class TestCache:
    def test_a_program_is_made_once(self, monkeypatch):
        e = gw.sum(y) + 17
        made = []
        original = Program.__init__
        monkeypatch.setattr(Program, "__init__", lambda self, *a: (made.append(1), original(self, *a))[1])
        assert e.evaluate(y=[1]) == 18 and evaluate(e, y=[2]) == 19
        assert len(made) == 1

    def test_and_forgotten_with_its_expression(self):
        e = gw.sum(y) + 12345.678
        e.evaluate(y=[1])
        gone = weakref.ref(e)
        del e
        gc.collect()
        assert gone() is None


class TestCompiled:
    loss = gw.mean(gw.softplus(X @ b) - y * (X @ b))
    values = {
        "X": np.random.default_rng(0).normal(size=(20, 3)),
        "y": np.arange(20) % 2,
        "b": [0.1, -0.2, 0.3],
    }

    def test_agrees_and_leaves_the_configuration_alone(self):
        jax = pytest.importorskip("jax")
        before = jax.config.jax_enable_x64
        f = gw.compile([self.loss, gw.grad(self.loss, b)])
        value, slope = f(**self.values)
        assert type(value) is float and value == pytest.approx(self.loss.evaluate(**self.values), rel=1e-13)
        np.testing.assert_allclose(slope, gw.grad(self.loss, b).evaluate(**self.values), rtol=1e-12)
        assert slope.dtype == np.float64 and slope.flags.writeable and type(slope) is np.ndarray
        assert jax.config.jax_enable_x64 == before
        assert jax.numpy.ones(1).dtype == np.float32 or before

    def test_single_precision(self):
        pytest.importorskip("jax")
        slope = gw.compile(gw.grad(self.loss, b), dtype="float32")(**self.values)
        assert slope.dtype == np.float32
        np.testing.assert_allclose(slope, gw.grad(self.loss, b).evaluate(**self.values), rtol=1e-4)

    def test_the_source_is_the_text_that_is_compiled(self):
        pytest.importorskip("jax")
        f = gw.compile(self.loss)
        assert "jnp.mean" in f.source and f.source == code(self.loss, "jax")

    def test_sizes_as_keywords(self):
        pytest.importorskip("jax")
        f = gw.compile(gw.ones(n, d) * s)
        assert f(2, n=2, d=1).tolist() == [[2], [2]]
        assert f(2, n=1, d=1).tolist() == [[2]]

    def test_function_can_be_asked_for_it(self):
        pytest.importorskip("jax")
        assert function(y * 2, target="xla")([1, 2]).tolist() == [2, 4]
        assert gw.compile(y * 2, target="numpy").target == "numpy"


def test_importing_and_evaluating_imports_no_jax():
    text = (
        "import sys, gradwork as gw; y = gw.vector('y', 'n');"
        "assert gw.sum(y).evaluate(y=[1, 2]) == 3; y.code('jax');"
        "assert 'jax' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", text], check=True, timeout=60)
