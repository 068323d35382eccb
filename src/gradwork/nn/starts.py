"""Where parameters start: the rules of `gradwork.learn`, and orthogonal matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.errors import GradworkError
from gradwork.learn.starts import RULES

Array = NDArray[np.float64]


def orthogonal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return a matrix with orthonormal columns (or rows, where there are fewer): Saxe et al. (ICLR 2014).

    The Q of a QR of normal numbers, with the signs that make it uniform. The axes before the last are one.

    >>> Q = orthogonal(np.random.default_rng(0), (5, 3))
    >>> bool(np.allclose(Q.T @ Q, np.eye(3)))
    True
    """
    if len(shape) < 2:
        raise GradworkError("orthogonal start needs matrix not shape", shape=shape)
    rows, columns = math.prod(shape[:-1]), shape[-1]
    normal = rng.normal(size=(max(rows, columns), min(rows, columns)))
    Q, R = np.linalg.qr(normal)
    Q = Q * np.sign(np.diag(R))
    return (Q if rows >= columns else Q.T).reshape(shape)


def start_rule(start: Any) -> Any:
    """Return a start as `gradwork.learn` takes it."""
    if isinstance(start, str):
        if start == "orthogonal":
            return orthogonal
        if start not in RULES:
            raise GradworkError("start is value or one", value=[*RULES, "orthogonal"], start=start)
    return start
