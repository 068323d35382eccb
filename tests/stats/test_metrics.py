"""Measures of fit, against scikit-learn and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest

from gradwork.errors import GradworkError
from gradwork.stats import (
    calibration,
    classification_metrics,
    deviance,
    likelihood_metrics,
    log_likelihood,
    regression_metrics,
    roc_auc,
    roc_curve,
)

RNG = np.random.default_rng(5)


def test_binary_as_scikit_learn_has_it() -> None:
    peer = pytest.importorskip("sklearn.metrics")
    y = RNG.integers(0, 2, 300)
    p = np.round(np.clip(RNG.normal(0.3 + 0.3 * y, 0.2), 0.01, 0.99), 2)  # rounded, so that scores tie
    m = classification_metrics(y, p, ["no", "yes"])
    said = (p > 0.5).astype(int)
    assert m.accuracy == peer.accuracy_score(y, said)
    assert m.confusion.tolist() == peer.confusion_matrix(y, said).tolist()
    precision, recall, f1, support = peer.precision_recall_fscore_support(y, said)
    assert np.array([m.precision, m.recall, m.f1]) == pytest.approx(np.array([precision, recall, f1]))
    assert m.support.tolist() == support.tolist()
    assert m.log_loss == pytest.approx(peer.log_loss(y, p))
    assert m.brier == pytest.approx(peer.brier_score_loss(y, p))
    assert m.auc == pytest.approx(peer.roc_auc_score(y, p))
    fpr, tpr, _ = peer.roc_curve(y, p, drop_intermediate=False)
    ours = roc_curve(y, p)
    assert ours[0] == pytest.approx(fpr)
    assert ours[1] == pytest.approx(tpr)


def test_several_classes_as_scikit_learn_has_it() -> None:
    peer = pytest.importorskip("sklearn.metrics")
    y = RNG.integers(0, 3, 200)
    P = RNG.dirichlet([1, 1, 1], 200) + 0.5 * np.eye(3)[y]
    P /= P.sum(axis=1, keepdims=True)
    m = classification_metrics(y, P)
    assert m.confusion.tolist() == peer.confusion_matrix(y, P.argmax(axis=1)).tolist()
    assert m.f1 == pytest.approx(peer.f1_score(y, P.argmax(axis=1), average=None))
    assert m.log_loss == pytest.approx(peer.log_loss(y, P))
    assert m.auc == pytest.approx(peer.roc_auc_score(y, P, multi_class="ovr"))
    assert m.brier == pytest.approx(((P - np.eye(3)[y]) ** 2).sum() / 200)


def test_what_does_not_exist_is_nan() -> None:
    m = classification_metrics([0, 0, 1], [[1, 0, 0], [1, 0, 0], [0.4, 0.6, 0]])
    assert np.isnan(m.precision[2])
    assert np.isnan(m.recall[2])
    assert np.isnan(m.auc)
    assert np.isnan(roc_auc([1, 1], [0.1, 0.2]))
    assert classification_metrics([0, 1], [[0, 1], [0, 1.0]]).log_loss == np.inf


def test_bad_classes() -> None:
    for codes, P, labels in (([0, 1], [0.5], None), ([0, 2], [0.5, 0.5], None), ([0, 1], [0.5, 0.5], ["a"])):
        with pytest.raises(GradworkError):
            classification_metrics(codes, P, labels)


def test_calibration_bins() -> None:
    p = np.repeat([0.1, 0.3, 0.9], [50, 30, 20])
    y = np.concatenate([np.arange(50) < 5, np.arange(30) < 9, np.arange(20) < 18])
    c = calibration(y, p, bins=3)
    assert c.count.tolist() == [50, 30, 20]
    assert c.predicted == pytest.approx([0.1, 0.3, 0.9])
    assert c.observed == pytest.approx([0.1, 0.3, 0.9])
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    assert (c.lower[0], c.upper[0]) == pytest.approx(proportion.proportion_confint(5, 50, method="wilson"))
    spread = calibration(RNG.integers(0, 2, 1000), RNG.random(1000), bins=10)
    assert spread.count.tolist() == [100] * 10


@pytest.mark.reference
def test_the_thumbtack(reference) -> None:
    tack = reference("learner.json")["thumbtack"]
    y = np.repeat([1.0, 0.0], [tack["k"], tack["n"] - tack["k"]])
    ll = log_likelihood("binomial", y, np.full(tack["n"], tack["p"]))
    assert ll == pytest.approx(tack["loglik"], abs=1e-9)


@pytest.mark.reference
def test_deviances_as_r_has_them(reference) -> None:
    r = reference("learner.json")["R_separation"]
    x, y = np.array(r["x"]), np.array(r["y_ok"])
    b = np.array(r["R_ok"]["b"])
    m = likelihood_metrics("binomial", y, 1 / (1 + np.exp(-(b[0] + b[1] * x))), 2)
    assert m.deviance == pytest.approx(r["R_ok"]["dev"], abs=0.005)
    assert m.null_deviance == pytest.approx(r["R_ok"]["null_dev"], abs=0.005)
    assert m.aic == pytest.approx(r["R_ok"]["aic"], abs=0.005)


@pytest.mark.parametrize("family", ["Binomial", "Poisson"])
def test_likelihoods_as_statsmodels_has_them(family: str) -> None:
    sm = pytest.importorskip("statsmodels.api")
    X = np.column_stack([np.ones(80), RNG.normal(size=80)])
    y = RNG.integers(0, 2, 80) if family == "Binomial" else RNG.poisson(2.0, 80)
    model = sm.Logit(y, X).fit(disp=0) if family == "Binomial" else sm.Poisson(y, X).fit(disp=0)
    glm = sm.GLM(y, X, getattr(sm.families, family)()).fit(tol=1e-12)
    m = likelihood_metrics(family.lower(), y, glm.fittedvalues, 2)
    assert m.log_likelihood == pytest.approx(model.llf, rel=1e-9)
    assert m.null_log_likelihood == pytest.approx(model.llnull, rel=1e-7)
    assert m.pseudo_r2 == pytest.approx(model.prsquared, rel=1e-6)
    assert (m.lr, m.lr_p) == pytest.approx((model.llr, model.llr_pvalue), rel=1e-5)
    assert (m.aic, m.bic) == pytest.approx((model.aic, model.bic), rel=1e-9)
    assert m.deviance == pytest.approx(glm.deviance, rel=1e-9)
    assert m.null_deviance == pytest.approx(glm.null_deviance, rel=1e-9)


def test_the_multinomial_of_two_classes_is_the_binomial() -> None:
    y, p = RNG.integers(0, 2, 50), RNG.uniform(0.1, 0.9, 50)
    P = np.column_stack([1 - p, p])
    a, b = likelihood_metrics("binomial", y, p, 2), likelihood_metrics("multinomial", y, P, 2)
    assert (a.log_likelihood, a.deviance, a.null_deviance) == pytest.approx(
        (b.log_likelihood, b.deviance, b.null_deviance)
    )


def test_edges_of_likelihoods() -> None:
    assert log_likelihood("binomial", [1, 0], [1.0, 0.0]) == 0
    assert log_likelihood("binomial", [1, 0], [0.0, 0.5]) == -np.inf
    assert deviance("poisson", [0, 0], [0.0, 0.0]) == 0
    assert deviance("normal", [1, 3], [2.0, 2.0]) == 2
    assert log_likelihood("normal", [1, 3], [1.0, 3.0]) == np.inf
    with pytest.raises(GradworkError, match="no likelihood is called 'gamma'"):
        log_likelihood("gamma", [1], [1.0])
    with pytest.raises(GradworkError, match="do not go together"):
        log_likelihood("multinomial", [1], [1.0])


def test_regression_edges() -> None:
    constant = regression_metrics([2.0, 2.0, 2.0], [2.0, 2.0, 2.0], 1)
    assert np.isnan(constant.r2)
    exact = regression_metrics([1.0, 2.0, 4.0], [1.0, 2.0, 4.0], 2)
    assert (exact.r2, exact.f, exact.f_p) == (1, np.inf, 0)
    full = regression_metrics([1.0, 2.0], [1.0, 2.0], 2)
    assert np.isnan([full.f, full.r2_adjusted, full.sigma]).all()
