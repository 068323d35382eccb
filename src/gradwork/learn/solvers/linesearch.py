"""How far to go along a direction: strong Wolfe conditions, and plain backtracking.

    f(x + αp) ≤ f(x) + c₁ α ∇fᵀp                  enough is won            (Armijo)
    |∇f(x + αp)ᵀp| ≤ c₂ |∇fᵀp|                    the slope has flattened  (curvature)

Near a minimum the change of f drowns in rounding while slopes are still exact, so the first condition has a
second form that asks only for slopes, used where f no longer resolves the difference.

Sources: Nocedal, Wright, *Numerical Optimization*, algorithms 3.5 and 3.6; the second form is the approximate
Wolfe condition of Hager, Zhang, SIAM J. Optim. 16 (2005), (4.1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gradwork.learn.interrupt import asked

# α -> (f, slope, whatever belongs to the point)
Phi = Callable[[float], tuple[float, float, Any]]


@dataclass(frozen=True)
class Point:
    """A trial: how far, the loss there, the slope along the direction, and what was computed with it."""

    step: float
    loss: float
    slope: float
    extra: Any = None


def strong_wolfe(
    phi: Phi,
    loss: float,
    slope: float,
    first: float = 1.0,
    c1: float = 1e-4,
    c2: float = 0.9,
    tries: int = 40,
) -> Point | None:
    """Return a point that meets the conditions, or None if the direction yields none.

    `loss` and `slope` are those at α = 0; the slope must be negative. Points outside the domain of f (not
    finite) count as infinitely high, so that the search turns back from them. If the tries run out, the best
    point that lowers f is returned.

    >>> found = strong_wolfe(lambda a: ((a - 3) ** 2, 2 * (a - 3), None), 9.0, -6.0)
    >>> abs(found.slope) <= 0.9 * 6
    True
    """
    floor = 4e-16 * abs(loss)  # below this, differences of f are rounding

    def enough(p: Point) -> bool:
        if p.loss <= loss + c1 * p.step * slope:
            return True
        # Only where the decrease that is asked for is itself rounding.
        lost = -c1 * p.step * slope <= 8 * floor
        return lost and p.loss <= loss + 8 * floor and p.slope <= (2 * c1 - 1) * slope

    def flat(p: Point) -> bool:
        return abs(p.slope) <= -c2 * slope

    before, step, best = Point(0.0, loss, slope), first, None
    for i in range(tries):
        if asked():
            break
        now = _at(phi, step)
        if not math.isfinite(now.loss):
            step = (before.step + step) / 2 if before.step else step / 4
            continue
        if now.loss < (best.loss if best else loss):
            best = now
        if not enough(now) or (i and before.step and now.loss >= before.loss + 8 * floor):
            return _zoom(phi, before, now, enough, flat, tries - i) or best
        if flat(now):
            return now
        if now.slope >= 0:
            return _zoom(phi, now, before, enough, flat, tries - i) or best
        before, step = now, 2.5 * step if now.slope < 0.5 * slope else 2 * step
    return best


def _at(phi: Phi, step: float) -> Point:
    loss, slope, extra = phi(step)
    return Point(step, loss, slope, extra)


def _zoom(phi: Phi, low: Point, high: Point, enough: Callable, flat: Callable, tries: int) -> Point | None:
    # `low` meets the first condition (or is the start) and its slope points to `high`.
    best = low if low.step else None
    for _ in range(max(tries, 12)):
        if asked():
            break
        width = high.step - low.step
        if abs(width) <= 1e-15 * max(abs(low.step), abs(high.step)):
            break
        step = _cubic(low, high)
        if not abs(step - low.step) >= 0.1 * abs(width) or not abs(step - high.step) >= 0.1 * abs(width):
            step = low.step + width / 2
        now = _at(phi, step)
        if not math.isfinite(now.loss):
            high = Point(step, math.inf, math.nan)
        elif not enough(now) or now.loss > low.loss + 4e-15 * abs(low.loss):
            high = now
        else:
            best = now
            if flat(now):
                return now
            if now.slope * width >= 0:
                high = low
            low = now
    return best


def _cubic(a: Point, b: Point) -> float:
    # The minimum of the cubic through values and slopes (Nocedal and Wright, 3.59); nan where there is none.
    if not (math.isfinite(b.loss) and math.isfinite(b.slope)) or a.step == b.step:
        return math.nan
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.step - b.step)
    inside = d1 * d1 - a.slope * b.slope
    if inside < 0:
        return math.nan
    d2 = math.copysign(math.sqrt(inside), b.step - a.step)
    bottom = b.slope - a.slope + 2 * d2
    return b.step - (b.step - a.step) * (b.slope + d2 - d1) / bottom if bottom else math.nan


def backtrack(
    phi: Callable[[float], float],
    loss: float,
    slope: float,
    first: float = 1.0,
    c1: float = 1e-4,
    tries: int = 60,
) -> tuple[float, float] | None:
    """Return the first of first, first/2, first/4, … that wins enough, with the loss there; None if none does.

    >>> backtrack(lambda a: (a - 1) ** 2, 1.0, -2.0, first=8.0)
    (1.0, 0.0)
    """
    step = first
    for _ in range(tries):
        if asked():
            break
        value = phi(step)
        if math.isfinite(value) and value < loss and value <= loss + c1 * step * slope:
            return step, value
        if -step * slope <= 1e-17 * abs(loss):
            return None
        step /= 2
    return None
