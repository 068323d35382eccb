"""Directions along which a likelihood never falls: linear programs over the rows.

A likelihood that is concave in b has a maximum unless some b ≠ 0 has

    G b ≥ 0, not = 0,    E b = 0                                            (the cone of recession)

with a row of G for each observation that such a direction can only make likelier, and E for those that it must
leave as they are. Such rows then tend to certainty; the rows that no direction separates determine the rest.

Source: A. Albert, J. A. Anderson, Biometrika 71 (1984); C. J. Geyer, Electronic J. of Statistics 3 (2009).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gradwork.stats.determined import moved, row_space

Array = NDArray[np.float64]

TINY = 1e-7  # of the largest margin: below it a row is on the border


def exists(G: Any, null: Array | None = None) -> Array | None:
    """Return a b with Gb ≥ 0, not = 0, of largest mean margin in a box; None where there is none.

    `null` holds the b, as columns, that leave the rows of E as they are; None stands for all b.

    >>> exists(np.array([[1.0, 0.0], [0.0, 0.0]])).tolist()[0], exists(np.array([[1.0], [-1.0]]))
    (1.0, None)
    """
    H, null = _within(G, null)
    c = _solved(-_mean(H), [(-1, 1)] * H.shape[1], A_ub=-H, b_ub=np.zeros(H.shape[0]))
    if c is None:
        return None
    margins = H @ c
    # The solver allows margins of −1e-10, by which an overlap far smaller than the spread of its column could
    # pass; so a negative margin must also be nothing beside the largest.
    fine = margins.max() > TINY and margins.min() >= -1e-9 * margins.max()
    return (c if null is None else null @ c) if fine else None


def shortest(G: Any, free: NDArray[np.bool_], least: float, null: Array | None = None) -> Array | None:
    """Return the b of least Σ|b| (free entries not counted) with Gb ≥ least, and of mean 1 if least is 0.

    Such a b has few entries, so that it can be told.
    """
    width: int = G.shape[1]
    H, null = _within(G, null)
    N = np.eye(width) if null is None else null
    m, rows, H = N.shape[1], int(G.shape[0]), sparse.csr_array(H)
    bound = sparse.eye_array(width)  # −t ≤ N c ≤ t
    A = sparse.vstack(
        [
            sparse.hstack([-H, sparse.csr_array((rows, width))]),
            sparse.hstack([sparse.csr_array(N), -bound]),
            sparse.hstack([sparse.csr_array(-N), -bound]),
        ]
    )
    more: dict[str, Any] = {}
    if least == 0:
        more = {"A_eq": np.concatenate([_mean(H), np.zeros(width)])[None], "b_eq": np.ones(1)}
    limits = np.concatenate([np.full(rows, -least), np.zeros(2 * width)])
    cost = np.concatenate([np.zeros(m), (~free).astype(float)])
    found = _solved(cost, [(None, None)] * m + [(0, None)] * width, A_ub=A, b_ub=limits, **more)
    return None if found is None else N @ found[:m]


def _within(G: Any, null: Array | None) -> tuple[Any, Array | None]:
    """Return G null with columns of `null` of size one, its rounding cleared."""
    if null is None:
        return G, None
    null = null / np.abs(null).max(axis=0)
    H = np.asarray(G @ null)
    return np.where(np.abs(H) > 1e-12, H, 0.0), null


def signs(G: Any, null: Array, T: Array) -> NDArray[np.int_]:
    """Return where the coefficients T b go as b goes to infinity in the cone {b = null c, Gb ≥ 0}.

    1 and −1 stand for ±∞, and 0 for what stays, or may go either way.

    >>> signs(np.array([[1.0, 0.0]]), np.eye(2), np.eye(2)).tolist()
    [1, 0]
    """
    found = np.zeros(len(T), dtype=int)
    H, moves = G @ null, moved(null, T)
    for j in np.flatnonzero(np.abs(moves).max(axis=1, initial=0.0) > 0):
        row = moves[j] / np.abs(moves[j]).max()
        reach = []
        for sign in (1, -1):
            c = _solved(-sign * row, [(-1, 1)] * null.shape[1], A_ub=-H, b_ub=np.zeros(H.shape[0]))
            reach.append(0.0 if c is None else sign * float(row @ c))
        up, down = reach
        found[j] = int(up > TINY and down <= TINY) - int(down > TINY and up <= TINY)
    return found


def unmoved(rows: Array) -> Array:
    """Return the b with rows b = 0, as columns."""
    return row_space(rows).null


def _solved(cost: Array, bounds: list[Any], **constraints: Any) -> Array | None:
    from scipy.optimize import linprog  # costs a tenth of a second to import, and few fits come here

    options = {"primal_feasibility_tolerance": 1e-10}
    answer = linprog(cost, bounds=bounds, method="highs", options=options, **constraints)
    return answer.x if answer.status == 0 else None


def _mean(G: Any) -> Array:
    return np.asarray(G.mean(axis=0)).ravel()
