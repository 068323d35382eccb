"""The parts that optimizers are made of: each turns a direction into another, and may keep arrays as it goes.

The direction u starts as the gradient g of one parameter w; the last part leaves what is subtracted from w.
Everything is an expression, so that an update prints as mathematics and runs on every target.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gradwork.errors import GradworkError
from gradwork.expr.node import CONSTANT, Expr, constant, name
from gradwork.learn.optimizers.schedules import positive
from gradwork.ops.arithmetic import add, divide, power, subtract
from gradwork.ops.contraction import multiply
from gradwork.ops.elementwise import clip, maximum, minimum, sqrt
from gradwork.ops.norms import norm


class Terms:
    """What a part can use: w, g, u, t, eta, the norm of all gradients together, its own numbers and arrays."""

    def __init__(
        self,
        w: Expr,
        g: Expr,
        t: Expr,
        eta: Expr,
        whole_norm: Expr,
        slots: dict[str, Expr],
        numbers: dict[str, Expr],
    ):
        self.w, self.g, self.u, self.t, self.eta, self.whole_norm = w, g, g, t, eta, whole_norm
        self.slots, self.numbers = slots, numbers
        self.updates: dict[str, Expr] = {}

    def __getattr__(self, key: str) -> Expr:
        if key in self.slots:
            return self.slots[key]
        if key in self.numbers:
            return self.numbers[key]
        raise AttributeError(key)

    def update(self, slot: str, value: Expr) -> Expr:
        """Set the new value of a kept array; return it under its name."""
        self.updates[slot] = name(slot, value)
        return self.updates[slot]


@dataclass(frozen=True)
class Part:
    """One part of an optimizer.

    rule:    terms -> the new direction; it may call `terms.update(slot, value)`.
    slots:   the arrays that it keeps, of the parameter's shape, with the number that fills them at the start.
    numbers: its numbers by the letter under which they print.
    text:    how it was made.
    """

    text: str
    rule: Callable[[Terms], Expr]
    slots: dict[str, float] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    memory: bool = False

    def __repr__(self) -> str:
        return self.text


def clip_by_value(clipvalue: float) -> Part:
    """Return the part u ← min(max(u, −c), c)."""
    c = positive(clipvalue, "clipvalue")
    return Part(f"clip_by_value({c:g})", lambda x: clip(x.u, multiply(-1, x.c), x.c), numbers={"c": c})


def clip_by_norm(clipnorm: float) -> Part:
    """Return the part u ← u · c / max(‖u‖, c), for each parameter by itself."""
    c = positive(clipnorm, "clipnorm")
    return Part(
        f"clip_by_norm({c:g})",
        lambda x: multiply(x.u, divide(x.c, maximum(norm(x.u), x.c))),
        numbers={"c": c},
    )


def clip_by_global_norm(global_clipnorm: float, variant: str = "torch") -> Part:
    """Return the part u ← u · min(1, c/‖∇f‖), with the norm over all parameters (PyTorch adds 10⁻⁶ to it)."""
    c = positive(global_clipnorm, "global_clipnorm")

    def rule(x: Terms) -> Expr:
        whole = add(x.whole_norm, 1e-6) if variant == "torch" else maximum(x.whole_norm, 1e-300)
        return multiply(x.u, minimum(divide(x.c, whole), 1))

    return Part(f"clip_by_global_norm({c:g})", rule, numbers={"c": c})


def weight_decay(weight_decay: float, coupled: bool = False) -> Part:
    """Return the part u ← u + λw. Before the other parts it acts as a ridge penalty, after them it is decoupled."""
    decay = positive(weight_decay, "weight_decay", zero=True)
    text = f"weight_decay({decay:g}{', coupled=True' if coupled else ''})"
    return Part(text, lambda x: add(x.u, multiply(x.lambda_, x.w)), numbers={"lambda_": decay})


def trace(momentum: float = 0.9, nesterov: bool = False) -> Part:
    """Return the part v ← μv + u with u ← v, or u ← u + μv for Nesterov's look ahead."""
    mu = _share(momentum, "momentum")

    def rule(x: Terms) -> Expr:
        v = x.update("v", add(multiply(x.mu, x.v), x.u))
        return add(x.u, multiply(x.mu, v)) if nesterov else v

    return Part(
        f"trace({mu:g}{', nesterov=True' if nesterov else ''})", rule, {"v": 0.0}, {"mu": mu}, memory=True
    )


