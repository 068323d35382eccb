"""How large the sizes probably are: what the order of a product is chosen by before any data are seen."""

from __future__ import annotations

from collections.abc import Mapping

from gradwork.expr.dims import Dim

# Rows of data are many, batches and time steps fewer, columns tens, classes few. A wrong guess costs time,
# never correctness.
_MANY = frozenset({"n", "N", "rows", "samples"})
_BATCH = frozenset({"m", "M", "T", "B", "batch"})
_FEW = frozenset({"k", "K", "c", "C", "q", "classes"})
MANY, BATCH, SOME, FEW = 10_000.0, 1000.0, 40.0, 10.0


def guess(name: str) -> float:
    """Return the size that a name suggests."""
    stem = name.rstrip("_0123456789")
    return MANY if stem in _MANY else BATCH if stem in _BATCH else FEW if stem in _FEW else SOME


def estimate(dim: Dim, hint: Mapping[str, int] | None = None) -> float:
    """Return an estimate of a size; exact where it is concrete or hinted.

    >>> estimate(Dim.of("n")), estimate(Dim.of("n") - 1, {"n": 5}), estimate(Dim.of(3))
    (10000.0, 4.0, 3.0)
    """
    if dim.value is not None:
        return float(max(dim.value, 1))
    values = {name: (hint or {}).get(name, int(guess(name))) for name in dim.names}
    return float(max(dim.evaluate(values), 1))
