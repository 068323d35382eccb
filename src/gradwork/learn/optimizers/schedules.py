"""Learning-rate schedules: expressions in the number of steps taken.

    constant      η
    step          η · factor^⌊s/every⌋
    exponential   η · decay_rate^(s/decay_steps)
    cosine        η (α + (1 − α)(1 + cos(π min(s, S)/S))/2)
    warm-up       η (s + 1)/k for the first k steps, then another schedule from its beginning

`s` counts from 0: it is 0 for the first step. A schedule with `unit="epoch"` counts epochs instead.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.errors import GradworkError
from gradwork.expr.dims import Dim
from gradwork.expr.node import Expr, constant, scalar, vector
from gradwork.ops.arithmetic import add, divide, power
from gradwork.ops.contraction import broadcast, multiply
from gradwork.ops.elementwise import cos, floor, less, minimum, pi, where
from gradwork.words.notes import near

UNITS = ("step", "epoch")


@dataclass(frozen=True)
class Schedule:
    """A learning rate that depends on the step.

    rate: the number of steps (or epochs) taken, as an expression -> the learning rate, as an expression.
    text: how it was made, which also makes it again.
    """

    text: str
    initial: float
    rate: Callable[[Expr], Expr]
    unit: str = "step"

    def expression(self) -> Expr:
        """Return the learning rate as an expression in s."""
        return self.rate(scalar("s"))

    def latex(self) -> str:
        """Return the learning rate as LaTeX."""
        return rf"\eta_s = {self.expression().latex()}"

    def values(self, taken: Any, steps_per_epoch: int = 1) -> NDArray[np.float64]:
        """Return the learning rates after `taken` steps (an array of counts).

        >>> step(0.1, every=2, factor=0.5).values([0, 1, 2, 3, 4]).tolist()
        [0.1, 0.1, 0.05, 0.05, 0.025]
        """
        counts = np.asarray(taken, dtype=np.float64)
        if self.unit == "epoch":
            counts = np.floor(counts / steps_per_epoch)
        flat = np.atleast_1d(counts)
        from gradwork.run import function

        # The expression that runs in the loop, over all counts at once.
        program = function(broadcast(self.rate(vector("s", "m")), (Dim.of("m"),)))
        found = program(s=flat, m=flat.size) if program.symbols else program(m=flat.size)
        return np.asarray(found, np.float64).reshape(counts.shape)

    def per(self, unit: str) -> Schedule:
        """Return the same schedule counted in steps or in epochs."""
        if unit not in UNITS:
            raise GradworkError("schedule counts steps or epochs", unit=unit)
        return replace(self, unit=unit)

    def __repr__(self) -> str:
        return self.text + (f".per({self.unit!r})" if self.unit != "step" else "")


def positive(value: Any, what: str, zero: bool = False) -> float:
    """Return a number that must be positive (or 0); raise GradworkError otherwise."""
    fits = isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and np.isfinite(value)
    if not fits or value < 0 or (value == 0 and not zero):
        raise GradworkError(
            "number out of range", what=what, from_zero_above="from" if zero else "above", value=value
        )
    return float(value)


def constant_rate(learning_rate: float) -> Schedule:
    """Return the learning rate that never changes."""
    rate = positive(learning_rate, "learning_rate")
    return Schedule(f"constant_rate({rate:g})", rate, lambda s: constant(rate))


def step(learning_rate: float, every: int, factor: float = 0.1) -> Schedule:
    """Return η · factor^⌊s/every⌋: the rate is multiplied by `factor` every so many steps (PyTorch's StepLR)."""
    rate, factor = positive(learning_rate, "learning_rate"), positive(factor, "factor")
    every = int(positive(every, "every"))
    return Schedule(
        f"step({rate:g}, every={every}, factor={factor:g})",
        rate,
        lambda s: multiply(rate, power(constant(factor), floor(divide(s, every)))),
    )


def exponential(
    learning_rate: float, decay_steps: int = 1, decay_rate: float = 0.96, staircase: bool = False
) -> Schedule:
    """Return η · decay_rate^(s/decay_steps), with the exponent rounded down if `staircase`."""
    rate, decay = positive(learning_rate, "learning_rate"), positive(decay_rate, "decay_rate")
    steps = int(positive(decay_steps, "decay_steps"))

    def at(s: Expr) -> Expr:
        exponent = divide(s, steps)
        return multiply(rate, power(constant(decay), floor(exponent) if staircase else exponent))

    text = f"exponential({rate:g}, decay_steps={steps}, decay_rate={decay:g}{', staircase=True' if staircase else ''})"
    return Schedule(text, rate, at)


def cosine(learning_rate: float, decay_steps: int, alpha: float = 0.0) -> Schedule:
    """Return the rate that falls along half a cosine to α η after `decay_steps` steps, and stays there."""
    rate, alpha = positive(learning_rate, "learning_rate"), positive(alpha, "alpha", zero=True)
    steps = int(positive(decay_steps, "decay_steps"))

    def at(s: Expr) -> Expr:
        half = divide(add(1, cos(multiply(pi, divide(minimum(s, steps), steps)))), 2)
        return multiply(rate, add(alpha, multiply(1 - alpha, half)) if alpha else half)

    return Schedule(f"cosine({rate:g}, decay_steps={steps}{f', alpha={alpha:g}' if alpha else ''})", rate, at)


def warmup(schedule: Schedule | float, steps: int) -> Schedule:
    """Return a schedule that rises in a straight line to its first rate over so many steps, then follows it."""
    inner = as_schedule(schedule)
    count = int(positive(steps, "steps"))

    def at(s: Expr) -> Expr:
        rising = multiply(inner.rate(constant(0)), divide(add(s, 1), count))
        return where(less(s, count), rising, inner.rate(add(s, -count)))

    return Schedule(f"warmup({inner.text}, steps={count})", inner.initial / count, at, inner.unit)


def as_schedule(rate: Any) -> Schedule:
    """Return a schedule for a number or a schedule; raise GradworkError for anything else."""
    return rate if isinstance(rate, Schedule) else constant_rate(rate)


def read_schedule(text: Any) -> Schedule:
    """Return a schedule for its text: a name, a colon, and its numbers, in their order or by name.

    >>> read_schedule("cosine:0.1,decay_steps=50")
    cosine(0.1, decay_steps=50)
    >>> read_schedule("step:0.1,20,factor=0.5")
    step(0.1, every=20, factor=0.5)
    """
    if isinstance(text, Schedule):
        return text
    name, _, rest = str(text).partition(":")
    if name.strip() not in SCHEDULES:
        raise GradworkError("no schedule", given=name, known=list(SCHEDULES), nearest=near(name, SCHEDULES))
    make = SCHEDULES[name.strip()]
    plain: list[float] = []
    named: dict[str, float] = {}
    try:
        for part in filter(None, (p.strip() for p in rest.split(","))):
            key, equals, value = part.rpartition("=")
            named.update({key.strip(): float(value)}) if equals else plain.append(float(value))
        inspect.signature(make).bind(*plain, **named)
    except (TypeError, ValueError) as error:
        known = ", ".join(inspect.signature(make).parameters)
        raise GradworkError("schedule numbers", name=name, known=known, given=str(text)) from error
    return make(*plain, **named)


def is_constant_rate(schedule: Schedule) -> bool:
    """Tell whether a schedule never changes."""
    return not schedule.expression().symbols


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": constant_rate,
    "step": step,
    "exponential": exponential,
    "cosine": cosine,
    "warmup": warmup,
}