def scale_by_rate() -> Part:
    """Return the part u ← ηu."""
    return Part("scale_by_rate()", lambda x: multiply(x.eta, x.u))


def scale_by_accumulated_squares(
    epsilon: float = 1e-10, initial_accumulator_value: float = 0.0, inside: bool = False
) -> Part:
    """Return Adagrad's part: a ← a + u²,  u ← u/(√a + ε), or u/√(a + ε) if `inside`."""
    start = positive(initial_accumulator_value, "initial_accumulator_value", zero=True)
    eps = positive(epsilon, "epsilon")

    def rule(x: Terms) -> Expr:
        a = x.update("a", add(x.a, power(x.u, 2)))
        return divide(x.u, sqrt(add(a, x.epsilon)) if inside else add(sqrt(a), x.epsilon))

    return Part("scale_by_accumulated_squares()", rule, {"a": start}, {"epsilon": eps})


def scale_by_mean_square(
    rho: float = 0.99, epsilon: float = 1e-8, centered: bool = False, inside: bool = False
) -> Part:
    """Return RMSprop's part: s ← ρs + (1 − ρ)u²,  u ← u/(√s + ε), with s less the mean's square if `centered`."""
    rho, eps = _share(rho, "rho"), positive(epsilon, "epsilon")

    def rule(x: Terms) -> Expr:
        spread = s = x.update("s", _blend(x.rho, x.s, power(x.u, 2)))
        if centered:
            q = x.update("q", _blend(x.rho, x.q, x.u))
            spread = subtract(s, power(q, 2))
        return divide(x.u, sqrt(add(spread, x.epsilon)) if inside else add(sqrt(spread), x.epsilon))

    slots = {"s": 0.0, "q": 0.0} if centered else {"s": 0.0}
    return Part("scale_by_mean_square()", rule, slots, {"rho": rho, "epsilon": eps}, memory=True)


def scale_by_adam(
    beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8, corrected: bool = True
) -> Part:
    """Return Adam's part: m ← β₁m + (1 − β₁)u,  v ← β₂v + (1 − β₂)u²,  u ← m̂/(√v̂ + ε).

    m̂ = m/(1 − β₁ᵗ) and v̂ = v/(1 − β₂ᵗ) undo the bias of starting from zeros. With `corrected=False` (Keras) ε
    joins √v before the correction: u ← √(1 − β₂ᵗ)/(1 − β₁ᵗ) · m/(√v + ε).
    """
    b1, b2 = _share(beta_1, "beta_1"), _share(beta_2, "beta_2")
    eps = positive(epsilon, "epsilon")

    def rule(x: Terms) -> Expr:
        m = x.update("m", _blend(x.beta_1, x.m, x.u))
        v = x.update("v", _blend(x.beta_2, x.v, power(x.u, 2)))
        first = subtract(1, power(x.beta_1, x.t))
        second = subtract(1, power(x.beta_2, x.t))
        if corrected:
            return divide(divide(m, first), add(divide(sqrt(v), sqrt(second)), x.epsilon))
        return multiply(divide(sqrt(second), first), divide(m, add(sqrt(v), x.epsilon)))

    numbers = {"beta_1": b1, "beta_2": b2, "epsilon": eps}
    return Part("scale_by_adam()", rule, {"m": 0.0, "v": 0.0}, numbers, memory=True)


def _blend(share: Expr, old: Expr, new: Expr) -> Expr:
    # share · old + (1 − share) · new, where 1 − 0.9 is 0.09999999999999998, as in every framework: some paths
    # amplify that last digit a million times.
    rest = constant(1.0 - float(share.params[0])) if share.op is CONSTANT else subtract(1, share)
    return add(multiply(share, old), multiply(rest, new))


def _share(value: Any, what: str) -> float:
    number = positive(value, what, zero=True)
    if number >= 1:
        raise GradworkError("not below 1", what=what, value=value)
    return number
