"""What a fit of a table says is so: held-out rows, descent in raw units, separation, and which facts hold."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import gradwork as gw
from gradwork.errors import GradworkError
from gradwork.models.tables.fitted import FittedModel

RNG = np.random.default_rng(8)
N = 240
GROUP = np.arange(N) % 4
x = RNG.normal(size=N)


def columns(X: np.ndarray, **more: Any) -> dict[str, Any]:
    return {f"x{j}": X[:, j] for j in range(X.shape[1])} | more


def newton(A: np.ndarray, y: np.ndarray, possible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the multinomial estimate and its covariance for A: n×k×q, where only some classes are possible."""
    b = np.zeros(A.shape[2])
    for _ in range(60):
        z = np.where(possible, A @ b, -np.inf)
        P = np.exp(z - z.max(axis=1, keepdims=True))
        P /= P.sum(axis=1, keepdims=True)
        mean = np.einsum("ik,ikq->iq", P, A)
        g = A[np.arange(len(y)), y].sum(axis=0) - mean.sum(axis=0)
        H = np.einsum("ik,ikq,ikr->qr", P, A, A) - mean.T @ mean
        b = b + np.linalg.solve(H, g)
    return b, np.linalg.inv(H)


# --- held-out rows -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def diabetes() -> dict[str, Any]:
    data = pytest.importorskip("sklearn.datasets").load_diabetes()
    return columns(data.data, y=data.target)


@pytest.mark.parametrize("solver", ["auto", "closed", "newton", "lbfgs", "lm", "gd"])
def test_a_share_for_validation_only_splits_the_rows(diabetes: dict[str, Any], solver: str) -> None:
    from gradwork.data.batches import split

    model = gw.fit(diabetes, "y", solver=solver, validation=0.2, seed=5)
    training, held = split(442, 0.2, 5)
    part = {name: np.asarray(c)[training] for name, c in diabetes.items()}
    assert model.beta == pytest.approx(gw.fit(part, "y").beta, rel=1e-4)
    assert model.fit.solver != "Adam"
    y = np.asarray(diabetes["y"])[held]
    r = y - model.predict({name: np.asarray(c)[held] for name, c in diabetes.items()})
    assert model.fit.validation_loss == pytest.approx((r**2).mean(), rel=1e-10)
    r2 = 1 - (r**2).sum() / ((y - y.mean()) ** 2).sum()
    assert any(note.endswith(f"R² {r2:.4f}") and "88 rows held out" in note for note in map(str, model.notes))


def test_held_out_classes_are_scored_by_accuracy() -> None:
    y = np.where(x + 0.5 * RNG.normal(size=N) > 0, "yes", "no")
    model = gw.fit({"x": x, "y": y}, "y", validation=0.25)
    held = model.details["held"]
    right = (model.predict({"x": x[held]}) == y[held]).mean()
    assert any(note.endswith(f"accuracy {100 * right:.1f} %") for note in map(str, model.notes))
    assert model.fit.solver == "newton"


# --- descent in raw units --------------------------------------------------------------------------------------


def r2(model: Any) -> float:
    return model.metrics.r2


@pytest.mark.parametrize(
    ("options", "least"),
    [
        ({"optimizer": "adam"}, 0.51),
        ({"batch_size": 32, "epochs": 20}, 0.46),
        ({"optimizer": "sgd", "batch_size": 32, "epochs": 50}, 0.51),
        ({"optimizer": "adam", "model": "ridge:0.001"}, 0.51),
        ({"optimizer": "adam", "loss": "mae"}, 0.49),
        ({"optimizer": "adam", "loss": "rmse"}, 0.51),
        ({"optimizer": "adam", "loss": "huber"}, 0.51),
    ],
)
def test_default_rates_suit_a_target_in_raw_units(
    diabetes: dict[str, Any], options: dict[str, Any], least: float
) -> None:
    assert r2(gw.fit(diabetes, "y", **options)) > least  # least squares: 0.5177


