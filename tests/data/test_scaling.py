"""Standardising, and the way back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gradwork.data import Standardise
from gradwork.errors import ShapeError, TableError

RNG = np.random.default_rng(7)
X = RNG.normal(size=(40, 3)) * [1, 50, 0.01] + [3, -200, 1]
BETA = np.array([0.5, 1.5, -2.0, 0.25])


def test_columns_have_mean_zero_and_deviation_one() -> None:
    Z = Standardise.fit(X).transform(X)
    assert np.abs(Z.mean(axis=0)).max() < 1e-14
    assert Z.std(axis=0) == pytest.approx(np.ones(3), abs=1e-14)
    assert Standardise.fit(X).inverse(Z) == pytest.approx(X, rel=1e-14)


@pytest.mark.parametrize("intercept", [True, False])
def test_predictions_are_the_same_on_both_scales(intercept: bool) -> None:
    scale = Standardise.fit(X, intercept=intercept)
    beta = BETA if intercept else BETA[1:]
    ones = [np.ones(len(X))] if intercept else []
    scaled, original = np.column_stack([*ones, scale.transform(X)]), np.column_stack([*ones, X])
    assert original @ scale.to_original(beta) == pytest.approx(scaled @ beta, rel=1e-12, abs=1e-12)
    assert scale.to_scaled(scale.to_original(beta)) == pytest.approx(beta, rel=1e-12)
    classes = np.column_stack([beta, -beta])
    assert scale.to_original(classes)[:, 1] == pytest.approx(-scale.to_original(beta))
    assert scale.to_scaled(scale.to_original(classes)) == pytest.approx(classes, rel=1e-12)


@pytest.mark.parametrize("intercept", [True, False])
def test_the_covariance_is_that_of_the_original_columns(intercept: bool) -> None:
    scale = Standardise.fit(X, intercept=intercept)
    ones = [np.ones(len(X))] if intercept else []
    Z, A = np.column_stack([*ones, scale.transform(X)]), np.column_stack([*ones, X])
    C = np.linalg.inv(Z.T @ Z)
    expected = np.linalg.inv(A.T @ A)
    got = scale.covariance_to_original(C)
    size = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert np.abs((got - expected) / size).max() < 1e-7
    two = scale.covariance_to_original(np.kron(np.eye(2), C))
    p = len(C)
    assert np.allclose(two[p:, p:], got)
    assert not two[:p, p:].any()


def test_far_from_zero_and_very_large() -> None:
    far = 1e9 + np.arange(5.0)[:, None]
    assert Standardise.fit(far).deviation[0] == pytest.approx(np.sqrt(2), rel=1e-14)
    assert Standardise.fit([[1e200], [3e200]]).deviation[0] == pytest.approx(1e200, rel=1e-14)


def test_what_cannot_be_scaled() -> None:
    with pytest.raises(TableError, match="column 'k' is 3 in every row: it cannot be scaled"):
        Standardise.fit([[1, 3], [2, 3]], ["a", "k"])
    assert Standardise.fit([[1, 3], [2, 3]], ["a", "k"], intercept=False).deviation[1] == 3
    with pytest.raises(TableError, match="row 2, column 'x1' is nan"):
        Standardise.fit([[1.0], [np.nan]])
    with pytest.raises(ShapeError):
        Standardise.fit([1.0, 2.0])
    with pytest.raises(ShapeError):
        Standardise.fit(X).transform(X[:, :2])


def test_as_plain_data() -> None:
    scale = Standardise.fit(X, ["a", "b", "c"])
    again = Standardise.from_dict(json.loads(json.dumps(scale.to_dict())))
    assert np.array_equal(again.transform(X), scale.transform(X))
    for damage in ({"deviation": [1, 0, 1]}, {"mean": [1]}, {"names": None}, {"intercept": 1}):
        with pytest.raises(TableError, match="the scaling of the model is damaged"):
            Standardise.from_dict(scale.to_dict() | damage)
