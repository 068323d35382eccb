"""Families and losses of one's own: errors against statsmodels, against numerical M-estimation, against the bootstrap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scipy import optimize

import gradwork as gw
from gradwork.errors import GradworkError
from gradwork.families import FAMILIES, Family, Model, Support
from gradwork.families.named import HUBER, POSITIVE
from gradwork.models import linear
from gradwork.ops import FUNCTIONS as f

N = 300
RNG = np.random.default_rng(8)
x, z = RNG.normal(size=N), RNG.normal(size=N)
A = np.column_stack([np.ones(N), x, z])
BASE = linear()
r = BASE.y - BASE.predictor  # y − (Xw + b)
R = BASE.y - BASE.X @ BASE.parameters[0] - BASE.parameters[1]  # the same, written out


@pytest.fixture
def registry() -> Iterator[None]:
    """Take families off the registry again that a test adds."""
    before = dict(FAMILIES)
    yield
    FAMILIES.clear()
    FAMILIES.update(before)


def inverse_gaussian() -> Family:
    """ℓ = y e^(−2z)/2 − e^(−z), the inverse Gaussian density with mean e^z: Var y = φ (E y)³."""
    return Family(
        "inverse_gaussian", "inverse Gaussian regression", "inverse Gaussian likelihood",
        loss=lambda y, z: y * f["exp"](-2 * z) / 2 - f["exp"](-z) + 1 / (2 * y),
        rest=lambda y, phi: -f["log"](2 * np.pi * phi * y**3) / 2,
        dispersion=True, mean=f["exp"], link="log E({target})", support=POSITIVE,
        null=lambda y: np.log(y.mean()), starts=True, model="inverse_gaussian",
    )  # fmt: skip


def geometric() -> Family:
    """The number of failures before a success, with mean e^z: Var y = μ + μ²."""
    return Family(
        "geometric", "geometric regression", "geometric likelihood",
        loss=lambda y, z: (y + 1) * f["softplus"](z) - y * z,
        rest=lambda y, phi: 0 * y,
        mean=f["exp"], link="log E({target})", support=Support("count", lambda y: y >= 0, "a count"),
        null=lambda y: np.log(y.mean()), starts=True,
        saturated=lambda y: f["xlogy"](y + 1, y + 1) - f["xlogy"](y, y), model="geometric",
    )  # fmt: skip


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("cov", [None, "observed", "HC0"])
@pytest.mark.parametrize("name", ["gamma", "inverse_gaussian", "geometric"])
def test_a_family_in_one_block_is_statsmodels_glm(name: str, cov: str | None) -> None:
    sm = pytest.importorskip("statsmodels.api", reason="statsmodels is an extra")
    links, families = sm.families.links, sm.families
    mean = np.exp(0.5 + 0.4 * x - 0.3 * z)
    rng = np.random.default_rng(2)
    y, peer = {
        "gamma": (lambda: rng.gamma(2.0, mean / 2), families.Gamma(links.Log())),
        "inverse_gaussian": (lambda: rng.wald(mean, 3.0), families.InverseGaussian(links.Log())),
        "geometric": (lambda: rng.negative_binomial(1, 1 / (1 + mean)), families.NegativeBinomial(alpha=1.0)),
    }[name]
    if name != "gamma":
        {"inverse_gaussian": inverse_gaussian, "geometric": geometric}[name]()
    goal = y()
    given = {"cov_type": {"observed": "nonrobust"}.get(cov, cov)} if cov else {}
    model = gw.fit({"x": x, "z": z, "y": goal}, "y", name, cov=cov)
    glm = sm.GLM(goal, A, family=peer)
    found = glm.fit(tol=1e-14, **given)
    errors = found.bse
    if cov == "observed":
        errors = np.sqrt(np.diag(np.linalg.inv(-glm.hessian(found.params, scale=found.scale, observed=True))))
    assert model.beta == pytest.approx(found.params, abs=1e-7)
    assert model.inference.std_error == pytest.approx(errors, rel=1e-6)
    assert model.metrics.log_likelihood == pytest.approx(found.llf, rel=1e-8)
    assert model.metrics.deviance == pytest.approx(found.deviance, rel=1e-7)
    assert model.metrics.null_deviance == pytest.approx(found.null_deviance, rel=1e-7)
    assert model.dispersion == pytest.approx(found.scale, rel=1e-7)
    if cov is None:
        assert model.inference.p_value == pytest.approx(found.pvalues, rel=1e-5)
        frame = found.get_prediction(A[:5]).summary_frame()
        m, low, high = model.predict_interval({"x": x[:5], "z": z[:5]}, kind="mean")
        assert m == pytest.approx(frame["mean"].to_numpy(), rel=1e-7)
        assert low == pytest.approx(frame["mean_ci_lower"].to_numpy(), rel=1e-6)
        assert high == pytest.approx(frame["mean_ci_upper"].to_numpy(), rel=1e-6)
        again = type(model).from_spec(model.spec())
        assert again.predict({"x": x, "z": z}) == pytest.approx(model.predict({"x": x, "z": z}))
        assert again.dispersion == model.dispersion


def test_gamma_intervals_hold_new_observations() -> None:
    rng = np.random.default_rng(3)
    draw = lambda x: rng.gamma(2.0, np.exp(1 + x) / 2)
    model = gw.fit({"x": x, "y": draw(x)}, "y", "gamma")
    new = rng.normal(size=4000)
    _, low, high = model.predict_interval({"x": new}, level=0.9)
    assert ((low <= draw(new)) & (draw(new) <= high)).mean() > 0.85
    y = draw(new)
    assert ((low <= y) & (y <= high)).mean() == pytest.approx(0.9, abs=0.03)


def test_a_target_outside_the_support_is_one_clear_line() -> None:
    with pytest.raises(
        GradworkError, match=r"row 2, column 'y'.* is 0; gamma regression needs a number above 0"
    ):
        gw.fit({"x": [1.0, 2, 3, 4], "y": [1.0, 0, 2, 1]}, "y", "gamma")


def own(rows: Any, **changes: Any) -> Model:
    made = {
        "name": "own", "title": "a loss of one's own", "loss": f["mean"](rows), "rows": rows,
        "predictor": BASE.predictor, "prediction": BASE.predictor, "parameters": BASE.parameters, "X": BASE.X,
        "y": BASE.y, "family": "", "link": "{target}", "loss_name": "own",
    }  # fmt: skip
    return Model(**{**made, **changes})


# Each with ρ and its first two derivatives, by hand.
LOSSES: dict[str, tuple[Any, Any, Any, Any]] = {
    "log cosh": (
        f["log"](f["cosh"](r)), lambda u: np.log(np.cosh(u)), np.tanh, lambda u: 1 / np.cosh(u) ** 2
    ),
    "pseudo Huber": (
        f["sqrt"](1 + R**2) - 1, lambda u: np.sqrt(1 + u**2) - 1, lambda u: u / np.sqrt(1 + u**2),
        lambda u: (1 + u**2) ** -1.5,
    ),
    "Cauchy": (
        f["log1p"](r**2), lambda u: np.log1p(u**2), lambda u: 2 * u / (1 + u**2),
        lambda u: (2 - 2 * u**2) / (1 + u**2) ** 2,
    ),
    "expectile": (
        f["where"](r > 0, 0.8 * r**2, 0.2 * r**2), lambda u: np.where(u > 0, 0.8, 0.2) * u**2,
        lambda u: 2 * np.where(u > 0, 0.8, 0.2) * u, lambda u: 2 * np.where(u > 0, 0.8, 0.2),
    ),
    "fourth power": (R**4, lambda u: u**4, lambda u: 4 * u**3, lambda u: 12 * u**2),
    "half squares": (r**2 / 2, lambda u: u**2 / 2, lambda u: u, np.ones_like),
}  # fmt: skip
HEAVY = 1 + 2 * x - z + RNG.standard_t(4, N) * (0.5 + np.abs(x))


def by_hand(name: str, beta: np.ndarray) -> np.ndarray:
    """The standard errors of an M-estimate: H⁻¹ (Σ ψ² x xᵀ) H⁻¹."""
    _, _, psi, bend = LOSSES[name]
    u = HEAVY - A @ beta
    H = np.linalg.inv(A.T @ (bend(u)[:, None] * A))
    S = A * psi(u)[:, None]
    return np.sqrt(np.diag(H @ S.T @ S @ H))


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_of_ones_own_has_the_sandwich_of_all_rows(name: str, scale: bool) -> None:
    model = gw.fit({"x": x, "z": z, "y": HEAVY}, "y", own(LOSSES[name][0]), scale=scale)
    best = optimize.minimize(lambda b: LOSSES[name][1](HEAVY - A @ b).mean(), [1.0, 2, -1], tol=1e-12)
    assert model.beta == pytest.approx(best.x, abs=1e-4)
    assert model.inference.std_error == pytest.approx(by_hand(name, model.beta), rel=1e-6)
    assert model.df is None and "sandwich (HC0)" in model.summary()
    with pytest.raises(GradworkError, match="no likelihood"):
        model.predict_interval({"x": x[:2], "z": z[:2]})
    with pytest.raises(GradworkError, match="code of your own"):
        model.spec()


@pytest.mark.slow
@pytest.mark.parametrize("name", LOSSES)
def test_the_errors_are_those_of_the_bootstrap(name: str) -> None:
    rho, rng, found = LOSSES[name][1], np.random.default_rng(0), []
    model = gw.fit({"x": x, "z": z, "y": HEAVY}, "y", own(LOSSES[name][0]))
    for _ in range(300):
        rows = rng.integers(0, N, N)
        B, y = A[rows], HEAVY[rows]
        found.append(optimize.minimize(lambda b: rho(y - B @ b).mean(), model.beta).x)  # noqa: B023
    spread = (np.quantile(found, 0.84, axis=0) - np.quantile(found, 0.16, axis=0)) / 2
    assert model.inference.std_error == pytest.approx(spread, rel=0.3)


@pytest.mark.parametrize("name", LOSSES)
def test_a_descent_reports_the_loss_of_the_parameters_it_reports(name: str) -> None:
    options = {"optimizer": "adam", "learning_rate": 0.05, "epochs": 20}
    model = gw.fit({"x": x, "z": z, "y": HEAVY}, "y", own(LOSSES[name][0]), **options)
    told = LOSSES[name][1](HEAVY - A @ model.beta).mean()
    assert model.fit.loss == pytest.approx(told, rel=1e-9)
    assert model.fit.history.loss[-1] == pytest.approx(told, rel=1e-9)


def test_a_loss_with_an_own_penalty_and_symbols_of_its_own() -> None:
    n, d = gw.dims("n", "d")
    X, t, v, c = gw.matrix("M", n, d), gw.vector("t", n), gw.vector("v", d), gw.scalar("c")
    rows = f["softplus"](X @ v + c) - t * (X @ v + c)
    loss = f["mean"](rows) + 0.05 * f["sum"](v**2)
    label = (x + RNG.normal(size=N) > 0).astype(int)
    made = Model(
        "own", "logistic by hand", loss, rows, X @ v + c, f["sigmoid"](X @ v + c), (v, c), X, t, "binomial",
        "logit P({target} = {label})", "own",
    )  # fmt: skip
    table = {"x": x, "z": z, "y": label}
    one, other = gw.fit(table, "y", made), gw.fit(table, "y", "logistic:0.05")
    assert one.beta == pytest.approx(other.beta, abs=1e-9)
    assert one.inference.std_error == pytest.approx(other.inference.std_error, rel=1e-8)
    assert one.metrics.log_likelihood == pytest.approx(other.metrics.log_likelihood, rel=1e-10)


@pytest.mark.parametrize("link", ["probit", "cloglog"])
def test_a_link_by_hand_is_statsmodels_glm(link: str) -> None:
    sm = pytest.importorskip("statsmodels.api", reason="statsmodels is an extra")
    eta, y = BASE.predictor, BASE.y
    rows, mean, peer = {
        "probit": (
            -y * f["log_normal_cdf"](eta) - (1 - y) * f["log_normal_cdf"](-eta), f["normal_cdf"](eta),
            sm.families.links.Probit(),
        ),
        "cloglog": (
            -y * f["log"](1 - f["exp"](-f["exp"](eta))) + (1 - y) * f["exp"](eta), 1 - f["exp"](-f["exp"](eta)),
            sm.families.links.CLogLog(),
        ),
    }[link]  # fmt: skip
    label = (0.3 + x + RNG.logistic(size=N) > 0).astype(int)
    made = own(rows, prediction=mean, family="binomial", link="z({target} = {label})")
    model = gw.fit({"x": x, "z": z, "y": label}, "y", made)
    found = sm.GLM(label, A, family=sm.families.Binomial(peer)).fit(tol=1e-14)
    assert model.beta == pytest.approx(found.params, abs=1e-7)
    assert model.inference.std_error == pytest.approx(found.bse, rel=1e-6)
    assert model.metrics.log_likelihood == pytest.approx(found.llf, rel=1e-9)
    assert model.mean({"x": x[:3], "z": z[:3]})[:, 1] == pytest.approx(found.predict(A[:3]), rel=1e-7)


def test_a_loss_that_is_no_function_of_its_predictor() -> None:
    """Rows weighted by a function of the weights themselves: derivatives by the parameters, not by the predictor."""
    w = BASE.parameters[0]
    rows = R**2 * (1 + f["exp"](-(w @ w)))
    model = gw.fit({"x": x, "z": z, "y": HEAVY}, "y", own(rows), scale=False)

    def each(b: np.ndarray) -> np.ndarray:
        return (HEAVY - A @ b) ** 2 * (1 + np.exp(-(b[1:] @ b[1:])))

    beta, h = model.beta, 1e-4
    E = h * np.eye(3)
    S = np.column_stack([(each(beta + e) - each(beta - e)) / (2 * h) for e in E])
    total = lambda b: each(b).sum()
    H = np.array(
        [[(total(beta + a + b) - total(beta + a - b) - total(beta - a + b) + total(beta - a - b)) / (4 * h * h) for b in E] for a in E]
    )  # fmt: skip
    inverse = np.linalg.inv(H)
    assert model.inference.std_error == pytest.approx(np.sqrt(np.diag(inverse @ S.T @ S @ inverse)), rel=1e-4)


@pytest.mark.parametrize(
    "rows", [abs(r), f["maximum"](0.3 * R, -0.7 * R), f["where"](r > 0, 0.3 * r, -0.7 * r)]
)
def test_a_loss_without_curvature_has_no_errors_and_says_why(rows: Any) -> None:
    model = gw.fit({"x": x, "z": z, "y": HEAVY}, "y", own(rows), solver="lbfgs")
    assert np.isnan(model.inference.std_error).all() and "no curvature at its minimum" in " ".join(
        map(str, model.notes)
    )


def test_a_kink_beside_a_curvature_is_no_error_of_its_curvature() -> None:
    model = gw.fit({"x": x, "z": z, "y": HEAVY}, "y", own(abs(r) + 0.01 * r**2), solver="lbfgs")
    assert np.isnan(model.inference.std_error).all() and "kinks (abs)" in " ".join(map(str, model.notes))


# --- Huber, whose clipped rows count -------------------------------------------------------------------------


@pytest.mark.parametrize("delta", [0.2, 1.0, 3.0])
def test_hubers_errors_are_of_all_rows_and_the_same_by_formula(delta: float) -> None:
    model = gw.fit({"x": x, "z": z, "y": HEAVY}, "y", loss=f"huber:{delta}")
    u = HEAVY - A @ model.beta
    H = np.linalg.inv(A.T @ ((np.abs(u) <= delta)[:, None] * A))
    S = A * np.clip(u, -delta, delta)[:, None]
    assert model.inference.std_error == pytest.approx(np.sqrt(np.diag(H @ S.T @ S @ H)), rel=1e-6)
    e = "(y-a-b*x-c*z)"
    formula = gw.fit(
        {"x": x, "z": z, "y": HEAVY}, formula=f"sum(where(abs{e} < {delta}, {e}^2/2, {delta}*(abs{e}-{delta}/2)))",
        params="a=1,b=2,c=-1", cov="HC0",
    )  # fmt: skip
    assert formula.inference.std_error == pytest.approx(model.inference.std_error, rel=1e-5)


def test_the_loss_by_hand_is_the_block() -> None:
    model = own(HUBER.loss(BASE.y, BASE.predictor, 1.0))
    one = gw.fit({"x": x, "z": z, "y": HEAVY}, "y", model)
    other = gw.fit({"x": x, "z": z, "y": HEAVY}, "y", loss="huber:1")
    assert one.inference.std_error == pytest.approx(other.inference.std_error, rel=1e-8)


# --- quantile regression -------------------------------------------------------------------------------------


@pytest.mark.parametrize("tau", [0.1, 0.5, 0.9])
def test_the_pinball_loss_is_quantile_regression(tau: float) -> None:
    sm = pytest.importorskip("statsmodels.api", reason="statsmodels is an extra")
    model = gw.fit({"x": x, "z": z, "y": HEAVY}, "y", loss=f"pinball:{tau}")
    found = sm.QuantReg(HEAVY, A).fit(q=tau, p_tol=1e-10, max_iter=10_000)
    pinball = lambda b: np.maximum(tau * (HEAVY - A @ b), (tau - 1) * (HEAVY - A @ b)).mean()
    assert pinball(model.beta) <= pinball(found.params) + 1e-5
    assert np.isnan(model.inference.std_error).all()
    assert (HEAVY < A @ model.beta).mean() == pytest.approx(tau, abs=0.02)
