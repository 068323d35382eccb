"""What is said of a fit is said of the parameters it reports, not of those at the minimum."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradwork as gw
from gradwork.report.describe import describe
from gradwork.report.page import render_page

RNG = np.random.default_rng(5)
N = 60
x = RNG.normal(size=N)
g = np.array(list("abc"))[np.arange(N) % 3]
y = 1 + x + x**2 + (g == "b") + RNG.normal(size=N)
TABLE: dict[str, Any] = {"x": x, "g": g, "y": y}
HOURS = {"hours": [1.0, 2, 3], "points": [2.0, 4, 6]}
CUT = {"solver": "gd", "learning_rate": 0.01, "epochs": 40, "scale": False}


@pytest.mark.parametrize("options", [CUT, {"optimizer": "adam", "learning_rate": 0.1, "epochs": 3}])
@pytest.mark.parametrize("model", ["linear", "poly:2", "ridge:0.1"])
def test_measures_are_of_the_run(model: str, options: dict[str, Any]) -> None:
    found = gw.fit(TABLE, "y", model, **options)
    u = y - found.predict(TABLE)
    m = found.metrics
    assert not found.fit.converged
    assert m.rmse == pytest.approx(np.sqrt((u**2).mean()), rel=1e-10)
    assert m.r2 == pytest.approx(1 - (u @ u) / ((y - y.mean()) ** 2).sum(), rel=1e-9)
    assert m.sigma >= m.rmse and found.sigma == pytest.approx(m.sigma, rel=1e-9)
    if model != "ridge:0.1":
        assert m.sigma == pytest.approx(np.sqrt(u @ u / m.df_residual), rel=1e-9)
    assert np.isnan(found.inference.std_error).all() and "are not tested" in found.summary().replace(
        "\n  ", " "
    )


@pytest.mark.parametrize("solver", ["newton", "lbfgs", "lm", "gd"])
def test_every_solver_has_the_errors_of_its_own_residuals(solver: str) -> None:
    one, other = gw.fit(TABLE, "y", solver=solver), gw.fit(TABLE, "y")
    assert one.inference.std_error == pytest.approx(other.inference.std_error, rel=1e-6)
    assert one.metrics.sigma == pytest.approx(other.metrics.sigma, rel=1e-7)


def test_a_run_on_the_way_to_an_exact_fit_is_not_exact_yet() -> None:
    found = gw.fit(HOURS, "points", solver="gd", learning_rate=0.01, scale=False)
    text = found.summary()
    assert found.metrics.sigma > found.metrics.rmse > 0.001
    assert "exact fit" not in text and "one degree of freedom" not in text and "had not converged" in text


def test_an_exact_fit_has_no_rounding_for_an_estimate() -> None:
    found = gw.fit(HOURS, "points")
    assert found.beta.tolist() == pytest.approx([0.0, 2.0], rel=1e-14) and found.beta[0] == 0
    assert "exact fit" in found.summary() and np.isnan(found.inference.std_error).all()
    formula = gw.fit(HOURS, formula="mean((W*hours - points)^2)", params="W=0")
    assert "exact fit" in formula.summary() and np.isnan(formula.inference.std_error).all()


def test_one_degree_of_freedom_is_said_where_there_are_intervals() -> None:
    text = gw.fit({"a": [1.0, 2, 4], "y": [1.0, 3, 4]}, "y").summary()
    assert "one degree of freedom is left" in text


@pytest.mark.parametrize("model", ["poly:2", "poly:2:interactions", "linear", "ridge:0.1"])
@pytest.mark.parametrize("intercept", [True, False])
def test_a_page_shows_the_columns_of_the_fit(model: str, intercept: bool) -> None:
    found = gw.fit(TABLE, "y", model, intercept=intercept)
    table = gw.data.Table.from_any(TABLE)
    page = render_page(describe(found, table))
    assert all(name.replace("·", "·") in page for name in found.names)
    assert found.details["matrix"].shape == (N, len(found.names) - intercept)


def test_the_command_saves_a_polynomial_without_intercept_on_a_text_column(tmp_path: Path) -> None:
    lines = ["x,g,y", *(f"{a},{b},{c}" for a, b, c in zip(x, g, y, strict=True))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    command = [
        sys.executable,
        "-m",
        "gradwork",
        "fit",
        str(tmp_path / "t.csv"),
        "--target",
        "y",
        "--model",
        "poly:2",
        "--no-intercept",
    ]
    subprocess.run([*command, "--out", str(tmp_path / "m")], check=True, capture_output=True)
    assert (tmp_path / "m" / "report.html").is_file() and (tmp_path / "m" / "model.json").is_file()


# --- known errors of measurement -----------------------------------------------------------------------------


@pytest.mark.parametrize("cov", ["observed", "hessian"])
def test_known_deviations_are_not_estimated_anew_where_it_is_asked(cov: str) -> None:
    a, dy = np.array([1.0, 2, 3, 4]), np.array([0.1, 0.2, 0.1, 0.3])
    b = np.array([1.1, 1.9, 3.2, 3.9])
    table = {"a": a, "b": b, "dy": dy}
    chi2 = "1/2*sum(((b-p-q*a)/dy)^2)"
    A = np.column_stack([np.ones(4), a]) / dy[:, None]
    absolute = np.sqrt(np.diag(np.linalg.inv(A.T @ A)))
    found = gw.fit(table, formula=chi2, params="p=0,q=1", cov=cov)
    assert found.inference.std_error == pytest.approx(absolute, rel=1e-9)
    assert found.df is None and found.sigma == pytest.approx(1)
    usual = gw.fit(table, formula=chi2, params="p=0,q=1")
    assert usual.inference.std_error == pytest.approx(absolute * usual.sigma, rel=1e-9)
    _, low, high = found.predict_interval({"a": [2.0], "dy": [0.2]})
    spread = np.sqrt([1, 2] @ np.linalg.inv(A.T @ A) @ [1, 2] + 0.2**2)
    assert (high - low)[0] == pytest.approx(2 * 1.959964 * spread, rel=1e-6)
    assert found.metrics is not None and found.metrics.r2 == pytest.approx(usual.metrics.r2)
