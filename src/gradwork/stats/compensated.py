"""Sums and products in twice the working precision, from float64 operations alone.

A pair (high, low) of float64 stands for the unevaluated sum high + low, some 106 bits. NumPy's `longdouble`
would be shorter to write, but on Windows and on Arm Macs it is float64 again, and the digits of a fit must
not depend on the machine. The error-free transformations are Knuth's (sum) and Dekker's (product).

Source: Ogita, Rump, Oishi, *Accurate Sum and Dot Product*, SIAM J. Sci. Comput. 26 (2005).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_SPLIT = 134217729.0  # 2**27 + 1 cuts a float64 into two halves of 26 bits, whose products are exact
_BLOCK = 1 << 18  # entries of a block of rows, so that the temporaries stay in the cache


def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """Return (s, e) with s = fl(a + b) and s + e = a + b exactly.

    >>> s, e = two_sum(np.array([1e16]), np.array([1.0]))
    >>> float(s[0]), float(e[0])
    (1e+16, 1.0)
    """
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def two_product(a: Array, b: Array) -> tuple[Array, Array]:
    """Return (p, e) with p = fl(a b) and p + e = a b exactly (for |a|, |b| below 1e300).

    >>> p, e = two_product(np.array([1 + 2.0**-30]), np.array([1 + 2.0**-30]))
    >>> float(e[0]) == 2.0**-60
    True
    """
    p = a * b
    t = _SPLIT * a
    a_high = t - (t - a)
    a_low = a - a_high
    t = _SPLIT * b
    b_high = t - (t - b)
    b_low = b - b_high
    return p, ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low


def _add(high: Array, low: Array, term: Array, error: Array) -> tuple[Array, Array]:
    """Add the pair (term, error) to the pair (high, low)."""
    high, rest = two_sum(high, term)
    return high, low + (rest + error)


def _blocks(rows: int, columns: int):
    step = max(1, _BLOCK // max(1, columns))
    return (slice(i, min(i + step, rows)) for i in range(0, rows, step))


def residual(y: Array, X: Array, b: Array, b_low: Array, r: Array, r_low: Array) -> Array:
    """Return y − r − X b, computed in twice the working precision and rounded once.

    Shapes: y, r: n; X: n×p; b: p. The unknowns come as pairs, b + b_low and r + r_low.
    """
    result = np.empty_like(y)
    for rows in _blocks(*X.shape):
        high, low = two_sum(y[rows], -r[rows])
        low = low - r_low[rows]
        for j in range(X.shape[1]):
            product, error = two_product(X[rows, j], np.full(1, -b[j]))
            high, low = _add(high, low, product, error - X[rows, j] * b_low[j])
        result[rows] = high + low
    return result


def transposed_product(X: Array, r: Array, r_low: Array) -> Array:
    """Return Xᵀ(r + r_low), each entry summed in twice the working precision and rounded once.

    >>> X = np.array([[1.0], [1.0], [1.0]])
    >>> transposed_product(X, np.array([1e17, 1.0, -1e17]), np.zeros(3))
    array([1.])
    """
    high, low = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    for rows in _blocks(*X.shape):
        block = X[rows]
        product, error = two_product(block, r[rows, None])
        error = error + block * r_low[rows, None]
        # A tree of pairwise sums: log n vector operations where a loop over rows would be n of them.
        while len(product) > 1:
            half = len(product) // 2
            rest = slice(2 * half, None)
            head, tail = slice(0, half), slice(half, 2 * half)
            s, e = _add(product[head], error[head], product[tail], error[tail])
            product = np.concatenate([s, product[rest]])
            error = np.concatenate([e, error[rest]])
        high, low = _add(high, low, product[0], error[0])
    return high + low
