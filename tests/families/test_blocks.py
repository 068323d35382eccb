"""Every registered family is consistent: its density is one, its mean is the mean, its derivatives are true."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradwork as gw
from gradwork.errors import GradworkError
from gradwork.families import FAMILIES, Family
from gradwork.families.family import Unit, deviances, log_density
from gradwork.families.model import model_of
from gradwork.models.tables.named import builders

RNG = np.random.default_rng(4)
N = 40
LIKELIHOODS = [name for name, f in FAMILIES.items() if f.likelihood]
SINGLE = [name for name, f in FAMILIES.items() if not f.classes]
CONSTANTS = {"delta": 0.7, "tau": 0.3}
PHI = 0.6


def constants(family: Family) -> dict[str, float]:
    return {name: CONSTANTS[name] for name in family.constants}


def inverse_link(family: Family, z: np.ndarray) -> np.ndarray:
    inverse = model_of(family).inverse
    assert inverse is not None
    return np.asarray(inverse.evaluate(Z=z) if family.classes else inverse.evaluate(z=z))


def drawn(name: str) -> tuple[Family, np.ndarray, np.ndarray]:
    family = FAMILIES[name]
    z = RNG.normal(size=(N, 3) if family.classes else N)
    phi = PHI if family.dispersion else 1.0
    if family.draw is None:
        return family, z + RNG.normal(size=N), z
    y = family.draw(RNG, inverse_link(family, z), phi)
    return family, np.eye(3)[y.astype(int)] if family.classes else y, z


@pytest.mark.parametrize("name", FAMILIES)
def test_scores_and_curvatures_are_the_derivatives(name: str) -> None:
    family, y, z = drawn(name)
    unit, given, h = Unit.of(family), constants(family), 1e-6
    scores, weights = unit.scores(y, z, given), unit.weights(y, z, given)
    for j in range(3 if family.classes else 1):
        step = h * (np.eye(3)[j] if family.classes else 1.0)
        slope = (unit.losses(y, z + step, given) - unit.losses(y, z - step, given)) / (2 * h)
        bend = (unit.scores(y, z + step, given) - unit.scores(y, z - step, given)) / (2 * h)
        assert slope == pytest.approx(scores[:, j] if family.classes else scores, abs=1e-7)
        assert bend == pytest.approx(weights[:, :, j] if family.classes else weights, abs=1e-6)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_densities_sum_to_one_and_scores_vary_as_the_curvature_says(name: str) -> None:
    family = FAMILIES[name]
    phi = PHI if family.dispersion else 1.0
    if family.classes:
        Y, Z = np.eye(3), np.tile([0.3, -0.5, 0.1], (3, 1))
        assert np.exp(log_density(family, Y, Unit.of(family).losses(Y, Z))).sum() == pytest.approx(1)
        return
    at = {"binary": np.array([0.0, 1.0]), "count": np.arange(200.0)}.get(
        family.support.kind, np.linspace(-30, 60, 2_000_001)
    )
    at = at[family.support.holds(at)]
    width = 1.0 if family.support.kind in ("binary", "count") else at[1] - at[0]
    unit, z = Unit.of(family), np.full(len(at), 0.4)
    p = width * np.exp(log_density(family, at, unit.losses(at, z), phi))
    assert p.sum() == pytest.approx(1, abs=1e-5)
    assert p @ at == pytest.approx(inverse_link(family, z[:1])[0], rel=1e-5)
    s, w = unit.scores(at, z), unit.weights(at, z)
    assert p @ s == pytest.approx(0, abs=1e-5)
    assert p @ s**2 == pytest.approx(phi * (p @ w), rel=1e-4)
    assert unit.weights(at[:1], z[:1], expected=True)[0] == pytest.approx(p @ w, rel=1e-5)
    assert phi * unit.variances(at[:1], z[:1])[0] == pytest.approx(p @ at**2 - (p @ at) ** 2, rel=1e-4)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_nothing_is_nearer_than_a_parameter_of_its_own_and_draws_are_as_they_should(name: str) -> None:
    family, y, z = drawn(name)
    assert (deviances(family, y, Unit.of(family).losses(y, z)) >= -1e-12).all()
    if family.classes or family.support.kind == "binary":
        return
    own = np.maximum(y, 1e-12)
    near = {"log": np.log(own)}.get(family.link.split(" ")[0], y)
    assert deviances(family, y, Unit.of(family).losses(y, near)) == pytest.approx(0, abs=1e-9)
    mean, phi = np.full(200_000, 1.7), PHI if family.dispersion else 1.0
    assert family.draw is not None and family.quantile is not None and family.null is not None
    many = family.draw(np.random.default_rng(1), mean, phi)
    for share in (0.1, 0.9):
        assert (many <= family.quantile(share, mean, phi)).mean() == pytest.approx(share, abs=0.09)
    at_null = np.full(len(many), float(family.null(many)))
    unit = Unit.of(family)
    assert abs(unit.scores(many, at_null).mean()) < 1e-9


@pytest.mark.parametrize("name", [f.name for f in FAMILIES.values() if f.degree is not None])
def test_the_degree_is_that_of_the_loss(name: str) -> None:
    family, y, z = drawn(name)
    given = constants(family)
    whole = model_of(family).block.whole  # type: ignore[union-attr]
    a, b = gw.vector("a", "n"), gw.vector("b", "n")

    def loss(y: np.ndarray, z: np.ndarray, factor: float) -> float:
        numbers = [v * (factor if family.constants[n].length else 1) for n, v in given.items()]
        return float(whole(family.loss(a, b, *numbers)).evaluate(a=y, b=z))

    assert loss(3 * y + 5, 3 * z + 5, 3.0) == pytest.approx(3**family.degree * loss(y, z, 1.0), rel=1e-12)  # type: ignore[operator]


def test_every_model_of_a_family_is_built_by_its_name() -> None:
    known = builders()
    for family in FAMILIES.values():
        if family.model:
            assert known[family.model](intercept=True).block is family


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: model_of("gama"), "no family is called 'gama'"),
        (lambda: model_of("huber", constants={"delta": -1}), "a positive number, not -1"),
        (lambda: model_of("pinball", constants={"tau": 1.5}), "between 0 and 1, not 1.5"),
        (lambda: model_of("poisson", constants={"tau": 0.5}), "has no constant 'tau'"),
        (lambda: model_of("gamma", -1.0), "the penalty of gamma"),
        (lambda: Family("gamma", "", "", lambda y, z: y), "there is a family 'gamma' already"),
        (lambda: log_density(FAMILIES["mae"], np.ones(1), np.ones(1)), "no likelihood"),
        (lambda: gw.models.linear("pinball:0.9"), "the loss of a linear model is"),
    ],
)
def test_bad_input_is_one_clear_line(make: Any, text: str) -> None:
    with pytest.raises(GradworkError) as caught:
        make()
    assert text in str(caught.value) and "\n" not in str(caught.value)