@pytest.mark.parametrize("loss", ["mse", "mae", "rmse", "huber:20"])
@pytest.mark.parametrize("intercept", [True, False])
def test_a_descent_is_told_in_the_units_of_the_target(
    diabetes: dict[str, Any], loss: str, intercept: bool
) -> None:
    seen = []
    options: dict[str, Any] = {"loss": loss, "intercept": intercept, "optimizer": "adam", "epochs": 30}
    model = gw.fit(diabetes, "y", validation=0.2, callbacks=lambda p: seen.append(p) or None, **options)
    y = np.asarray(diabetes["y"])
    training, held = model.details["training"], model.details["held"]

    def of(r: np.ndarray) -> float:
        a = np.abs(r)
        squares = np.where(a <= 20, r**2 / 2, 20 * (a - 10)).mean()
        return {"mse": (r**2).mean(), "mae": a.mean(), "rmse": np.sqrt((r**2).mean()), "huber:20": squares}[
            loss
        ]

    own = {name: np.asarray(c)[training] for name, c in diabetes.items()}
    other = {name: np.asarray(c)[held] for name, c in diabetes.items()}
    assert model.fit.loss == pytest.approx(of(y[training] - model.predict(own)), rel=1e-10)
    assert model.fit.validation_loss == pytest.approx(of(y[held] - model.predict(other)), rel=1e-10)
    start = y[training].mean() if intercept else 0.0
    assert model.fit.history.loss[0] == pytest.approx(of(y[training] - start), rel=1e-10)
    assert model.fit.objective.value(model.fit.vector) == pytest.approx(model.fit.loss, rel=1e-10)
    last = seen[-1]
    assert last.history.loss[0] == pytest.approx(model.fit.history.loss[0], rel=1e-12)
    for name, value in last.parameters().items():
        assert value == pytest.approx(model.fit.parameters[name], rel=1e-12)


def test_the_units_of_the_target_do_not_change_the_run(diabetes: dict[str, Any]) -> None:
    other = {**diabetes, "y": 1e6 * np.asarray(diabetes["y"]) + 3e8}
    options: dict[str, Any] = {"optimizer": "adam", "batch_size": 64, "epochs": 5}
    one, two = gw.fit(diabetes, "y", **options), gw.fit(other, "y", **options)
    assert two.beta[1:] == pytest.approx(1e6 * one.beta[1:], rel=1e-6)
    assert two.fit.loss == pytest.approx(1e12 * one.fit.loss, rel=1e-6)


def test_a_diagnosis_is_of_the_run_as_it_went_in_the_units_of_the_table(diabetes: dict[str, Any]) -> None:
    model = gw.fit(diabetes, "y", optimizer="sgd", learning_rate=1.0, epochs=50)
    assert "29074" in str(model.diagnosis().reason) or "grew" in str(model.diagnosis().reason)
    first = float(str(model.diagnosis().reason).split("(")[1].split(" ")[0])
    assert first > 1000  # the variance of y, not 1
    short = gw.fit(diabetes, "y", optimizer="adam", epochs=20)
    assert short.diagnosis().why
    # 0.5 of a standard deviation is to go, not 39 of the target's units.
    assert "--learning-rate 5" not in short.diagnosis(flags=True).text()


def test_counts_start_at_their_mean() -> None:
    y = RNG.poisson(np.exp(6 + 0.3 * x))
    model = gw.fit({"x": x, "y": y}, "y", "poisson", optimizer="adam", learning_rate=0.01, epochs=500)
    assert model.beta == pytest.approx(gw.fit({"x": x, "y": y}, "y", "poisson").beta, abs=0.02)


# --- separation ------------------------------------------------------------------------------------------------


def dummies(y: np.ndarray) -> dict[str, Any]:
    return {"x": x, "d1": (GROUP == 1) * 1, "d2": (GROUP == 2) * 1, "d3": (GROUP == 3) * 1, "y": y}


def test_what_quasi_separation_leaves_determined_keeps_its_errors() -> None:
    sm = pytest.importorskip("statsmodels.api")
    y = (RNG.random(N) < 1 / (1 + np.exp(-0.3 - x))).astype(int)
    y[GROUP == 1], y[GROUP == 2] = 1, 0
    model = gw.fit(dummies(y), "y")
    rows = (GROUP == 0) | (GROUP == 3)
    peer = sm.Logit(y[rows], sm.add_constant(np.column_stack([x, GROUP == 3])[rows].astype(float))).fit(
        disp=0, tol=1e-14
    )
    kept = [0, 1, 4]
    assert model.beta[kept] == pytest.approx(peer.params, rel=1e-8)
    assert model.inference.std_error[kept] == pytest.approx(peer.bse, rel=1e-8)
    assert np.isnan(model.inference.std_error[[2, 3]]).all()
    cells = model.formatted.to_rows()[0]
    assert [cells[j]["estimate"].strip() for j in (2, 3)] == ["∞", "−∞"]
    assert model.metrics.log_likelihood == pytest.approx(peer.llf, abs=1e-8)
    for column in ("d1", "d2"):
        assert f"'{column}' alone tells them apart except where it is 0" in str(model.separation.sentence)
    # An interval is there for the rows that overlap, and only for these.
    _, low, _ = model.predict_interval(dummies(y))
    assert np.isfinite(low).tolist() == rows.tolist()
    back = FittedModel.from_spec(json.loads(json.dumps(model.spec(), default=lambda a: a.tolist())))
    assert back.summary() == model.summary()
    assert np.array_equal(back.predict_interval(dummies(y))[1], low, equal_nan=True)
    robust = gw.fit(dummies(y), "y", cov="HC0")
    peer = sm.Logit(y[rows], sm.add_constant(np.column_stack([x, GROUP == 3])[rows].astype(float))).fit(
        disp=0, tol=1e-14, cov_type="HC0"
    )
    assert robust.inference.std_error[kept] == pytest.approx(peer.bse, rel=1e-8)


