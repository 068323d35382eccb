"""Starting values by rule."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.errors import GradworkError, ShapeError

Array = NDArray[np.float64]
Rule = Callable[[np.random.Generator, tuple[int, ...]], Array]


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return how many numbers go into and out of a layer with weights of this shape.

    A matrix W of XW has shape in×out; a vector is a layer with one output; of a kernel the axes before the
    last two are the window.

    >>> fans((3, 5)), fans((4,)), fans((5, 5, 2, 8))
    ((3, 5), (4, 1), (50, 200))
    """
    if not shape:
        return 1, 1
    if len(shape) == 1:
        return shape[0], 1
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def _zeros(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """0."""
    return np.zeros(shape)


def _ones(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """1."""
    return np.ones(shape)


def _glorot(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Uniform on ±√(6/(in + out)): Glorot and Bengio (AISTATS 2010), for tanh and softmax."""
    limit = math.sqrt(6 / sum(fans(shape)))
    return rng.uniform(-limit, limit, shape)


def _he(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Normal with variance 2/in: He, Zhang, Ren, Sun (ICCV 2015), for relu."""
    return rng.normal(0.0, math.sqrt(2 / fans(shape)[0]), shape)


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Normal with standard deviation 0.05, as Keras's RandomNormal."""
    return rng.normal(0.0, 0.05, shape)


def _uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Uniform on ±0.05, as Keras's RandomUniform."""
    return rng.uniform(-0.05, 0.05, shape)


RULES: dict[str, Rule] = {
    "zeros": _zeros,
    "ones": _ones,
    "glorot": _glorot,
    "he": _he,
    "normal": _normal,
    "uniform": _uniform,
}


def start_value(name: str, rule: Any, shape: tuple[int, ...], seed: int, index: int) -> Array:
    """Return the starting value of a parameter.

    rule: the name of a rule in `RULES`, a number (everywhere), an array of the shape, or a function of
    (generator, shape). Every parameter draws from a stream of its own, made from the seed and its place, so
    that adding a parameter at the end does not change those before it.

    >>> start_value("b", "zeros", (3,), seed=0, index=0).tolist()
    [0.0, 0.0, 0.0]
    """
    if isinstance(rule, str):
        if rule not in RULES:
            raise GradworkError("unknown rule of start", name=name, rules=RULES, rule=rule)
        rule = RULES[rule]
    if callable(rule):
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(2, index))))
        value = np.asarray(rule(rng, shape), dtype=np.float64)
    else:
        try:
            value = np.asarray(rule, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise GradworkError("unknown start", name=name, rules=RULES, rule=rule) from error
        if value.ndim == 0:
            value = np.full(shape, float(value))
    if value.shape != shape:
        raise ShapeError("start of unexpected shape", name=name, shape=value.shape, shape2=shape)
    if not np.isfinite(value).all():
        raise GradworkError("start value not finite", name=name)
    return value.copy()
