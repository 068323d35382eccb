"""The diagnosis is computed: limits, condition numbers, contraction, the value that left its domain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradwork as gw
from gradwork.data import permutation
from gradwork.learn.diagnosis.curvature import Curvature, curvature, lanczos
from gradwork.learn.diagnosis.nonfinite import explain_nonfinite
from gradwork.learn.diagnosis.remaining import noise, remaining
from gradwork.learn.diagnosis.why import _turned, above, below
from gradwork.learn.history import History
from gradwork.learn.objective import Objective
from gradwork.words.numbers import nines
from gradwork.words.numbers import rate as rate_text

RNG = np.random.default_rng(0)
n, d = gw.dims("n", "d")
X, y, b, c = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("b", d), gw.scalar("c")


@pytest.mark.reference
def test_the_quiz_table_with_a_rate_that_is_too_large(reference) -> None:
    quiz = reference("learner.json")["quiz_final"]
    fit = gw.minimize(
        gw.mean((y - X @ b - c) ** 2), {b: None, c: None}, {X: quiz["X"], y: quiz["y"]}, solver="gd",
        learning_rate=1e-4,
    )  # fmt: skip
    found = fit.diagnosis
    assert found.limit == pytest.approx(quiz["max_stable_lr"], rel=1e-6)
    assert found.curvature.largest == pytest.approx(quiz["mse_hessian_eigs"][-1], rel=1e-6)
    assert found.curvature.smallest == pytest.approx(quiz["mse_hessian_eigs"][0], rel=1e-5)
    text = " ".join(found.text().split())
    for words in (
        "stopped at step 5: the loss grew 5 times in a row (29662 → 6.1e+09)",
        "L = 44013.7",
        "2/L = 4.544e-05; yours is 1e-4",
        "44013.7 … 0.0064 (condition number 6.9e6)",
        "0.9999997 a",
        "stable below 0.347, condition number 1.3e3",
        "a learning rate of 4e-5",
    ):
        assert words in text, words
    model = gw.fit(
        {f"q{j}": np.array(quiz["X"])[:, j] for j in range(3)} | {"final": quiz["y"]}, "final", solver="gd",
        learning_rate=1e-4, scale=False,
    )  # fmt: skip
    flags = " ".join(model.diagnosis(flags=True).text().split())
    assert "leave scaling on (the default): then stable below 0.347, condition number 1.3e3" in flags
    assert "or --learning-rate 4e-5; or --solver newton." in flags
    assert np.isnan(model.inference.std_error).all()


@pytest.mark.parametrize(("factor", "diverges"), [(0.98, False), (1.02, True)])
def test_the_limit_is_the_limit(factor: float, diverges: bool) -> None:
    Xs = RNG.normal(size=(30, 3)) * [1, 5, 0.3]
    o = Objective(gw.mean((y - X @ b) ** 2), {b: None}, {X: Xs, y: RNG.normal(size=30)})
    limit = curvature(o, o.start_vector).limit
    fit = gw.minimize(o.formula, {b: None}, o.data, solver="gd", learning_rate=factor * limit, epochs=3000)
    assert (fit.stop.kind == "growth") is diverges


SLOPED = {X: np.random.default_rng(5).normal(size=(40, 3)) * [1.0, 5.0, 0.5], y: np.linspace(-1, 2, 40)}


@pytest.mark.parametrize(
    "made",
    [
        lambda rate: gw.SGD(rate, weight_decay=20.0),
        lambda rate: gw.Momentum(rate, clipnorm=1e9),
        lambda rate: gw.Momentum(rate, momentum=0.5, weight_decay=20.0),
        lambda rate: gw.Nesterov(rate),
        lambda rate: gw.Nesterov(rate, momentum=0.6, variant="keras"),
    ],
)
def test_the_limit_of_other_optimizers_is_their_limit(made: Any) -> None:
    def run(rate: float) -> Any:
        return gw.minimize(
            gw.mean((y - X @ b) ** 2), {b: None}, SLOPED, optimizer=made(rate), epochs=3000,
            stopping=gw.Stopping(growth=None, gradient_norm=None),
        )  # fmt: skip

    limit = run(1e-3).diagnosis.limit
    assert run(0.98 * limit).loss < 1e3 < run(1.02 * limit).history.loss[-1]
    far = gw.minimize(gw.mean((y - X @ b) ** 2), {b: None}, SLOPED, optimizer=made(2 * limit))
    assert f"= {limit:.4g}; yours is {rate_text(2 * limit)}" in " ".join(far.diagnosis.text().split())
    # What is advised converges.
    text = far.diagnosis.text().replace("\n      ", " ")
    assert run(float(text.partition("a learning rate of ")[2].partition(";")[0])).loss < 1e3


def test_momentum_with_clipped_batches_has_its_noise_measured() -> None:
    fit = gw.minimize(
        gw.mean((y - X @ b) ** 2), {b: None}, SLOPED, optimizer=gw.Momentum(0.01, clipnorm=1.0), batch_size=4,
        epochs=50,
    )  # fmt: skip
    assert fit.diagnosis.why


def test_a_crawling_run_is_told_how_slow_it_is() -> None:
    Xs = RNG.normal(size=(60, 3)) * [1, 100, 1] + [0, 300, 0]
    ys = Xs @ [1, 0.01, -1] + RNG.normal(size=60)
    fit = gw.minimize(
        gw.mean((y - X @ b) ** 2), {b: None}, {X: Xs, y: ys}, solver="gd", learning_rate=1e-6, epochs=50
    )
    text = fit.diagnosis.text()
    assert "one decimal takes" in text
    assert fit.diagnosis.scaled.condition < fit.diagnosis.curvature.condition / 100
    own = fit.diagnosis.curvature.contraction(1e-6)
    assert f"{int(np.ceil(np.log(10) / -np.log(own))):,} steps" in text


def test_lanczos_agrees_with_eigenvalues() -> None:
    A = RNG.normal(size=(400, 400))
    H = A @ A.T / 400 + np.diag(np.linspace(0, 5, 400))
    found, values = lanczos(lambda v: H @ v, 400, 400), np.linalg.eigvalsh(H)
    assert found.largest == pytest.approx(values[-1], rel=1e-8)
    assert found.smallest == pytest.approx(values[0], rel=1e-3)
    assert Curvature(4.0, 1.0).best_contraction == pytest.approx(0.6)


def test_the_value_that_left_its_domain_is_named_with_its_row() -> None:
    x = gw.vector("x", n)
    o = Objective(gw.mean(gw.log(1 - c * x)), {c: 0.5}, {x: [1.0, 1.5, 3.0, 0.2]})
    assert (
        str(explain_nonfinite(o, [0.5]).sentence)
        == "log(1 − cx) is nan in row 3: the logarithm of −0.5, where 1 − cx = −0.5"
    )
    assert explain_nonfinite(o, [0.1]) is None
    o = Objective(gw.sum(gw.exp(c * x)), {c: 1.0}, {x: [1.0, 800.0]})
    found = explain_nonfinite(o, [1.0])
    assert (found.index, found.argument) == ((1,), 800.0)
    assert "exp of 800 is too large for float64, where cx = 800" in str(found.sentence)
    o = Objective(gw.sum(1 / (x - c)), {c: 1.0}, {x: [1.0, 2.0]})
    assert "division by 0" in str(explain_nonfinite(o, [1.0]).sentence)


def test_descent_that_leaves_the_domain_is_explained() -> None:
    p = gw.scalar("p")
    fit = gw.maximize(
        27 * gw.log(p) + 73 * gw.log(1 - p), {p: 0.5}, optimizer="sgd", learning_rate=0.05, epochs=50
    )
    found = fit.diagnosis
    assert fit.stop.kind == "non-finite"
    assert found.nonfinite is not None
    assert "the logarithm of" in found.text()


def test_a_step_out_of_the_domain_is_measured_and_mended() -> None:
    a, x = gw.scalar("a"), gw.vector("x", n)
    loss = gw.mean((y - gw.log(a + x)) ** 2)
    data = {x: np.linspace(-1, 3, 20), y: np.full(20, -5.0)}
    fit = gw.minimize(loss, {a: 1.2}, data, learning_rate=0.5, epochs=100)
    slope = Objective(loss, {a: 1.2}, data).gradient([1.2])[0]
    text = " ".join(fit.diagnosis.text().split())
    assert f"a step at your rate, 0.5, takes a from 1.2 to {1.2 - 0.5 * slope:.4g}." in text
    rate = float(text.partition("a learning rate of ")[2].partition(";")[0])
    assert gw.minimize(loss, {a: 1.2}, data, learning_rate=rate, epochs=1).stop.kind == "epochs"


def test_overfitting_names_the_epoch() -> None:
    Xs, held = RNG.normal(size=(30, 25)), RNG.normal(size=(200, 25))
    ys, yh = Xs[:, 0] + RNG.normal(size=30), held[:, 0] + RNG.normal(size=200)
    fit = gw.minimize(
        gw.mean((y - X @ b) ** 2), {b: None}, {X: Xs, y: ys}, solver="gd", learning_rate=0.05, epochs=2000,
        validation={X: held, y: yh},
    )  # fmt: skip
    turned = fit.diagnosis.turned
    assert turned == int(fit.history.epoch[np.argmin(fit.history.validation_loss)])
    assert f"lowest at epoch {turned}" in fit.diagnosis.text()


def test_overfitting_of_a_maximisation() -> None:
    rng = np.random.default_rng(2)
    Xs, held = rng.normal(size=(30, 25)), rng.normal(size=(200, 25))
    ys, yh = Xs[:, 0] + rng.normal(size=30), held[:, 0] + rng.normal(size=200)
    loss = gw.mean((y - X @ b) ** 2)
    options: dict[str, Any] = {"learning_rate": 0.05, "epochs": 2000, "validation": {X: held, y: yh}}
    least = gw.minimize(loss, {b: None}, {X: Xs, y: ys}, **options)
    most = gw.maximize(-loss, {b: None}, {X: Xs, y: ys}, **options)
    assert least.diagnosis.turned == most.diagnosis.turned is not None


def test_noise_is_no_overfitting() -> None:
    rng = np.random.default_rng(0)
    for count in (30, 300, 3000):
        settled = np.exp(-np.arange(count) / 5)
        noisy = {"epoch": np.arange(count), "step": np.arange(count)} | {
            name: 1 + settled + 0.1 * rng.normal(size=count) for name in ("loss", "validation_loss")
        }
        assert _turned(History.from_dict(noisy)) == (None, {})
        rising = noisy["validation_loss"] + np.linspace(0, 2, count)
        falling = noisy["loss"] - np.linspace(0, 1, count)
        at, _ = _turned(History.from_dict(noisy | {"validation_loss": rising, "loss": falling}))
        assert at == int(np.argmin(rising))


FAR = RNG.normal(size=(448, 3))
MSE = gw.mean((y - X @ b - c) ** 2)


def far(level: float) -> dict[Any, Any]:
    return {X: FAR, y: level + FAR @ [1.0, 2.0, 3.0] + np.random.default_rng(1).normal(size=448)}


def test_adam_that_cannot_arrive_is_told_how_far_it_is() -> None:
    fit = gw.minimize(MSE, {b: None, c: None}, far(150.0), optimizer="adam", epochs=20, batch_size=32)
    text = " ".join(fit.diagnosis.text().split())
    assert "In 20 epochs of 14 steps Adam moves a parameter by at most about 0.28" in text
    left = np.linalg.lstsq(np.column_stack([FAR, np.ones(448)]), far(150.0)[y], rcond=None)[0][-1] - fit["c"]
    assert f"c has {left:.3g} to go" in text
    assert "2/L" not in text and "condition number" not in text
    # What is advised gets there.
    rate = float(text.partition("a learning rate of ")[2].partition(";")[0])
    better = gw.minimize(
        MSE, {b: None, c: None}, far(150.0), optimizer="adam", epochs=20, batch_size=32, learning_rate=rate
    )
    assert abs(better["c"] - fit["c"]) > 0.9 * left
    whole = gw.minimize(MSE, {b: None, c: None}, far(150.0), optimizer="adam", epochs=200)
    assert "In 200 steps Adam moves a parameter by at most about 0.2" in whole.diagnosis.text()
    near = gw.minimize(MSE, {b: None, c: None}, far(0.0), optimizer=gw.Adam(0.05), epochs=100)
    assert "whatever the slope" in near.diagnosis.text() and "at most" not in near.diagnosis.text()


@pytest.mark.parametrize("optimizer", [gw.SGD(0.1), gw.Momentum(0.02), gw.Adam(0.05)])
def test_a_run_at_its_noise_floor_is_told_so(optimizer: Any) -> None:
    data = far(0.0)
    fit = gw.minimize(MSE, {b: None, c: None}, data, optimizer=optimizer, epochs=100, batch_size=8)
    text = " ".join(fit.diagnosis.text().split())
    assert "the loss hovers at its noise floor" in text and "2/L" not in text
    best = gw.minimize(MSE, {b: None, c: None}, data).loss
    assert f"about {fit.loss - best:.2g} above the minimum" in text
    assert "or batch_size=32" in text
    rate = optimizer.learning_rate.initial
    assert f"learning_rate=gw.learn.cosine({rate_text(rate)}, 5600)" in text
    # What is advised mends it.
    decayed = optimizer.with_rate(gw.learn.cosine(rate, 5600))
    better = gw.minimize(MSE, {b: None, c: None}, data, optimizer=decayed, epochs=100, batch_size=8)
    assert better.loss - best < 0.1 * (fit.loss - best)
    assert "little beside the loss" in better.diagnosis.text() and not better.diagnosis.do


def test_what_remains_of_a_loss_with_directions_that_do_not_matter() -> None:
    (k,) = gw.dims("k")
    W, Y = gw.matrix("W", d, k), gw.matrix("Y", n, k, onehot=True)
    rng = np.random.default_rng(4)
    A = rng.normal(size=(90, 2))
    classes = np.argmax(A @ rng.normal(size=(2, 3)) + rng.normal(size=(90, 3)), axis=1)
    loss, data = -gw.sum(Y * gw.log_softmax(X @ W)) / gw.size(n), {X: A, Y: np.eye(3)[classes]}
    best = gw.minimize(loss, {W: None}, data, solver="lbfgs")
    near = gw.minimize(
        loss, {W: best["W"] + 1e-3 * rng.normal(size=(2, 3))}, data, optimizer="adam", epochs=0
    )
    found = remaining(near.objective, near.vector)
    assert found is not None
    assert found.gain == pytest.approx(near.loss - best.loss, rel=1e-2)
    assert (
        np.abs(found.step.reshape(2, 3).sum(axis=1)).max() < 1e-12
    )  # softmax does not see a shift of its rows
    assert "W[" in gw.minimize(loss, {W: None}, data, optimizer="adam", epochs=5).diagnosis.text()
    p, q = gw.scalar("p"), gw.scalar("q")
    for sloped in (p**2 + q, p**2 - q**2, p + q):  # where there is no minimum there is no way to it
        assert remaining(Objective(sloped, {p: 1.0, q: 1.0}), np.ones(2)) is None


def test_noise_is_measured() -> None:
    data = far(0.0)
    fit = gw.minimize(MSE, {b: None, c: None}, data, optimizer=gw.SGD(0.1), epochs=3, batch_size=8)
    batching = fit.details["batching"]
    found = noise(fit.objective, fit.details["proof"], batching, fit.vector, 0.1)
    A = np.column_stack([FAR, np.ones(448)])
    r = A @ fit.vector - data[y]
    whole, rows = 2 * A.T @ r / 448, permutation(448, batching.seed, 0).reshape(-1, 8)
    d = np.array([2 * A[k].T @ r[k] / 8 for k in rows]) - whole
    assert found.norm == pytest.approx(np.linalg.norm(whole))
    assert found.spread == pytest.approx(np.sqrt((d**2).sum(axis=1).mean()))
    H = 2 * A.T @ A / 448
    assert found.loses == pytest.approx(0.005 * np.einsum("ki,ij,kj", d, H, d) / len(d))
    assert found.wins == pytest.approx(0.1 * whole @ whole)


def test_a_run_with_batches_that_is_far_from_its_floor_is_told_of_curvature() -> None:
    fit = gw.minimize(MSE, {b: None, c: None}, far(0.0), optimizer=gw.SGD(0.001), epochs=2, batch_size=8)
    text = fit.diagnosis.text()
    assert "one decimal takes" in text and "noise" not in text


def test_one_parameter_has_no_span_of_curvatures() -> None:
    p = gw.scalar("p")
    fit = gw.minimize((p - 3) ** 2, {p: 0.0}, solver="gd", learning_rate=0.01, epochs=20)
    text = " ".join(fit.diagnosis.text().split())
    assert "factor of 0 " not in text and "condition number" not in text
    assert (
        "bends alike in every direction, by 2: at a rate of 0.5 the error is gone in one step. At your rate it shrinks"
        in text
    )
    assert gw.minimize((p - 3) ** 2, {p: 0.0}, solver="gd", learning_rate=0.5, epochs=1)["p"] == 3.0


def test_advice_is_given_only_where_it_applies() -> None:
    fit = gw.minimize(MSE, {b: None, c: None}, far(0.0), solver="gd", learning_rate=0.1, epochs=40)
    assert not fit.converged and not fit.diagnosis.do  # nothing more to gain
    # On columns that are scaled already no scaling is advised, wherever the curvature is measured.
    o = gw.vector("o", n)
    classes = (FAR[:, 0] * 4 + np.random.default_rng(2).normal(size=448) > 0).astype(float)
    Z = (FAR - FAR.mean(axis=0)) / FAR.std(axis=0)
    loss = gw.mean(gw.softplus(X @ b + c) - o * (X @ b + c))
    fit = gw.minimize(loss, {b: None, c: None}, {X: Z, o: classes}, solver="gd", learning_rate=1.0, epochs=60)
    assert fit.diagnosis.do and not any("scal" in str(line) for line in fit.diagnosis.do)
    raw = gw.minimize(
        loss,
        {b: None, c: None},
        {X: FAR * [1, 30, 1], o: classes},
        solver="gd",
        learning_rate=1e-3,
        epochs=60,
    )
    assert any("scale the columns of X" in str(line) for line in raw.diagnosis.do)


def test_numbers_as_words() -> None:
    assert (above(1.09), above(0.3), above(0.31)) == (2.0, 0.3, 0.4)
    assert below(4.544e-5) == 4e-5
    assert below(1.0) == 0.9
    assert (nines(0.99999971), nines(1.5), nines(0.5)) == ("0.9999997", "1.5", "0.5")
    assert rate_text(0.0004) == "4e-4"