def test_iris_versicolor_and_virginica_overlap() -> None:
    sm, datasets = pytest.importorskip("statsmodels.api"), pytest.importorskip("sklearn.datasets")
    data = datasets.load_iris()
    model = gw.fit(columns(data.data, y=np.array(data.target_names)[data.target]), "y")
    assert "setosa and versicolor, setosa and virginica (versicolor and virginica overlap)" in (
        str(model.separation.sentence)
    )
    assert all(np.isnan(block.inference.std_error).all() for block in model.blocks[:2])
    rows = data.target > 0
    logit = sm.Logit(data.target[rows] - 1, sm.add_constant(data.data[rows]))
    peer = logit.fit(disp=0, tol=1e-14, maxiter=40, warn_convergence=False)
    assert model.blocks[2].title == "class virginica (against versicolor)"
    assert model.blocks[2].inference.estimate == pytest.approx(peer.params, rel=1e-7)
    assert model.blocks[2].inference.std_error == pytest.approx(peer.bse, rel=1e-6)
    assert "e5" not in model.summary().split("log-likelihood")[0]


def test_a_row_that_is_apart_from_one_class_still_tells_of_the_others() -> None:
    # Where d is 1 there is no class c, but a and b are there: its coefficient for c alone is −∞.
    d = (GROUP == 1).astype(float)
    y = RNG.integers(0, 3, N)
    y[(d == 1) & (y == 2)] = 1
    model = gw.fit({"x": x, "d": d, "y": np.array(["a", "b", "c"])[y]}, "y")
    full = np.column_stack([np.ones(N), x, d])
    A = np.zeros((N, 3, 5))
    A[:, 1, :3], A[:, 2, 3:] = full, full[:, :2]
    possible = np.ones((N, 3), dtype=bool)
    possible[d == 1, 2] = False
    b, C = newton(A, y, possible)
    errors = np.concatenate([block.inference.std_error for block in model.blocks])
    assert model.beta[:, 1:].T.ravel()[:5] == pytest.approx(b, abs=1e-7)
    assert errors[:5] == pytest.approx(np.sqrt(np.diag(C)), rel=1e-7)
    assert np.isnan(errors[5])
    assert model.formatted.to_rows()[1][2]["estimate"].strip() == "−∞"


def test_counts_that_are_zero_in_a_category() -> None:
    sm = pytest.importorskip("statsmodels.api")
    y = RNG.poisson(np.exp(0.8 + 0.4 * x))
    y[GROUP == 1] = 0
    model = gw.fit(dummies(y), "y", "poisson")
    rows = GROUP != 1
    X = sm.add_constant(np.column_stack([x, GROUP == 2, GROUP == 3])[rows].astype(float))
    peer = sm.GLM(y[rows], X, family=sm.families.Poisson()).fit(tol=1e-14)
    kept = [0, 1, 3, 4]
    assert model.beta[kept] == pytest.approx(peer.params, abs=1e-8)
    assert model.inference.std_error[kept] == pytest.approx(peer.bse, rel=1e-7)
    assert model.formatted.to_rows()[0][2]["estimate"].strip() == "−∞"
    assert "'y' is zero in all 60 rows where d1 is above 0" in model.summary().replace("\n ", "")
    assert gw.fit(dummies(RNG.poisson(2.0, N)), "y", "poisson").separation is None


def test_separated_classes_end_the_run_at_once_and_have_no_aic() -> None:
    model = gw.fit({"x": x, "z": RNG.normal(size=N), "y": (x > 0.1).astype(int)}, "y")
    assert "nearly certain" in str(model.fit.reason)
    assert model.fit.converged
    assert np.isnan(model.metrics.aic)
    assert not any("had not converged" in note for note in map(str, model.notes))


