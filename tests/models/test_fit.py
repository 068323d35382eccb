"""Tables in, fitted models out: choice, scaling, descent, what is said, and plain data and back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import gradwork as gw
from gradwork.errors import GradworkError, TableError
from gradwork.models.formulas.fitted import FittedFormula
from gradwork.models.tables.fitted import FittedModel

RNG = np.random.default_rng(4)
X = RNG.normal(size=(80, 2)) * [1, 50] + [3, 200]
TABLE = {"a": X[:, 0], "b": X[:, 1], "y": 2 + 3 * X[:, 0] - 0.1 * X[:, 1] + RNG.normal(size=80)}
BINARY = {**TABLE, "y": np.where(X[:, 0] + RNG.normal(size=80) > 3, "yes", "no")}


@pytest.mark.reference
def test_the_quiz_looks_as_it_should(reference) -> None:
    quiz = reference("learner.json")["quiz_final"]
    table = {f"q{j + 1}": [row[j] for row in quiz["X"]] for j in range(3)} | {"final": quiz["y"]}
    text = gw.fit(table, "final").summary()
    for line in (
        "5 rows, 3 features (q1, q2, q3), target final: continuous → linear regression, closed\nform (QR)",
        "final = 4.402 + 0.795 q1 + 0.408 q2 + 0.755 q3",
        "R² 0.9998",
        "condition number 2.6e3",
        "! one degree of freedom is left: the intervals are this wide because 5 rows carry 4 parameters",
    ):
        assert line in text.replace("    form", "form"), line
    bse = quiz["ols"]["bse"]
    assert gw.fit(table, "final").inference.std_error == pytest.approx([bse[3], *bse[:3]], rel=1e-7)


@pytest.mark.parametrize(
    ("y", "name"),
    [
        (RNG.normal(size=80), "linear"),
        (RNG.integers(0, 2, 80), "logistic"),
        (np.array(["u", "v", "w"])[RNG.integers(0, 3, 80)], "softmax"),
        (RNG.random(80) < 0.5, "logistic"),
    ],
)
def test_the_model_is_chosen_from_the_target_and_said(y: Any, name: str) -> None:
    model = gw.fit({**TABLE, "y": y}, "y")
    assert model.model.name == name
    assert model.model.title in str(model.reason)


@pytest.mark.parametrize(
    "options",
    [
        {"solver": "newton"}, {"solver": "lbfgs"}, {"solver": "lm"}, {"solver": "gd"},
        {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 2000},
        {"optimizer": "adam", "learning_rate": 0.05, "epochs": 3000, "stopping": gw.Stopping(gradient_norm=1e-9)},
        {"solver": "newton", "scale": False},
    ],
)  # fmt: skip
def test_every_way_leads_to_the_same_coefficients(options: dict[str, Any]) -> None:
    closed = gw.fit(TABLE, "y")
    other = gw.fit(TABLE, "y", **options)
    assert other.beta == pytest.approx(closed.beta, rel=1e-5)
    assert other.inference.std_error == pytest.approx(closed.inference.std_error, rel=1e-5)


def test_minibatches_and_validation() -> None:
    model = gw.fit(
        TABLE, "y", optimizer="adam", learning_rate=0.1, epochs=200, batch_size=16, validation=0.25, seed=3
    )
    again = gw.fit(
        TABLE, "y", optimizer="adam", learning_rate=0.1, epochs=200, batch_size=16, validation=0.25, seed=3
    )
    assert np.array_equal(model.beta, again.beta)
    assert model.rows == 60
    assert np.isfinite(model.fit.history.validation_loss[-1])
    assert any("20 rows held out" in note for note in map(str, model.notes))


def test_a_run_far_from_the_minimum_has_no_standard_errors_and_says_so() -> None:
    model = gw.fit(TABLE, "y", optimizer="sgd", learning_rate=0.01, epochs=3)
    assert np.isnan(model.inference.std_error).all()
    assert any("standard errors from the minimum" in note for note in map(str, model.notes))


def test_polynomials() -> None:
    x = np.linspace(-2, 3, 30)
    model = gw.fit({"x": x, "y": 1 - x + 0.5 * x**3 + 1e-3 * RNG.normal(size=30)}, "y", "poly:3")
    assert model.names == ("intercept", "x", "x^2", "x^3")
    assert model.beta == pytest.approx([1, -1, 0, 0.5], abs=5e-3)
    assert model.predict({"x": [2.0]}) == pytest.approx([3.0], abs=1e-2)
    mixed = gw.fit(TABLE, "y", "poly:2:interactions")
    assert mixed.names == ("intercept", "a", "b", "a^2", "a·b", "b^2")


def test_separation_collinearity_and_too_many_columns_are_said() -> None:
    x = np.arange(10.0)
    separated = gw.fit({"x": x, "y": (x > 4.5).astype(int)}, "y")
    assert separated.separation.kind == "complete"
    assert np.isnan(separated.inference.std_error).all()
    assert "completely separated" in separated.summary()
    for y in (TABLE["y"], (TABLE["y"] > np.median(TABLE["y"])).astype(int)):
        noisy = np.where(RNG.random(80) < 0.2, 1 - y, y) if set(np.unique(y)) == {0, 1} else y
        collinear = gw.fit({**TABLE, "c": TABLE["a"] + 2 * TABLE["b"], "y": noisy}, "y")
        assert "'c' is a combination of other columns: c = a + 2 b" in collinear.summary().replace("\n ", "")
    wide = gw.fit(RNG.normal(size=(5, 8)), RNG.normal(size=5))
    assert "9 parameters from 5 rows" in wide.summary()


@pytest.mark.reference
def test_rs_separated_example(reference) -> None:
    data = reference("learner.json")["R_separation"]
    fine = gw.fit({"x": data["x"], "y": data["y_ok"]}, "y")
    assert [round(v, 3) for v in fine.beta] == data["R_ok"]["b"]
    assert round(fine.metrics.deviance, 2) == data["R_ok"]["dev"]
    assert gw.fit({"x": data["x"], "y": data["y_sep"]}, "y").separation is not None


@pytest.mark.parametrize("model", ["linear", "poly:2", "ridge:0.5", "logistic", "softmax", "poisson"])
def test_plain_data_and_back(model: str) -> None:
    y = {"logistic": BINARY["y"], "softmax": np.array(["u", "v", "w"])[RNG.integers(0, 3, 80)],
         "poisson": RNG.poisson(2.0, 80)}.get(model, TABLE["y"])  # fmt: skip
    table = {**TABLE, "kind": np.array(["p", "q"])[RNG.integers(0, 2, 80)], "y": y}
    fitted = gw.fit(table, "y", model)
    spec = fitted.spec()
    listed = json.loads(json.dumps(spec, default=lambda a: a.tolist()))
    for data in (spec, listed):
        back = FittedModel.from_spec(data)
        assert np.array_equal(back.predict(table), fitted.predict(table))
        assert back.summary() == fitted.summary()
    with pytest.raises(TableError, match="damaged"):
        FittedModel.from_spec({**spec, "beta": np.zeros(3)})
    with pytest.raises(TableError, match="damaged"):
        FittedModel.from_spec({k: v for k, v in spec.items() if k != "names"})


def test_intervals() -> None:
    model = gw.fit(BINARY, "y")
    p, low, high = model.predict_interval(BINARY)
    assert ((0 < low) & (low < p) & (p < high) & (high < 1)).all()
    assert p == pytest.approx(model.probabilities(BINARY)[:, 1])
    assert set(model.predict(BINARY)) == {"no", "yes"}
    linear = gw.fit(TABLE, "y")
    narrow, wide = (linear.predict_interval(TABLE, kind=kind) for kind in ("mean", "prediction"))
    assert (narrow[2] - narrow[1] < wide[2] - wide[1]).all()
    covered = (wide[1] <= TABLE["y"]) & (TABLE["y"] <= wide[2])
    assert covered.mean() > 0.88


def test_the_derivation_is_of_the_loss_that_was_learned() -> None:
    model = gw.fit(TABLE, "y")
    assert model.derivation.replay()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "z"}, "has no column 'z'"),
        ({"target": "y", "model": "lasso"}, "no model is called 'lasso'"),
        ({"target": "y", "model": "poly"}, "a polynomial needs its degree"),
        ({"target": "y", "model": "ridge:-1"}, "the penalty of ridge"),
        ({"target": "y", "model": "logistic"}, "binary means two"),
        ({"target": "y", "loss": "hinge"}, "the loss of a linear model is"),
        ({"target": "y", "cov": "HC7"}, "cov is HC0, HC1, sandwich or observed, not 'HC7'"),
        ({"target": "y", "validation": 1.5}, "is a share of the rows between 0 and 1"),
        ({"target": "y", "optimizer": "adam", "batch_size": 1000}, "larger than the data"),
        ({"target": "y", "params": "a=1"}, "params belongs to a formula"),
        ({}, "name the target"),
        ({"formula": "mean((y - k*a)^2)", "params": "k"}, "as in a=1"),
        ({"formula": "mean((y - k*q)^2)", "params": "k=1"}, "q, which is neither a column nor a parameter"),
        ({"formula": "mean((y - a)^2)", "params": "k=1"}, "the parameter k is not in the formula"),
        ({"formula": "(y - k*a)^2", "params": "k=1"}, "take its mean or sum"),
    ],
)
def test_bad_input_is_one_clear_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(GradworkError) as caught:
        gw.fit(TABLE, **options)
    assert message in str(caught.value)


def test_a_formula_with_standard_errors() -> None:
    scipy_optimize = pytest.importorskip("scipy.optimize")
    x = np.linspace(0, 10, 60)
    y = 3 * np.exp(-0.5 * x) + 1 + RNG.normal(0, 0.05, 60)
    model = gw.fit({"x": x, "y": y}, formula="mean((y - (a*exp(-k*x) + c))^2)", params="a=1, k=0.1, c=0")
    best, cov = scipy_optimize.curve_fit(
        lambda x, a, k, c: a * np.exp(-k * x) + c, x, y, (1, 0.1, 0), xtol=1e-14
    )
    assert model.estimate == pytest.approx(best, rel=1e-7)
    assert model.inference.std_error == pytest.approx(np.sqrt(np.diag(cov)), rel=1e-5)
    assert model.target == "y"
    assert model.predict({"x": [0.0]}) == pytest.approx([best[0] + best[2]])
    back = FittedFormula.from_spec(model.spec())
    assert back.predict({"x": x}) == pytest.approx(model.predict({"x": x}))
    assert back.summary() == model.summary()


@pytest.mark.parametrize("scale", ["sum", "mean"])
def test_a_likelihood_as_a_formula(scale: str) -> None:
    z = RNG.normal(5, 2, 300)
    formula = f"{scale}(log(s) + (z - m)^2/(2*s^2))"
    model = gw.fit({"z": z}, formula=formula, params={"m": 1, "s": 1}, bounds={"s": (0, None)})
    assert model.estimate == pytest.approx([z.mean(), z.std()], rel=1e-8)
    assert model.inference.std_error == pytest.approx([z.std() / 300**0.5, z.std() / 600**0.5], rel=1e-6)
    assert model.inference.statistic_name == "z"


def test_weights_and_robust_errors_of_a_formula() -> None:
    sm = pytest.importorskip("statsmodels.api")
    x, w = RNG.normal(size=50), RNG.uniform(0.5, 2, 50)
    y = 1 + 2 * x + RNG.normal(size=50) / np.sqrt(w)
    model = gw.fit({"x": x, "y": y, "w": w}, formula="sum(w*(y - a - b*x)^2)", params="a=0, b=0")
    peer = sm.WLS(y, sm.add_constant(x), weights=w).fit()
    assert model.estimate == pytest.approx(peer.params, rel=1e-9)
    assert model.inference.std_error == pytest.approx(peer.bse, rel=1e-9)
