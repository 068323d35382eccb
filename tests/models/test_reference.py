"""The models against statsmodels and scikit-learn: estimates, standard errors, likelihoods."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import gradwork as gw

sm = pytest.importorskip("statsmodels.api", reason="statsmodels is an extra")
datasets = pytest.importorskip("sklearn.datasets")
RNG = np.random.default_rng(11)


def columns(X: np.ndarray, **more: Any) -> dict[str, Any]:
    return {f"x{j}": X[:, j] for j in range(X.shape[1])} | more


def quiet(fit: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own convergence warnings, at a tolerance beyond its reach
        return fit()


def test_breast_cancer_logit() -> None:
    data = datasets.load_breast_cancer()
    X, y = data.data[:, [0, 1, 4, 8, 9]], data.target
    model = gw.fit(columns(X, y=y), "y")
    peer = quiet(lambda: sm.Logit(y, sm.add_constant(X)).fit(disp=0, method="newton", tol=1e-14))
    assert model.model.name == "logistic"
    assert model.fit.gradient_norm <= 1e-8
    assert np.abs(model.beta - peer.params).max() <= 1e-8
    assert np.abs(model.inference.std_error - peer.bse).max() <= 1e-6
    assert model.metrics.log_likelihood == pytest.approx(peer.llf, rel=1e-12)
    assert model.metrics.aic == pytest.approx(peer.aic, rel=1e-12)
    assert model.inference.p_value == pytest.approx(peer.pvalues, rel=1e-6, abs=1e-12)
    robust = gw.fit(columns(X, y=y), "y", cov="sandwich")
    peer = quiet(
        lambda: sm.Logit(y, sm.add_constant(X)).fit(disp=0, method="newton", tol=1e-14, cov_type="HC0")
    )
    assert robust.inference.std_error == pytest.approx(peer.bse, rel=1e-7)


def test_generated_logit_without_intercept_and_without_scaling() -> None:
    X = RNG.normal(size=(500, 4)) * [1, 10, 0.1, 1]
    y = (RNG.random(500) < 1 / (1 + np.exp(-X @ [0.5, 0.05, 5, -0.3]))).astype(int)
    peer = quiet(lambda: sm.Logit(y, X).fit(disp=0, method="newton", tol=1e-14))
    for scale in (True, False):
        model = gw.fit(columns(X, y=y), "y", "logistic", intercept=False, scale=scale)
        assert np.abs(model.beta - peer.params).max() <= 1e-8
        assert np.abs(model.inference.std_error - peer.bse).max() <= 1e-6


def test_spector() -> None:
    data = sm.datasets.spector.load_pandas().data
    model = gw.fit(data, "GRADE")
    peer = quiet(
        lambda: sm.Logit(data.GRADE, sm.add_constant(data[["GPA", "TUCE", "PSI"]])).fit(disp=0, tol=1e-14)
    )
    assert model.beta == pytest.approx(peer.params.to_numpy(), abs=1e-8)
    assert model.inference.std_error == pytest.approx(peer.bse.to_numpy(), abs=1e-6)
    # As printed in statsmodels' own documentation of this example.
    assert [round(v, 4) for v in model.beta] == [-13.0213, 2.8261, 0.0952, 2.3787]


def test_softmax_is_mnlogit() -> None:
    X = RNG.normal(size=(300, 3))
    codes = RNG.integers(0, 3, 300)
    model = gw.fit(columns(X, kind=np.array(["red", "green", "blue"])[codes]), "kind")
    order = np.array([2, 1, 0])[codes]  # blue, green, red: the sorted labels
    peer = quiet(lambda: sm.MNLogit(order, sm.add_constant(X)).fit(disp=0, method="newton", tol=1e-14))
    assert model.model.name == "softmax"
    assert model.levels == ("blue", "green", "red")
    assert model.beta[:, 1:] == pytest.approx(peer.params, abs=1e-8)
    errors = np.array([block.inference.std_error for block in model.blocks]).T
    assert errors == pytest.approx(peer.bse, abs=1e-6)
    assert model.metrics.log_likelihood == pytest.approx(peer.llf, rel=1e-12)
    assert model.probabilities(columns(X)) == pytest.approx(peer.predict(), abs=1e-9)
    assert set(model.predict(columns(X))) <= {"blue", "green", "red"}


@pytest.mark.parametrize("cov", [None, "HC0", "HC1"])
def test_linear_is_ols(cov: str | None) -> None:
    data = datasets.load_diabetes()
    peer = sm.OLS(data.target, sm.add_constant(data.data)).fit(**({"cov_type": cov} if cov else {}))
    model = gw.fit(columns(data.data, y=data.target), "y", cov=cov)
    assert model.beta == pytest.approx(peer.params, rel=1e-10)
    assert model.inference.std_error == pytest.approx(peer.bse, rel=1e-10)
    if cov is None:
        assert model.metrics.f == pytest.approx(peer.fvalue, rel=1e-10)
        assert model.metrics.aic == pytest.approx(peer.aic, rel=1e-12)
        assert model.condition_number == pytest.approx(peer.condition_number, rel=1e-9)
        assert model.inference.lower == pytest.approx(peer.conf_int()[:, 0], rel=1e-9)
        mean, low, high = model.predict_interval(columns(data.data[:5]))
        frame = peer.get_prediction(sm.add_constant(data.data)[:5]).summary_frame()
        assert mean == pytest.approx(frame["mean"].to_numpy(), rel=1e-10)
        assert low == pytest.approx(frame["obs_ci_lower"].to_numpy(), rel=1e-9)
        assert high == pytest.approx(frame["obs_ci_upper"].to_numpy(), rel=1e-9)


@pytest.mark.parametrize("cov", [None, "HC0"])
def test_poisson_is_glm(cov: str | None) -> None:
    X = RNG.normal(size=(400, 2))
    y = RNG.poisson(np.exp(0.5 + X @ [0.3, -0.2]))
    options = {"cov_type": cov} if cov else {}
    peer = sm.GLM(y, sm.add_constant(X), family=sm.families.Poisson()).fit(tol=1e-14, **options)
    model = gw.fit(columns(X, y=y), "y", "poisson", cov=cov)
    assert model.beta == pytest.approx(peer.params, abs=1e-9)
    assert model.inference.std_error == pytest.approx(peer.bse, abs=1e-8)
    assert model.metrics.deviance == pytest.approx(peer.deviance, rel=1e-10)
    assert model.metrics.log_likelihood == pytest.approx(peer.llf, rel=1e-10)


def test_ridge_is_scikit_learns() -> None:
    from sklearn.linear_model import Ridge

    data = datasets.load_diabetes()
    n = len(data.target)
    model = gw.fit(columns(data.data, y=data.target), "y", "ridge:0.1", scale=False)
    peer = Ridge(alpha=0.1 * n).fit(data.data, data.target)
    assert model.beta[1:] == pytest.approx(peer.coef_, rel=1e-10)
    assert model.beta[0] == pytest.approx(peer.intercept_, rel=1e-12)
    Z = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    scaled = gw.fit(columns(data.data, y=data.target), "y", "ridge:0.1")
    peer = Ridge(alpha=0.1 * n).fit(Z, data.target)
    assert scaled.predict(columns(data.data)) == pytest.approx(peer.predict(Z), rel=1e-10)


def test_huber_is_an_m_estimate() -> None:
    X = RNG.normal(size=(200, 2))
    y = X @ [1, 2] + RNG.standard_t(2, size=200)
    model = gw.fit(columns(X, y=y), "y", loss="huber:1.345")
    r = y - sm.add_constant(X) @ model.beta
    score = sm.add_constant(X).T @ (np.clip(r, -1.345, 1.345))
    assert np.abs(score).max() < 1e-8
    assert any("sandwich" in note for note in map(str, model.notes))