# --- rank --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["linear", "logistic", "poisson", "softmax"])
def test_a_collinear_column_costs_no_parameter_and_no_other_error(name: str) -> None:
    z = RNG.normal(size=N)
    y: Any = {
        "linear": x + RNG.normal(size=N),
        "logistic": (x + RNG.logistic(size=N) > 0).astype(int),
        "poisson": RNG.poisson(np.exp(0.3 * x)),
        "softmax": np.array(["u", "v", "w"])[RNG.integers(0, 3, N)],
    }[name]
    plain = {"x": x, "z": z, "y": y}
    less, more = gw.fit(plain, "y", name), gw.fit({**plain, "twice": 2 * x}, "y", name)
    assert more.metrics.parameters == less.metrics.parameters
    assert (more.metrics.aic, more.metrics.bic) == pytest.approx(
        (less.metrics.aic, less.metrics.bic), rel=1e-9
    )
    for a, b in zip(less.blocks, more.blocks, strict=True):
        assert b.inference.std_error[[0, 2]] == pytest.approx(a.inference.std_error[[0, 2]], rel=1e-6)
        assert np.isnan(b.inference.std_error[[1, 3]]).all()
    assert "'twice' is a combination of other columns: twice = 2 x" in more.summary()
    if name != "softmax":
        assert more.predict_interval(plain | {"twice": 2 * x})[1] == pytest.approx(
            less.predict_interval(plain)[1], rel=1e-6
        )


def test_nearly_collinear_columns_of_a_logistic_model_keep_their_digits() -> None:
    e = RNG.normal(size=N)
    y = (x + e + RNG.logistic(size=N) > 0).astype(int)
    model = gw.fit({"x": x, "near": x + 1e-6 * e, "y": y}, "y")
    plain = gw.fit({"x": x, "e": e, "y": y}, "y")
    # b x + c near = (b + c) x + 1e-6 c e
    assert model.inference.std_error[2] == pytest.approx(1e6 * plain.inference.std_error[2], rel=1e-5)
    close = gw.fit({"x": x, "near": x + 1e-10 * e, "y": y}, "y")
    assert "nearly collinear" in close.summary()


def test_more_parameters_than_rows_are_said_of_classes_too() -> None:
    model = gw.fit(columns(RNG.normal(size=(8, 12)), y=np.arange(8) % 2), "y")
    assert "13 parameters from 8 rows" in model.summary()
    assert model.metrics.parameters == 8


# --- facts -------------------------------------------------------------------------------------------------------


def facts(model: Any) -> dict[str, str]:
    return {label: value for line in model.formatted.facts for label, value in line}


ONLY_OLS = {"F", "p(F)", "AIC", "BIC", "log-likelihood", "adjusted R²"}


@pytest.mark.parametrize(
    ("options", "absent"),
    [
        ({}, set()),
        ({"cov": "HC1"}, {"AIC", "BIC", "log-likelihood"}),
        ({"loss": "mae"}, ONLY_OLS),
        ({"loss": "huber"}, ONLY_OLS),
        ({"model": "ridge:0.1"}, ONLY_OLS),
        ({"optimizer": "sgd", "epochs": 3}, ONLY_OLS),
    ],
)
def test_facts_of_least_squares_are_told_of_least_squares(
    diabetes: dict[str, Any], options: dict[str, Any], absent: set[str]
) -> None:
    model = gw.fit(diabetes, "y", **options)
    assert ONLY_OLS - set(facts(model)) == absent
    assert "R²" in facts(model)
    assert "—" not in facts(model).values()


@pytest.mark.parametrize("cov", ["HC0", "HC1"])
def test_robust_f_is_statsmodels(diabetes: dict[str, Any], cov: str) -> None:
    sm = pytest.importorskip("statsmodels.api")
    X = np.column_stack([v for k, v in diabetes.items() if k != "y"])
    peer = sm.OLS(diabetes["y"], sm.add_constant(X)).fit(cov_type=cov, use_t=True)
    model = gw.fit(diabetes, "y", cov=cov)
    assert model.metrics.f == pytest.approx(float(peer.fvalue), rel=1e-8)
    assert model.metrics.f_p == pytest.approx(float(peer.f_pvalue), rel=1e-5)


