"""What a formula given as text is taken to mean by the values that come with it."""

import numpy as np
import pytest

import gradwork as gw

x = np.linspace(-1, 1, 40)
y = 1 + 2 * x + 0.1 * np.sin(40 * x)


@pytest.mark.parametrize("start", [0, 0.0, np.float64(0), np.array(0.0)])
def test_a_number_as_start_is_a_number_and_not_one_for_each_row(start):
    fit = gw.minimize("mean((y - a - b*x)^2)", {"a": start, "b": start}, {"x": x, "y": y})
    slope, level = np.polyfit(x, y, 1)
    assert np.shape(fit["a"]) == np.shape(fit["b"]) == ()
    assert float(fit["a"]) == pytest.approx(level, abs=1e-10)
    assert float(fit["b"]) == pytest.approx(slope, abs=1e-10)


def test_a_number_fills_what_the_formula_needs_as_a_vector():
    X = np.column_stack([x, x**2])
    fit = gw.minimize("mean((y - X@b - c)^2) + 0*sum(b^2)", {"b": 0.0, "c": 0.0}, {"X": X, "y": y})
    assert np.shape(fit["b"]) == (2,) and np.shape(fit["c"]) == ()


def test_a_number_among_the_data_is_a_number():
    fit = gw.minimize("mean((y - m)^2) + lam*m^2", {"m": 0.0}, {"y": y, "lam": 1.0})
    assert float(fit["m"]) == pytest.approx(y.mean() / 2, abs=1e-10)
