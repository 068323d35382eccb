"""Recurrent networks for sequences: classes and numbers, of equal or unequal lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradwork.errors import GradworkError, ShapeError
from gradwork.expr.node import Expr
from gradwork.models.networks.network import NetworkModel
from gradwork.nn import Layer, Scope, Sequential
from gradwork.nn.recurrent import cell as cell_named
from gradwork.words.say import say

Array = NDArray[Any]


class Recurrent(NetworkModel):
    """A recurrent network: one or more recurrent layers, the last state of the last one, then the output.

        hₜ = tanh(xₜW + hₜ₋₁U + b),  t = 1 … T        Z = h_T V + c

    cell:     "rnn", "gru" or "lstm" (see `gradwork.nn`).
    hidden:   the units of each layer.
    truncate: let gradients pass only within blocks of that many steps.

    X: n×T×d, n×T (one number a step), or a list of n arrays Tᵢ×d of unequal lengths: those are filled up at their
    ends, and a filled step leaves the state as it was. Each feature is normalised over all steps by default. The
    other options are those of `NetworkModel`.

    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 6, 1))
    >>> model = Recurrent("rnn", 8, epochs=80, seed=1).fit(X, np.where(X.sum(axis=(1, 2)) > 0, "up", "down"))
    >>> model.score(X, np.where(X.sum(axis=(1, 2)) > 0, "up", "down")) > 0.9
    True
    """

    kind = "recurrent"

    def __init__(
        self,
        cell: str = "rnn",
        hidden: int | Sequence[int] = 64,
        *,
        truncate: int | None = None,
        **options: Any,
    ):
        units = (hidden,) if isinstance(hidden, int) else tuple(hidden)
        if not units:
            raise GradworkError("recurrent network has at least one")
        cell_named(cell)  # a wrong name is said before any data are seen
        options.setdefault("normalise", "channels")
        super().__init__([_stack(cell, units, truncate, False)], **options)
        self.cell, self.hidden, self.truncate = cell, units, truncate
        self.design = {"cell": cell, "hidden": list(units), "truncate": truncate}
        self._unequal = False

    def fit(self, X: Any, y: ArrayLike, **options: Any) -> Recurrent:
        """Learn from sequences X and their labels or numbers y; return this model."""
        self._masked(_is_unequal(X))
        super().fit(X, y, **options)
        return self

    def outputs(self, X: Any) -> Array:
        """Return what the last layer gives for sequences, n×outputs."""
        if self._unequal or not _is_unequal(X):
            return super().outputs(X)
        # Without a mask every length is a batch of its own.
        lengths = np.array([len(np.atleast_1d(x)) for x in X])
        rows = [np.flatnonzero(lengths == T) for T in np.unique(lengths)]
        found = np.concatenate([super(Recurrent, self).outputs([X[i] for i in part]) for part in rows])
        return found[np.argsort(np.concatenate(rows))]

    def _masked(self, unequal: bool) -> None:
        self._unequal = unequal
        self.layers = (_stack(self.cell, self.hidden, self.truncate, unequal),)

    def _build(self, shape: tuple[Any, ...]) -> None:
        super()._build(("T", *shape[1:]))  # it reads sequences of any length
        if self._unequal:
            self.network = replace(self.network, remark=say("last feature"))

    def _samples(self, X: Any) -> Array:
        if not self._unequal:
            array = super()._samples(X)
            array = array[..., None] if array.ndim == 2 else array
            if array.ndim != 3:
                raise ShapeError("sequences are n T d", shape=array.shape)
            if not array.shape[1]:
                raise ShapeError("these sequences have length 0")
            return array
        return super()._samples(padded(X))

    def _scaling(self, X: Array) -> tuple[Array, Array]:
        if not self._unequal:
            return super()._scaling(X)
        present = X[..., -1] > 0
        mean, deviation = super()._scaling(X[..., :-1][present])  # filled steps are no data
        count = X.shape[-1] - 1
        return np.append(np.broadcast_to(mean, count), 0.0), np.append(np.broadcast_to(deviation, count), 1.0)

    def _scaled(self, X: Array) -> Array:
        scaled = super()._scaled(X)
        if self._unequal:
            scaled[..., :-1] *= scaled[..., -1:]
        return scaled


def _is_unequal(X: Any) -> bool:
    return isinstance(X, (list, tuple)) and len({len(np.atleast_1d(x)) for x in X}) > 1


def padded(X: Sequence[ArrayLike]) -> Array:
    """Return sequences of unequal lengths as one array n×T×(d + 1); the last feature is 1 where there is a step.

    >>> padded([[[1.0], [2.0]], [[3.0]]])[:, :, -1].tolist()
    [[1.0, 1.0], [1.0, 0.0]]
    """
    parts = [np.asarray(x, dtype=np.float64) for x in X]
    parts = [p[:, None] if p.ndim == 1 else p for p in parts]
    for k, p in enumerate(parts):
        if p.ndim != 2 or p.shape[1] != parts[0].shape[1]:
            raise ShapeError("sequence has shape", k=k + 1, shape=p.shape, parts_shape=parts[0].shape[-1])
        if not len(p):
            raise ShapeError("sequence has length 0", k=k + 1)
    out = np.zeros((len(parts), max(map(len, parts)), parts[0].shape[1] + 1))
    for row, p in zip(out, parts, strict=True):
        row[: len(p), :-1], row[: len(p), -1] = p, 1.0
    return out


def _stack(kind: str, units: tuple[int, ...], truncate: int | None, masked: bool) -> Layer:
    make = cell_named(kind)

    def build(x: Expr, scope: Scope) -> Expr:
        mask = None
        if masked:
            x, mask = x[:, :, :-1], x[:, :, -1]
        states = [k < len(units) - 1 for k in range(len(units))]
        cells = [make(u, states=s, mask=mask, truncate=truncate) for u, s in zip(units, states, strict=True)]
        return Sequential(*cells).build(x, scope)  # each is a layer of its own

    title = f"{kind.upper()}({', '.join(map(str, units))})"
    return Layer(title, build)