def test_without_an_intercept_r2_is_uncentred_and_says_so(diabetes: dict[str, Any]) -> None:
    sm = pytest.importorskip("statsmodels.api")
    X = np.column_stack([v for k, v in diabetes.items() if k != "y"])
    peer = sm.OLS(diabetes["y"], X).fit()
    model = gw.fit(diabetes, "y", intercept=False)
    assert facts(model)["R² (uncentred)"] == f"{peer.rsquared:.4f}"
    assert model.metrics.f == pytest.approx(peer.fvalue, rel=1e-9)


def test_an_unfinished_logistic_run_is_not_tested() -> None:
    y = (x + RNG.logistic(size=N) > 0).astype(int)
    model = gw.fit({"x": x, "y": y}, "y", optimizer="sgd", epochs=20)
    assert np.isnan(model.inference.p_value).all()
    assert not {"AIC", "BIC", "p(LR)"} & set(facts(model))
    assert any("standard errors from the minimum" in note for note in map(str, model.notes))
    done = gw.fit({"x": x, "y": y}, "y", optimizer="adam", learning_rate=0.1, epochs=250)
    assert not done.fit.converged
    assert done.inference.std_error == pytest.approx(
        gw.fit({"x": x, "y": y}, "y").inference.std_error, rel=1e-3
    )


@pytest.mark.parametrize("name", ["logistic", "poisson", "softmax"])
def test_the_likelihood_ratio_and_the_condition_number(name: str) -> None:
    sm = pytest.importorskip("statsmodels.api")
    X = RNG.normal(size=(N, 3)) * [1, 10, 0.1]
    eta = 0.4 * X[:, 0] + 0.2
    y = {
        "logistic": (eta + RNG.logistic(size=N) > 0).astype(int),
        "poisson": RNG.poisson(np.exp(eta)),
        "softmax": RNG.integers(0, 3, N),
    }[name]
    made = {"logistic": sm.Logit, "poisson": sm.Poisson, "softmax": sm.MNLogit}[name]
    peer = made(y, sm.add_constant(X)).fit(
        disp=0, method="newton", tol=1e-14, maxiter=40, warn_convergence=False
    )
    model = gw.fit(columns(X, y=y), "y", name)
    assert model.metrics.log_likelihood == pytest.approx(peer.llf, rel=1e-12)
    # statsmodels finds the null model of MNLogit by a search.
    assert model.metrics.lr == pytest.approx(peer.llr, rel=1e-7)
    assert model.metrics.lr_p == pytest.approx(peer.llr_pvalue, rel=1e-6)
    assert f"({int(peer.df_model)})" in facts(model)["LR χ²"]
    assert model.condition_number == pytest.approx(np.linalg.cond(sm.add_constant(X)), rel=1e-8)
    assert "condition number" in facts(model)


def test_an_exact_fit_has_nothing_to_test() -> None:
    for y in (0.1 + 3 * x - 0.7 * x**2, 1e9 + 3 * x):
        model = gw.fit({"a": x, "b": x**2, "y": y}, "y")
        assert "exact fit" in model.summary()
        assert np.isnan(model.inference.statistic).all()
        assert not {"F", "AIC"} & set(facts(model))
    noisy = gw.fit({"a": x, "y": 1 + x + 1e-9 * RNG.normal(size=N)}, "y")
    assert np.isfinite(noisy.inference.statistic).all()


# --- Huber -------------------------------------------------------------------------------------------------------


def test_huber_takes_its_delta_from_the_spread(diabetes: dict[str, Any]) -> None:
    closed, model = gw.fit(diabetes, "y"), gw.fit(diabetes, "y", loss="huber")
    r = np.asarray(diabetes["y"]) - closed.predict(diabetes)
    delta = 1.345 * np.median(np.abs(r - np.median(r))) / 0.6745
    assert model.model.options["delta"] == pytest.approx(delta, rel=1e-9)
    assert f"δ = {delta:.2f}" in model.heading
    ratio = model.inference.std_error / closed.inference.std_error
    assert ((ratio > 0.6) & (ratio < 1.4)).all()
    assert not any("quadratic part" in note for note in map(str, model.notes))
    low = gw.fit(diabetes, "y", loss="huber:1")
    assert any("leaves 2 % of the rows in its quadratic part" in note for note in map(str, low.notes))
    scaled = gw.fit({**diabetes, "y": 1000 * np.asarray(diabetes["y"])}, "y", loss="huber")
    assert scaled.beta == pytest.approx(1000 * model.beta, rel=1e-6)
    back = FittedModel.from_spec(model.spec())
    assert back.summary() == model.summary()


