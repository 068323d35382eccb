"""Recurrent layers: a state that is carried along the steps of a sequence. X: n×T×d.

Each gives its last state, n×u, or with `states=True` all of them, n×T×u.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradwork.errors import GradworkError, ShapeError
from gradwork.expr.dims import Dim, shape_text
from gradwork.expr.node import Expr, name, zeros
from gradwork.nn.layers import _count, _title, chosen
from gradwork.nn.scope import Layer, Scope, described
from gradwork.ops import FUNCTIONS as f
from gradwork.ops.sequence import scan

Step = Callable[..., Any]


def _recurrent(
    title: str,
    units: int,
    carries: tuple[str, ...],
    declare: Callable[[Dim, Scope], Step],
    states: bool,
    mask: Any,
    truncate: int | None,
    reverse: bool,
) -> Layer:
    def build(x: Expr, scope: Scope) -> Expr:
        if x.ndim != 3:
            raise ShapeError("it takes batch of sequences n")
        step = declare(x.shape[2], scope)
        start = tuple(zeros((x.shape[0], units)) for _ in carries)
        present = None if mask is None else _steps_first(mask, x)
        found = scan(
            step,
            start,
            f["transpose"](x, (1, 0, 2)),
            mask=present,
            truncate=truncate,
            reverse=reverse,
            names=(*carries, "x"),
        )
        return f["transpose"](found.states[0], (1, 0, 2)) if states else found.last[0]

    options = [("states", states), ("reverse", reverse)]
    more = [k for k, given in options if given] + ([f"truncate={truncate}"] if truncate is not None else [])
    return Layer(_title(title, units, *more), build)


def _steps_first(mask: Any, x: Expr) -> Expr:
    if not isinstance(mask, Expr) or mask.shape != x.shape[:2]:
        given = shape_text(mask.shape) if isinstance(mask, Expr) else repr(mask)
        raise ShapeError("its mask is expression of shape", shape=x.shape[:2], given=given)
    return mask.T


@described
def SimpleRNN(
    units: int,
    activation: Any = "tanh",
    *,
    states: bool = False,
    mask: Any = None,
    truncate: int | None = None,
    reverse: bool = False,
) -> Layer:
    """Return the layer hₜ = φ(xₜW + hₜ₋₁U + b), h₀ = 0. X: n×T×d, W: d×u, U: u×u, b: u; Elman (1990).

    states:   return all states, n×T×u, instead of the last.
    mask:     an expression of n×T; where it is 0 the state stays as it was (padding).
    truncate: let the adjoint pass only within blocks of that many steps.
    reverse:  read the sequence from its end.

    >>> from gradwork.nn import network
    >>> print(network([SimpleRNN(4)], ("T", 3)).summary())
    layer         output  parameters
    input         n×T×3
    SimpleRNN(4)  n×4             32  W₁: 3×4, U₁: 4×4, b₁: 4
    32 parameters
    """
    label, phi = chosen(activation)
    units = _count(units, "the number of units")

    def declare(d: Dim, scope: Scope) -> Step:
        W, U = scope.parameter("W", (d, units)), scope.parameter("U", (units, units), "orthogonal")
        b = scope.parameter("b", (units,), "zeros")
        return lambda h, x: phi(x @ W + h @ U + b)

    title = "SimpleRNN" if label == "tanh" else f"SimpleRNN[{label}]"
    return _recurrent(title, units, ("h",), declare, states, mask, truncate, reverse)


@described
def GRU(
    units: int, *, states: bool = False, mask: Any = None, truncate: int | None = None, reverse: bool = False
) -> Layer:
    """Return the gated recurrent unit of Cho et al. (2014), in the variant of PyTorch and cuDNN.

        rₜ = σ(xₜWᵣ + hₜ₋₁Uᵣ + bᵣ)     zₜ = σ(xₜW_z + hₜ₋₁U_z + b_z)
        mₜ = tanh(xₜWₘ + bₘ + rₜ ∘ (hₜ₋₁Uₘ + c))         the reset gate acts after the product
        hₜ = (1 − zₜ) ∘ mₜ + zₜ ∘ hₜ₋₁

    W: d×3u, U: u×3u, b: 3u hold the parts for r, z and m in this order, c: u; h₀ = 0. Options as for `SimpleRNN`.
    """
    units = _count(units, "the number of units")

    def declare(d: Dim, scope: Scope) -> Step:
        W, U = scope.parameter("W", (d, 3 * units)), scope.parameter("U", (units, 3 * units), "orthogonal")
        b, c = scope.parameter("b", (3 * units,), "zeros"), scope.parameter("c", (units,), "zeros")

        def step(h: Expr, x: Expr) -> Expr:
            A, B = name("A", x @ W + b), name("B", h @ U)
            r = name("r", f["sigmoid"](A[:, :units] + B[:, :units]))
            z = name("z", f["sigmoid"](A[:, units : 2 * units] + B[:, units : 2 * units]))
            m = name("m", f["tanh"](A[:, 2 * units :] + r * (B[:, 2 * units :] + c)))
            return (1 - z) * m + z * h

        return step

    return _recurrent("GRU", units, ("h",), declare, states, mask, truncate, reverse)


@described
def LSTM(
    units: int, *, states: bool = False, mask: Any = None, truncate: int | None = None, reverse: bool = False
) -> Layer:
    """Return the long short-term memory of Hochreiter and Schmidhuber (1997), with a forget gate (Gers, 2000).

        Aₜ = xₜW + hₜ₋₁U + b, in four parts: iₜ = σ(Aᵢ), fₜ = σ(A_f), gₜ = tanh(A_g), oₜ = σ(Aₒ)
        cₜ = fₜ ∘ cₜ₋₁ + iₜ ∘ gₜ        hₜ = oₜ ∘ tanh(cₜ)

    W: d×4u, U: u×4u, b: 4u hold the parts in the order i, f, g, o, as in PyTorch; h₀ = c₀ = 0. The forget gate's
    bias starts at 1 (Jozefowicz et al., 2015). Options as for `SimpleRNN`.
    """
    units = _count(units, "the number of units")

    def remember(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return np.repeat([0.0, 1.0, 0.0, 0.0], units)

    def declare(d: Dim, scope: Scope) -> Step:
        W, U = scope.parameter("W", (d, 4 * units)), scope.parameter("U", (units, 4 * units), "orthogonal")
        b = scope.parameter("b", (4 * units,), remember)

        def step(h: Expr, c: Expr, x: Expr) -> tuple[Expr, Expr]:
            A = name("A", x @ W + h @ U + b)
            i, forget, g, o = (
                name(letter, f[function](A[:, k * units : (k + 1) * units]))
                for k, (letter, function) in enumerate(
                    (("i", "sigmoid"), ("f", "sigmoid"), ("g", "tanh"), ("o", "sigmoid"))
                )
            )
            c = forget * c + i * g
            return o * name("s", f["tanh"](c)), c

        return step

    return _recurrent("LSTM", units, ("h", "c"), declare, states, mask, truncate, reverse)


CELLS: dict[str, Callable[..., Layer]] = {"rnn": SimpleRNN, "gru": GRU, "lstm": LSTM}


def cell(kind: str) -> Callable[..., Layer]:
    """Return the layer called "rnn", "gru" or "lstm"."""
    if kind not in CELLS:
        raise GradworkError("cell is one", cells=CELLS, kind=kind)
    return CELLS[kind]
