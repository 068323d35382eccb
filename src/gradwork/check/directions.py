"""The directions along which a derivative is checked: those that lead nowhere but to values that the symbol may have.

A symbol that was declared symmetric is moved by Eᵢⱼ + Eⱼᵢ, a diagonal one by Eᵢᵢ, a lower triangular one by Eᵢⱼ with
i ≥ j, an orthogonal one by QΩ with Ω = Eᵢⱼ − Eⱼᵢ, and a one-hot one by differences within a row.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradwork.expr.node import Expr, facts


def count(x: Expr, shape: tuple[int, ...]) -> int:
    """Return how many directions a symbol of this shape has."""
    n = shape[0] if len(shape) == 2 else 0
    known = facts(x)
    if "diagonal" in known:
        return n
    if known & {"symmetric", "lower"}:
        return n * (n + 1) // 2
    if "orthogonal" in known:
        return n * (n - 1) // 2
    return int(np.prod(shape, dtype=int))


def directions(
    x: Expr, value: np.ndarray, rng: np.random.Generator, most: int
) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """Yield (place, direction) for at most so many directions, chosen at random where there are more."""
    shape, known = value.shape, facts(x)
    places = _places(known, shape)
    chosen = range(len(places))
    if len(places) > most:
        chosen = sorted(int(i) for i in rng.choice(len(places), most, replace=False))
    for k in chosen:
        at = tuple(int(i) for i in np.unravel_index(places[k], shape)) if shape else ()
        yield at, _direction(known, value, at)


def _places(known: frozenset[str], shape: tuple[int, ...]) -> np.ndarray | range:
    if "diagonal" in known:
        return np.arange(shape[0]) * (shape[1] + 1)
    if known & {"symmetric", "lower", "orthogonal"}:
        rows, columns = np.tril_indices(shape[0], -1 if "orthogonal" in known else 0)
        return rows * shape[1] + columns
    return range(int(np.prod(shape, dtype=int)))


def _direction(known: frozenset[str], value: np.ndarray, at: tuple[int, ...]) -> np.ndarray:
    unit = np.zeros(value.shape)
    unit[at] = 1.0
    if "symmetric" in known and "diagonal" not in known:
        unit[at[::-1]] = 1.0
    elif "orthogonal" in known:
        unit[at[::-1]] = -1.0
        return value @ unit
    elif "onehot" in known:
        unit[at[:-1]] -= 1 / value.shape[-1]
    return unit
