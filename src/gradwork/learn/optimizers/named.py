"""Optimizers: each a named chain of parts, with its update as expressions.

    w ← w − η · direction(∇f, what was kept from earlier steps)

`variant="torch"` (the default) gives PyTorch's updates and default numbers, `variant="keras"` those of Keras; they
differ in where ε stands and in what multiplies the rate. Names of arguments follow Keras.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from gradwork.errors import GradworkError
from gradwork.expr.node import Expr
from gradwork.learn.optimizers import parts as p
from gradwork.learn.optimizers.parts import Part, Terms
from gradwork.learn.optimizers.schedules import Schedule, as_schedule, positive
from gradwork.learn.optimizers.update import Optimizer, Update

VARIANTS = ("torch", "keras")


def chain(
    *parts: Part, learning_rate: float | Schedule = 0.01, name: str = "chain", **about: Any
) -> Optimizer:
    """Return an optimizer of one's own from parts; `scale_by_rate()` is added at the end if none is among them.

    >>> from gradwork.learn.optimizers.parts import clip_by_value, trace
    >>> print(chain(clip_by_value(1.0), trace(0.9), learning_rate=0.1, name="mine").text())
    v ← μv + min(max(g, −c), c)
    w ← w − ηv
    """
    for part in parts:
        if not isinstance(part, Part):
            raise GradworkError("optimizer is chain of parts", part=part)
    if not any(part.text == "scale_by_rate()" for part in parts):
        parts = (*parts, p.scale_by_rate())
    return Optimizer(name, tuple(parts), as_schedule(learning_rate), **about)


def _variant(variant: str) -> bool:
    if variant not in VARIANTS:
        raise GradworkError("variant is torch or keras", variant=variant)
    return variant == "keras"


@dataclass(frozen=True)
class _Common:
    """The arguments that every optimizer takes."""

    clipnorm: float | None = None
    clipvalue: float | None = None
    global_clipnorm: float | None = None
    weight_decay: float | None = None


def _assemble(
    key: str,
    core: list[Part],
    rate: float | Schedule,
    keras: bool,
    common: dict[str, Any],
    decoupled: bool = False,
) -> Optimizer:
    unknown = set(common) - set(_Common.__dataclass_fields__)
    if unknown:
        known = ", ".join(_Common.__dataclass_fields__)
        raise GradworkError("unknown argument of optimizer", key=key, unknown=sorted(unknown)[0], known=known)
    c = _Common(**common)
    if sum(x is not None for x in (c.clipnorm, c.clipvalue, c.global_clipnorm)) > 1:
        raise GradworkError("clipnorm clipvalue and global clipnorm exclude")
    variant = "keras" if keras else "torch"
    before, after = [], []
    if c.clipnorm is not None:
        before.append(p.clip_by_norm(c.clipnorm))
    if c.clipvalue is not None:
        before.append(p.clip_by_value(c.clipvalue))
    if c.global_clipnorm is not None:
        before.append(p.clip_by_global_norm(c.global_clipnorm, variant))
    if c.weight_decay:
        # PyTorch adds λw to the gradient, except in AdamW; Keras shrinks w by ηλ beside the step.
        (after if keras or decoupled else before).append(
            p.weight_decay(c.weight_decay, coupled=not (keras or decoupled))
        )
    rate_at = next((i for i, part in enumerate(core) if part.text == "scale_by_rate()"), None)
    if rate_at is None:
        chosen = [*before, *core, *after, p.scale_by_rate()]
    else:
        # The rate is inside what is kept (Keras): the decay is scaled by itself.
        chosen = [*before, *core, *([_scaled_decay(after[0])] if after else [])]
    schedule = as_schedule(rate)
    about = ABOUT[key]
    return Optimizer(key, tuple(chosen), schedule, variant, about[0], about[1])


def _scaled_decay(decay: Part) -> Part:
    def rule(x: Terms) -> Expr:
        return x.u + x.eta * x.lambda_ * x.w

    return replace(decay, rule=rule)


def SGD(
    learning_rate: float | Schedule = 0.01,
    momentum: float = 0.0,
    nesterov: bool = False,
    variant: str = "torch",
    **common: Any,
) -> Optimizer:
    """Return (stochastic) gradient descent: w ← w − ηg.

    With momentum v ← μv + g, w ← w − ηv; with Nesterov's w ← w − η(g + μv). Keras keeps the rate inside the
    velocity, which differs where the rate changes. Source: PyTorch `torch.optim.SGD` (dampening 0).
    """
    keras = _variant(variant)
    if nesterov and not momentum:
        raise GradworkError("nesterov needs momentum above 0")
    core: list[Part] = []
    if momentum:
        core = [p.scale_by_rate()] if keras else []
        core.append(p.trace(momentum, nesterov))
    key = "SGD" if not momentum else "Nesterov" if nesterov else "Momentum"
    return _assemble(key, core, learning_rate, keras, common)


def Momentum(
    learning_rate: float | Schedule = 0.01, momentum: float = 0.9, variant: str = "torch", **common: Any
) -> Optimizer:
    """Return gradient descent with momentum (Polyak's heavy ball): v ← μv + g, w ← w − ηv."""
    return SGD(learning_rate, momentum, False, variant, **common)


def Nesterov(
    learning_rate: float | Schedule = 0.01, momentum: float = 0.9, variant: str = "torch", **common: Any
) -> Optimizer:
    """Return Nesterov's accelerated gradient, as deep learning writes it: v ← μv + g, w ← w − η(g + μv)."""
    return SGD(learning_rate, momentum, True, variant, **common)


def Adagrad(
    learning_rate: float | Schedule | None = None,
    initial_accumulator_value: float | None = None,
    epsilon: float | None = None,
    variant: str = "torch",
    **common: Any,
) -> Optimizer:
    """Return Adagrad (Duchi, Hazan, Singer 2011): a ← a + g², w ← w − ηg/(√a + ε).

    Defaults: PyTorch η = 0.01, a₀ = 0, ε = 10⁻¹⁰; Keras η = 0.001, a₀ = 0.1, ε = 10⁻⁷ under the root.
    """
    keras = _variant(variant)
    start = _default(initial_accumulator_value, 0.1 if keras else 0.0)
    eps = _default(epsilon, 1e-7 if keras else 1e-10)
    core = [p.scale_by_accumulated_squares(eps, start, inside=keras)]
    return _assemble("Adagrad", core, _default(learning_rate, 0.001 if keras else 0.01), keras, common)


def RMSprop(
    learning_rate: float | Schedule | None = None,
    rho: float | None = None,
    momentum: float = 0.0,
    epsilon: float | None = None,
    centered: bool = False,
    variant: str = "torch",
    **common: Any,
) -> Optimizer:
    """Return RMSprop (Hinton 2012): s ← ρs + (1 − ρ)g², w ← w − ηg/(√s + ε).

    Defaults: PyTorch η = 0.01, ρ = 0.99, ε = 10⁻⁸; Keras η = 0.001, ρ = 0.9, ε = 10⁻⁷ under the root.
    """
    keras = _variant(variant)
    core = [
        p.scale_by_mean_square(
            _default(rho, 0.9 if keras else 0.99),
            _default(epsilon, 1e-7 if keras else 1e-8),
            centered,
            inside=keras,
        )
    ]
    if momentum:
        core += ([p.scale_by_rate()] if keras else []) + [p.trace(momentum)]
    return _assemble("RMSprop", core, _default(learning_rate, 0.001 if keras else 0.01), keras, common)


def Adam(
    learning_rate: float | Schedule = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float | None = None,
    variant: str = "torch",
    **common: Any,
) -> Optimizer:
    """Return Adam (Kingma, Ba 2015): a running mean of the gradient over the root of one of its square.

    Default ε: PyTorch 10⁻⁸ beside √v̂, Keras 10⁻⁷ beside √v.
    """
    keras = _variant(variant)
    core = [p.scale_by_adam(beta_1, beta_2, _default(epsilon, 1e-7 if keras else 1e-8), corrected=not keras)]
    return _assemble("Adam", core, learning_rate, keras, common)


def AdamW(
    learning_rate: float | Schedule = 0.001,
    weight_decay: float | None = None,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float | None = None,
    variant: str = "torch",
    **common: Any,
) -> Optimizer:
    """Return AdamW (Loshchilov, Hutter 2019): Adam, with w shrunk by ηλ beside the step.

    Default λ: PyTorch 0.01, Keras 0.004.
    """
    keras = _variant(variant)
    decay = positive(_default(weight_decay, 0.004 if keras else 0.01), "weight_decay", zero=True)
    core = [p.scale_by_adam(beta_1, beta_2, _default(epsilon, 1e-7 if keras else 1e-8), corrected=not keras)]
    return _assemble("AdamW", core, learning_rate, keras, {**common, "weight_decay": decay}, decoupled=True)


def _default(value: Any, otherwise: Any) -> Any:
    return otherwise if value is None else value


# name -> (what it does, when to use it)
ABOUT: dict[str, tuple[str, str]] = {
    "SGD": (
        "a step against the gradient",
        "few parameters and scaled columns, or as the plain yardstick; needs a rate below 2/L",
    ),
    "Momentum": (
        "a running sum of gradients, so that steps along a valley add up",
        "badly conditioned problems, networks with a tuned rate",
    ),
    "Nesterov": ("momentum that looks one step ahead", "like Momentum, and often a little faster"),
    "Adagrad": (
        "each component has a rate that shrinks with all its gradients so far",
        "sparse features of very different frequency; slow in long runs",
    ),
    "RMSprop": (
        "each component is divided by the root mean square of its recent gradients",
        "recurrent networks, objectives that change over time",
    ),
    "Adam": (
        "momentum, with each component divided by the root mean square of its recent gradients",
        "networks and formulas of one's own, when little is known: works with its default rate",
    ),
    "AdamW": (
        "Adam, with weights that shrink beside the step",
        "networks that overfit; where Adam would take a ridge penalty",
    ),
}

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "adagrad": Adagrad,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
}


def as_optimizer(given: Any, **options: Any) -> Optimizer:
    """Return an optimizer for its name (with options) or itself.

    >>> as_optimizer("adam", learning_rate=0.01).learning_rate.initial
    0.01
    """
    if isinstance(given, Optimizer):
        if options:
            raise GradworkError("options belong to optimizer's name")
        return given
    if callable(given):
        raise GradworkError("optimizer is made by call")
    key = str(given).lower()
    if key not in OPTIMIZERS:
        import difflib

        near = difflib.get_close_matches(key, OPTIMIZERS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(OPTIMIZERS)}"
        raise GradworkError("there is no optimizer", given=given, hint=hint)
    return OPTIMIZERS[key](**options)


__all__ = [
    "ABOUT",
    "OPTIMIZERS",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Momentum",
    "Nesterov",
    "Optimizer",
    "RMSprop",
    "Update",
    "as_optimizer",
    "chain",
]
