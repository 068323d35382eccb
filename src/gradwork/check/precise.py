"""A second opinion in higher precision, before a derivative is ever called wrong.

The function is computed node by node with 60 digits, and its derivative along a direction u by a central difference

    (f(x + h u) − f(x − h u)) / 2h,   h = 10⁻²⁰,

whose error is of the order of 10⁻⁴⁰: no cancellation and no branch of a complex logarithm can deceive it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from gradwork.check.numbers import Evaluator, Field, Untold, determinant
from gradwork.errors import GradworkError
from gradwork.expr.node import SYMBOL, Expr, make

DIGITS = 60
STEP = 20  # the step of a difference is 10⁻²⁰
LIMIT = 1e-9  # by which a claim may differ, relative to the largest component
WORK = 400_000  # components that one opinion may compute


class Precise(Field):
    """Numbers of 60 digits."""

    def __init__(self) -> None:
        mp: Any = importlib.import_module("mpmath").mp.clone()
        mp.dps = DIGITS
        self.mp = mp
        self.functions = {name: self._guarded(function) for name, function in _functions(mp).items()}

    def _guarded(self, function: Any) -> Any:
        mp = self.mp

        def call(*args: Any) -> Any:
            try:
                value = function(*args)
            except (ValueError, ZeroDivisionError, OverflowError, ArithmeticError):
                return mp.nan
            return mp.nan if isinstance(value, mp.mpc) else value

        return call

    def number(self, value: Any) -> Any:
        """Return a number of 60 digits, exactly where it was a fraction."""
        if isinstance(value, Fraction):
            return self.mp.mpf(value.numerator) / value.denominator
        return self.mp.mpf(value if isinstance(value, (int, self.mp.mpf)) else float(value))

    def power(self, x: Any, p: Any) -> Any:
        """Return xᵖ; 0⁰ = 1, and nan outside the real numbers."""
        mp = self.mp
        try:
            if p == 0:
                return mp.mpf(1)
            if p == int(p):
                return x ** int(p)
            value = x**p
        except (ValueError, ZeroDivisionError, OverflowError):
            return mp.nan
        return mp.nan if isinstance(value, mp.mpc) else value

    def whole(self, node: Expr, args: list[Any]) -> Any:
        """Return the value of an operation on whole arrays."""
        name, mp, params = node.op.name, self.mp, node.params
        if name == "polygamma":
            return np.frompyfunc(lambda x: mp.psi(params[0], x), 1, 1)(args[0])
        if name == "sinc":
            k = params[0]
            whole = lambda x: mp.diff(lambda t: mp.sincpi(t / mp.pi), x, k) if k else mp.sincpi(x / mp.pi)
            return np.frompyfunc(whole, 1, 1)(args[0])
        if name == "logdet":
            return mp.log(abs(determinant(args[0], self)))
        if name == "cholesky":
            return self._cholesky((args[0] + args[0].T) / 2)
        if name == "shares":
            hit = np.equal(args[0], self._reduced(args[0], params[0], params[1])) * mp.mpf(1)
            return hit / np.sum(hit, axis=params[0], keepdims=True)
        if name == "norm":
            return np.frompyfunc(mp.sqrt, 1, 1)(np.sum(args[0] * args[0], axis=params[0]))
        if name in ("softmax", "log_softmax", "logsumexp"):
            top = self._reduced(args[0], params[0], "max")
            exps = np.frompyfunc(mp.exp, 1, 1)(args[0] - top)
            total = np.sum(exps, axis=params[0], keepdims=True)
            if name == "softmax":
                return exps / total
            logs = np.frompyfunc(mp.log, 1, 1)(total) + top
            return args[0] - logs if name == "log_softmax" else np.squeeze(logs, axis=params[0])
        if node.op.constant:  # a draw, a rounding: the same in any precision
            return self._as_it_runs(node, args)
        raise Untold(name)

    def _as_it_runs(self, node: Expr, args: list[Any]) -> Any:
        from gradwork.run import function

        bare = tuple(make(SYMBOL, (), (f"x{i}", frozenset()), a.shape) for i, a in enumerate(node.args))
        shapes = {d: n for a, v in zip(node.args, args) for d, n in zip(a.shape, v.shape)}
        sizes = {str(d): n for d, n in shapes.items() if d.value is None}
        program = function(make(node.op, bare, node.params))
        given = {s.params[0]: _floats(v) for s, v in zip(bare, args)}
        return self.array(program(**given, **{k: sizes[k] for k in program.sizes if k in sizes}))

    def _reduced(self, x: Any, axes: tuple[int, ...], how: str) -> Any:
        return (np.max if how == "max" else np.min)(x, axis=axes, keepdims=True)

    def _cholesky(self, a: Any) -> Any:
        mp, size = self.mp, a.shape[0]
        low = self.array(np.zeros(a.shape))
        for i in range(size):
            for j in range(i + 1):
                rest = a[i, j] - sum((low[i, k] * low[j, k] for k in range(j)), mp.mpf(0))
                if i == j and rest <= 0:
                    raise Untold("a matrix that is not positive definite")
                low[i, j] = mp.sqrt(rest) if i == j else rest / low[j, j]
        return low


def _functions(mp: Any) -> dict[str, Any]:
    half, one = mp.mpf(1) / 2, mp.mpf(1)

    def sigmoid(x: Any) -> Any:
        return 1 / (1 + mp.exp(-x))

    return {
        "pi": lambda: mp.pi * 1,
        "exp": mp.exp, "log": mp.log, "sqrt": mp.sqrt, "sin": mp.sin, "cos": mp.cos, "tan": mp.tan,
        "sinh": mp.sinh, "cosh": mp.cosh, "tanh": mp.tanh, "arcsin": mp.asin, "arccos": mp.acos, "arctan": mp.atan,
        "log1p": lambda x: mp.log(1 + x), "expm1": mp.expm1, "erf": mp.erf, "normal_cdf": mp.ncdf,
        "normal_hazard": lambda x: mp.npdf(x) / mp.ncdf(x),
        "log_normal_cdf": lambda x: mp.log(mp.ncdf(x)), "digamma": lambda x: mp.psi(0, x),
        "lgamma": lambda x: mp.log(abs(mp.gamma(x))),
        "sigmoid": sigmoid, "softplus": lambda x: mp.log(1 + mp.exp(x)),
        "log_sigmoid": lambda x: -mp.log(1 + mp.exp(-x)), "relu": lambda x: x if x > 0 else 0 * one,
        "sign": lambda x: one * ((x > 0) - (x < 0)), "floor": mp.floor, "round": mp.nint, "abs": abs,
        "reciprocal0": lambda x: 0 * one if x == 0 else 1 / x,
        "prefer": lambda a, b: one if a > b else half if a == b else 0 * one,
        "maximum": max, "minimum": min, "arctan2": mp.atan2, "hypot": mp.hypot,
        "xlogy": lambda a, b: 0 * one if a == 0 else a * mp.log(b),
        "where": lambda c, a, b: a if c != 0 else b,
    }  # fmt: skip


class Opinion:
    """What high precision says of a claim at a point: the derivative along a direction, and the claim itself."""

    def __init__(self, f: Expr, x: Expr, g: Expr, values: Mapping[str, Any], sizes: Mapping[str, int]):
        self.f, self.g, self.label = f, g, x.params[0]
        self.values, self.sizes = dict(values), dict(sizes)
        self.field = Precise()

    def along(self, direction: Any) -> tuple[Any, Any] | None:
        """Return (measured, claimed) along a direction as float arrays; None at a kink or where it cannot tell."""
        try:
            (claimed,) = Evaluator(self.field, self.values, self.sizes)(self.g)
            here, ahead, behind = (self._at(k, direction) for k in (0, 1, -1))
        except (Untold, KeyError, ZeroDivisionError, OverflowError, ValueError, TypeError, GradworkError):
            return None
        h = self.field.mp.mpf(10) ** -STEP
        forward, backward = (ahead - here) / h, (here - behind) / h
        directed = self.field.array(direction)
        axes = tuple(range(claimed.ndim - directed.ndim, claimed.ndim))
        along = np.sum(claimed * directed, axis=axes) if directed.ndim else claimed * directed[()]
        measured = (forward + backward) / 2
        sides, middle, said = (_floats(v) for v in (forward - backward, measured, along))
        if not (np.isfinite(middle).all() and np.isfinite(said).all()):
            return None
        if np.max(np.abs(sides), initial=0.0) > 1e-6 * np.max(np.abs(middle), initial=0.0) + 1e-12:
            return None  # two slopes meet here: a convention decides, not a measurement
        return middle, said

    def _at(self, k: int, direction: Any) -> Any:
        h = self.field.mp.mpf(10) ** -STEP
        moved = self.field.array(self.values[self.label]) + k * h * self.field.array(direction)
        (value,) = Evaluator(_Given(self.field), {**self.values, self.label: moved}, self.sizes)(self.f)
        return np.asarray(value, dtype=object)


class _Given(Field):
    """The same numbers; what is one of them already stays as it is."""

    def __init__(self, field: Precise):
        self.field = field
        self.functions = field.functions
        self.power, self.whole = field.power, field.whole  # type: ignore[method-assign]

    def number(self, value: Any) -> Any:
        """Return a number of 60 digits."""
        return value if isinstance(value, self.field.mp.mpf) else self.field.number(value)


def _floats(x: Any) -> np.ndarray:
    array = np.asarray(x, dtype=object)
    out = np.empty(array.shape)
    for i in np.ndindex(array.shape):
        out[i] = float(array[i])
    return out
