"""Line searches meet their conditions on hard functions (Moré and Thuente's), and turn back from the undefined."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from gradwork.learn.solvers.linesearch import backtrack, strong_wolfe

FUNCTIONS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    # Moré and Thuente (1994), functions (5.1) and (5.2)
    "mt1": (lambda a: -a / (a * a + 2), lambda a: (a * a - 2) / (a * a + 2) ** 2),
    "mt2": (
        lambda a: (a + 0.004) ** 5 - 2 * (a + 0.004) ** 4,
        lambda a: 5 * (a + 0.004) ** 4 - 8 * (a + 0.004) ** 3,
    ),
    "quadratic": (lambda a: (a - 3) ** 2, lambda a: 2 * (a - 3)),
    "steep": (lambda a: math.exp(-50 * a) + a, lambda a: -50 * math.exp(-50 * a) + 1),
    "barrier": (
        lambda a: -math.log(1 - a) - 3 * a if a < 1 else math.nan,
        lambda a: 1 / (1 - a) - 3 if a < 1 else math.nan,
    ),
}


@pytest.mark.parametrize("first", [1e-3, 0.1, 1.0, 10.0, 1000.0])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_strong_wolfe(name: str, first: float) -> None:
    f, slope = FUNCTIONS[name]
    found = strong_wolfe(lambda a: (f(a), slope(a), None), f(0), slope(0), first)
    assert found is not None
    assert found.loss <= f(0) + 1e-4 * found.step * slope(0)
    assert abs(found.slope) <= 0.9 * abs(slope(0))


def test_at_the_floor_slopes_decide() -> None:
    # The change of f, 1e-18, is lost beside 1: only the slopes show the minimum.
    f = lambda a: (1 + 1e-18 * (a - 1) ** 2, 2e-18 * (a - 1), None)
    found = strong_wolfe(f, 1.0, -2e-18, 1.0)
    assert found is not None
    assert found.step == pytest.approx(1.0)


def test_backtracking_gives_up_where_nothing_is_won() -> None:
    assert backtrack(lambda a: 1 + a, 1.0, -1.0) is None
    assert backtrack(lambda a: math.nan if a > 0.3 else (a - 1) ** 2, 1.0, -2.0) == (0.25, 0.5625)