@pytest.mark.parametrize("loss", ["huber:", "huber:x", "huber:-1", "huber:nan", "mae:2"])
def test_a_bad_delta_is_one_clear_line(diabetes: dict[str, Any], loss: str) -> None:
    with pytest.raises(GradworkError, match="Huber"):
        gw.fit(diabetes, "y", loss=loss)


# --- penalties ---------------------------------------------------------------------------------------------------


def test_a_penalised_logistic_model_is_scikit_learns() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    X = RNG.normal(size=(N, 3))
    y = (X[:, 0] + RNG.logistic(size=N) > 0).astype(int)
    model = gw.fit(columns(X, y=y), "y", "logistic:0.05", scale=False)
    peer = linear_model.LogisticRegression(C=1 / (2 * 0.05 * N), tol=1e-12, max_iter=10_000).fit(X, y)
    assert model.beta[1:] == pytest.approx(peer.coef_[0], abs=1e-6)
    assert model.beta[0] == pytest.approx(peer.intercept_[0], abs=1e-6)
    classes = RNG.integers(0, 3, N)
    model = gw.fit(columns(X, y=np.array(["u", "v", "w"])[classes]), "y", "softmax:0.05", scale=False)
    peer = linear_model.LogisticRegression(C=1 / (2 * 0.05 * N), tol=1e-12, max_iter=10_000).fit(X, classes)
    assert model.beta[1:] == pytest.approx((peer.coef_ - peer.coef_[:1]).T, abs=1e-5)


@pytest.mark.parametrize("name", ["logistic", "softmax", "poisson"])
def test_a_vanishing_penalty_changes_nothing_and_a_penalty_ends_separation(name: str) -> None:
    y: Any = {
        "logistic": (x + RNG.logistic(size=N) > 0).astype(int),
        "poisson": RNG.poisson(np.exp(0.3 * x)),
        "softmax": np.array(["u", "v", "w"])[RNG.integers(0, 3, N)],
    }[name]
    plain, tiny = gw.fit({"x": x, "y": y}, "y", name), gw.fit({"x": x, "y": y}, "y", f"{name}:1e-9")
    for a, b in zip(plain.blocks, tiny.blocks, strict=True):
        assert b.inference.estimate == pytest.approx(a.inference.estimate, abs=1e-6)
        assert b.inference.std_error == pytest.approx(a.inference.std_error, rel=1e-6)
    assert "AIC" not in facts(tiny)
    assert any("penalty" in note for note in map(str, tiny.notes))
    apart: Any = {
        "logistic": (x > 0).astype(int),
        "softmax": np.digitize(x, [-0.5, 0.5]),
        "poisson": RNG.poisson(3.0, N) * (GROUP != 1),
    }[name]
    table = {"x": x, "d": (GROUP == 1) * 1.0, "y": apart}
    assert gw.fit(table, "y", name).separation is not None
    assert gw.fit(table, "y", f"{name}:0.01").separation is None
    assert gw.fit(table, "y", f"{name}:0.01").fit.converged
    with pytest.raises(GradworkError, match=f"as in {name}:0.1"):
        gw.fit(table, "y", f"{name}:x")


# --- many classes --------------------------------------------------------------------------------------------------


def test_many_parameters_go_by_lbfgs() -> None:
    data = pytest.importorskip("sklearn.datasets").load_digits()
    X = data.data[:, np.ptp(data.data, axis=0) > 0]
    model = gw.fit(columns(X, y=data.target), "y", "softmax")
    assert model.fit.solver == "lbfgs"
    assert model.separation.kind == "complete"
    assert (model.predict(columns(X)) == data.target).all()


def test_many_classes_of_few_rows_are_refused(diabetes: dict[str, Any]) -> None:
    with pytest.raises(GradworkError, match="'y' has 214 values in 442 rows, 2 rows for a typical one"):
        gw.fit(diabetes, "y", "softmax")
    words = np.array([f"w{j % 30}" for j in range(90)])
    with pytest.raises(GradworkError, match="'y' has 30 classes in 90 rows, 3 in a typical class"):
        gw.fit({"x": RNG.normal(size=90), "y": words}, "y")


def test_more_than_two_thousand_parameters_have_no_errors_and_say_so() -> None:
    X, y = RNG.normal(size=(600, 45)), np.arange(600) % 50
    model = gw.fit(columns(X, y=y), "y", "softmax:0.1")
    assert any("no standard errors for as many as 2,254 parameters" in note for note in map(str, model.notes))
    assert np.isnan(model.blocks[0].inference.std_error).all()
