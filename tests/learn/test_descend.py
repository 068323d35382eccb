"""Descent: full batches and minibatches on both targets, what is recorded, why it ends."""

from __future__ import annotations

import signal
import time

import numpy as np
import pytest

import gradwork as gw
from gradwork.learn.callbacks import Callback, Called
from gradwork.learn.descent.pace import Pace
from gradwork.learn.descent.plans import choose
from gradwork.learn.descent.run import descend
from gradwork.learn.objective import Objective
from gradwork.learn.stopping import Stopping
from gradwork.rows.proof import NotRows

from .problems import MSE, X, b, linear, logistic, n, network, numbers, rosenbrock, y

NEVER = Stopping(gradient_norm=None, growth=None)
TARGETS = ("numpy", "xla")


def quiz(reference, **options):
    table = reference("learner.json")["quiz_final"]
    rows = np.column_stack([np.ones(5), np.array(table["X"], float)])
    return table, Objective(MSE, {b: None}, {X: rows, y: table["y"]}, **options)


# --- the numbers of the notes -----------------------------------------------------------------------------


@pytest.mark.reference
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("hoist", [False, True])
def test_quiz_costs_are_those_published(reference, target, hoist):
    table, objective = quiz(reference)
    fit = descend(
        objective, "sgd", schedule=gw.learn.constant_rate(1e-5), epochs=1000, target=target, hoist=hoist
    )
    for step, cost in table["gd_zeros_lr1e-5_mse_float64_cost_before_step"].items():
        np.testing.assert_allclose(fit.history.loss[int(step)], cost, atol=1e-6, rtol=0)
    assert (fit.steps, fit.epochs, len(fit.history), fit.target) == (1000, 1000, 1001, target)
    assert str(fit.reason) == "ran the 1000 epochs that were asked for" and not fit.converged
    usual = gw.minimize("(a - 3)^4", {"a": 0.0}, optimizer="adam")
    assert str(usual.reason) == "ran 1000 epochs, the default" and usual.steps == 1000
    assert fit.loss == fit.history.loss[-1] == objective.value(fit.vector)


@pytest.mark.reference
@pytest.mark.parametrize("target", TARGETS)
def test_quiz_with_too_large_a_rate_stops_at_step_5_and_says_so(reference, target):
    _, objective = quiz(reference)
    fit = descend(objective, gw.SGD(1e-4), epochs=1000, target=target)
    assert str(fit.reason) == "stopped at step 5: the loss grew 5 times in a row (29662 → 6.1e+09)"
    assert fit.steps == 5 and len(fit.history) == 6 and fit.stop.kind == "growth"
    assert np.all(np.diff(fit.history.loss) > 0)


@pytest.mark.reference
def test_the_thumbtack_by_ascent(reference):
    p = gw.scalar("p")
    likelihood = (27 * gw.log(p) + 73 * gw.log(1 - p)) / 100
    objective = Objective(likelihood, {p: 0.5}, maximize=True, bounds={p: (0, 1)})
    fit = descend(objective, gw.SGD(1.0), epochs=500, stopping=Stopping(gradient_norm=1e-12))
    known = reference("learner.json")["thumbtack"]
    np.testing.assert_allclose(fit["p"], known["p"], atol=1e-10)
    np.testing.assert_allclose(fit.loss * 100, known["loglik"], rtol=1e-9)
    assert fit.converged and np.all(np.diff(fit.history.loss) >= -1e-15)


# --- full batches -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("make", [linear, logistic, network])
def test_history_belongs_to_the_parameters_of_its_row(target, make):
    objective = make()
    seen = {}
    note = Called(lambda p: seen.__setitem__(p.unit, p.parameters()), every=1)
    fit = descend(objective, gw.Momentum(0.02), epochs=9, target=target, callbacks=note, stopping=NEVER)
    for unit, parameters in seen.items():
        loss, gradient = objective.value_and_gradient(objective.pack(parameters))
        np.testing.assert_allclose(fit.history.loss[unit], loss, rtol=1e-12)
        np.testing.assert_allclose(fit.history.gradient_norm[unit], np.linalg.norm(gradient), rtol=1e-10)
    assert fit.history.step.tolist() == list(range(10)) and np.all(np.diff(fit.history.seconds) >= 0)
    np.testing.assert_allclose(fit.history.learning_rate, 0.02)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_targets_agree_and_keep_the_type(dtype):
    objective = network(dtype=dtype)
    fits = [descend(objective, gw.Adam(0.01), epochs=40, target=t, stopping=NEVER) for t in TARGETS]
    for name in fits[0].parameters:
        assert fits[0][name].dtype == fits[1][name].dtype == np.dtype(dtype)
        np.testing.assert_allclose(
            fits[0][name],
            fits[1][name],
            rtol=1e-10 if dtype == "float64" else 2e-3,
            atol=1e-5 if dtype == "float32" else 0,
        )


def test_auto_takes_numpy_for_little_and_the_compiler_for_much():
    small = descend(linear(), gw.SGD(0.1), epochs=5)
    assert small.target == "numpy" and "not compiled" in small.plan
    large = descend(network(rows=300), gw.SGD(0.01), epochs=10_000, stopping=NEVER)
    assert large.target == "xla" and "compiled: about" in large.plan


def test_a_limit_of_time_counts_in_the_choice(monkeypatch):
    from gradwork.learn.descent import plans
    from gradwork.learn.descent.request import Request
    from gradwork.learn.settings import DESCEND

    monkeypatch.setattr(plans, "compile_seconds", lambda calls: 1.0)
    asked = DESCEND.takes({"steps": 10**6, "stopping": NEVER})
    request = Request(network(rows=300), gw.SGD(0.01), asked)
    assert choose(request.setup, 10**6, "auto").loop.target == "xla"
    short = choose(request.setup, 10**6, "auto", limit=0.8)  # less than the compilation alone
    assert short.loop.target == "numpy" and "in 0.8 s as it is, 0 with the compilation" in short.lines[1]
    long = choose(request.setup, 10**6, "auto", limit=10.0)
    assert long.loop.target == "xla" and "steps in 10 s with the compilation" in long.lines[1]
    # Where all steps fit into the limit, it changes nothing.
    assert (
        choose(request.setup, 10, "auto", limit=60.0).lines[1] == choose(request.setup, 10, "auto").lines[1]
    )


def test_the_limit_of_time_counts_from_the_call(monkeypatch):
    from gradwork.learn.descent import request

    made = request.training_step

    def slow(*arguments, **options):
        time.sleep(0.4)
        return made(*arguments, **options)

    monkeypatch.setattr(request, "training_step", slow)
    fit = descend(linear(), gw.SGD(1e-4), epochs=10**7, stopping=Stopping(seconds=0.5), target="numpy")
    assert fit.stop.kind == "seconds" and 0.5 <= fit.seconds < 0.9
    assert fit.history.seconds[0] >= 0.4


def test_calls_last_a_fraction_of_a_second():
    pace = Pace([], expected=0.1)
    assert pace.count(0, 1000, None, 0.0) == 2 and pace.count(0, 1000, 0.1, 0.0) == 1
    pace.took(2, 1.0)  # with a compilation
    assert pace.count(2, 1000, None, 0.0) == 1
    pace.took(1, 1e-3)
    assert pace.count(3, 1000, None, 0.0) == 64
    pace.took(64, 6.4)  # the machine has grown busy
    assert pace.count(67, 1000, None, 0.0) == 2


def test_the_callers_jax_configuration_stays():
    import jax
    import jax.numpy as jnp

    before = jax.config.jax_enable_x64
    fit = descend(linear(), gw.SGD(0.1), epochs=3, target="xla")
    assert fit["b"].dtype == np.float64 and isinstance(fit["b"], np.ndarray)
    assert jax.config.jax_enable_x64 == before and jnp.ones(2).dtype == (
        jnp.float64 if before else jnp.float32
    )


def test_validation_is_recorded():
    objective, (vx, vy) = linear(), numbers(20, 3, seed=9)
    for target in TARGETS:
        fit = descend(objective, gw.SGD(0.1), epochs=5, validation={X: vx, y: vy}, target=target, hoist=False)
        held = objective.with_data({X: vx, y: vy})
        np.testing.assert_allclose(fit.validation_loss, held.value(fit.vector))
        np.testing.assert_allclose(fit.history.validation_loss[0], held.value(np.zeros(3)))
        np.testing.assert_allclose(fit.history.validation_loss[-1], fit.validation_loss)


# --- minibatches ------------------------------------------------------------------------------------------


def by_hand(objective, rate, size, epochs, shuffle=True, seed=0):
    x, t = objective.data["X"], objective.data["y"]
    w, running = np.zeros(x.shape[1]), []
    for epoch in range(epochs):
        total = 0.0
        for rows in gw.data.batches(len(t), size, seed, epoch, shuffle):
            r = t[rows] - x[rows] @ w
            total += r @ r / len(t)
            w = w + rate * 2 / len(rows) * x[rows].T @ r
        running.append(total)
    return w, running


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("size", "shuffle"), [(7, True), (20, True), (1, True), (60, True), (16, False)])
def test_minibatches_are_those_of_a_loop_by_hand(target, size, shuffle):
    objective = linear()
    fit = descend(
        objective,
        gw.SGD(0.02),
        epochs=3,
        batch_size=size,
        shuffle=shuffle,
        seed=4,
        target=target,
        stopping=NEVER,
    )
    w, running = by_hand(objective, 0.02, size, 3, shuffle, 4)
    np.testing.assert_allclose(fit["b"], w, rtol=1e-11)
    np.testing.assert_allclose(fit.history.loss[1:], running, rtol=1e-11)
    np.testing.assert_allclose(fit.history.loss[0], objective.value(np.zeros(3)))
    assert fit.steps == 3 * -(-60 // size) and fit.epochs == 3 and len(fit.history) == 4
    assert "60 rows" in fit.plan


@pytest.mark.parametrize("target", TARGETS)
def test_a_sum_with_a_penalty_weights_both_right(target):
    lam = gw.scalar("lam")
    x, t = numbers()
    objective = Objective(gw.sum((y - X @ b) ** 2) + lam * (b @ b), {b: None}, {X: x, y: t, lam: 3.0})
    fit = descend(objective, gw.SGD(1e-4), epochs=2, batch_size=25, target=target, stopping=NEVER)
    w = np.zeros(3)
    for epoch in range(2):
        for rows in gw.data.batches(60, 25, 0, epoch):
            w = w - 1e-4 * (60 / len(rows) * -2 * x[rows].T @ (t[rows] - x[rows] @ w) + 6 * w)
    np.testing.assert_allclose(fit["b"], w, rtol=1e-11)


@pytest.mark.parametrize("target", TARGETS)
def test_steps_are_recorded_on_request(target):
    objective = linear()
    fit = descend(
        objective, gw.SGD(0.02), epochs=2, batch_size=25, record="step", target=target, stopping=NEVER,
        validation={X: objective.data["X"], y: objective.data["y"]},
    )  # fmt: skip
    assert fit.history.step.tolist() == list(range(7)) and fit.history.epoch.tolist() == [0, 1, 1, 1, 2, 2, 2]
    rows = next(gw.data.batches(60, 25, 0, 0))
    first = np.mean(objective.data["y"][rows] ** 2)
    np.testing.assert_allclose(fit.history.loss[1], first)
    assert np.flatnonzero(np.isfinite(fit.history.validation_loss)).tolist() == [0, 3, 6]


def test_a_table_of_codes_is_drawn_by_rows_and_rows_may_lie_on_another_axis():
    Z, i, E = gw.matrix("Z", 2, n), gw.vector("i", n, integer=True), gw.vector("E", 4)
    rng = np.random.default_rng(0)
    data = {Z: rng.normal(size=(2, 30)), i: rng.integers(0, 4, 30)}
    loss = gw.mean((gw.sum(Z, axis=0) - E[i]) ** 2)
    objective = Objective(loss, {E: None}, data)
    fits = [
        descend(objective, gw.SGD(0.1), epochs=60, batch_size=8, target=t, stopping=NEVER) for t in TARGETS
    ]
    np.testing.assert_allclose(fits[0]["E"], fits[1]["E"], rtol=1e-11)
    means = [data[Z].sum(0)[data[i] == j].mean() for j in range(4)]
    np.testing.assert_allclose(fits[0]["E"], means, atol=0.6)


def test_what_is_no_sum_over_rows_has_no_minibatches():
    objective = Objective(gw.std(y - X @ b), {b: None}, dict(zip([X, y], numbers())))
    with pytest.raises(NotRows, match="is not a sum over the rows n"):
        descend(objective, "sgd", batch_size=10)
    assert descend(objective, gw.SGD(0.1), epochs=3).steps == 3


# --- why a run ends ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("hoist", [False, True])
def test_a_small_gradient_ends_the_run(target, hoist):
    objective = linear()
    stopping = Stopping(gradient_norm=1e-9)
    fit = descend(objective, gw.SGD(0.1), epochs=5000, stopping=stopping, target=target, hoist=hoist)
    assert fit.converged and fit.stop.kind == "gradient" and str(fit.reason).startswith("converged at step")
    assert fit.gradient_norm <= 1e-9 < fit.history.gradient_norm[-2]
    assert fit.steps == fit.history.step[-1] < 5000
    best, *_ = np.linalg.lstsq(objective.data["X"], objective.data["y"], rcond=None)
    np.testing.assert_allclose(fit["b"], best, atol=1e-8)


@pytest.mark.parametrize("target", TARGETS)
def test_small_steps_and_small_changes_end_the_run(target):
    fit = descend(
        linear(),
        gw.SGD(0.1),
        epochs=5000,
        stopping=Stopping(step=1e-6, gradient_norm=None),
        target=target,
        hoist=False,
    )
    assert fit.stop.kind == "step" and fit.converged and 10 < fit.steps < 5000
    fit = descend(
        linear(), gw.SGD(0.1), epochs=5000, stopping=Stopping(loss=1e-8, gradient_norm=None), target=target
    )
    change = abs(np.diff(fit.history.loss))
    assert fit.stop.kind == "loss" and change[-1] <= 1e-8 < change[-2]


@pytest.mark.parametrize("target", TARGETS)
def test_patience_returns_the_best_parameters(target):
    x, t = numbers(12, 8)
    vx, vy = numbers(40, 8, seed=5)
    objective = Objective(MSE, {b: None}, {X: x, y: t + np.random.default_rng(1).normal(size=12) * 3})
    held = objective.with_data({X: vx, y: vy})
    for batch_size in (None, 5):
        fit = descend(
            objective, gw.SGD(0.02), epochs=3000, validation={X: vx, y: vy}, batch_size=batch_size,
            stopping=Stopping(patience=25, gradient_norm=None), target=target,
        )  # fmt: skip
        curve = fit.history.validation_loss
        best = int(np.argmin(curve))
        assert fit.stop.kind == "patience" and fit.epochs == best and len(curve) == best + 26
        np.testing.assert_allclose(held.value(fit.vector), curve[best], rtol=1e-10)
        assert f"of epoch {best}" in str(fit.reason)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("batch_size", [None, 5])
def test_who_asked_for_patience_gets_the_best_parameters_also_where_the_epochs_run_out(target, batch_size):
    x, t = numbers(12, 8)
    vx, vy = numbers(40, 8, seed=5)
    objective = Objective(MSE, {b: None}, {X: x, y: t + np.random.default_rng(1).normal(size=12) * 3})
    held = objective.with_data({X: vx, y: vy})
    run = {"validation": {X: vx, y: vy}, "batch_size": batch_size, "target": target}
    enough = int(np.argmin(descend(objective, gw.SGD(0.02), epochs=500, **run).history.validation_loss)) + 7
    for restore in (True, False):
        patient = Stopping(patience=1000, gradient_norm=None, restore_best=restore)
        fit = descend(objective, gw.SGD(0.02), epochs=enough, stopping=patient, **run)
        assert fit.stop.kind == "epochs" and fit.stop.index == enough
        kept = enough - 7 if restore else enough
        assert fit.epochs == kept and (f"of epoch {kept}, with" in str(fit.reason)) == restore
        np.testing.assert_allclose(held.value(fit.vector), fit.history.validation_loss[kept], rtol=1e-10)


@pytest.mark.parametrize("target", TARGETS)
def test_a_value_that_is_not_finite_ends_the_run_before_it(target):
    p = gw.scalar("p")
    objective = Objective(gw.sqrt(p) * p, {p: 1.0})
    fit = descend(objective, gw.SGD(0.2), steps=100, target=target)
    assert fit.stop.kind == "non-finite" and "the loss is nan" in str(fit.reason)
    assert np.isfinite(fit["p"]) and np.isfinite(fit.loss) and fit.steps == fit.stop.index - 1
    start = Objective(gw.log(p), {p: -1.0})
    assert str(descend(start, "sgd", steps=3, target=target).reason).startswith(
        "stopped before the first step"
    )


def test_momentum_may_rise_but_not_run_away():
    fit = descend(rosenbrock(), gw.Momentum(1e-3), steps=1000)
    assert fit.stop.kind == "steps" and np.any(np.diff(fit.history.loss) > 0)
    fit = descend(linear(), gw.Momentum(2.0), steps=1000)
    assert fit.stop.kind == "growth"


class Interrupting(Callback):
    every = 1

    def after(self, progress):
        if progress.unit == 7:
            signal.raise_signal(signal.SIGINT)
        return None


@pytest.mark.parametrize("target", TARGETS)
def test_an_interrupt_keeps_the_best_so_far(target):
    fit = descend(linear(), gw.SGD(0.05), epochs=50, callbacks=Interrupting(), target=target)
    assert str(fit.reason).startswith(
        "interrupted at step 7; the parameters are the best so far, those of step"
    )
    assert fit.loss == pytest.approx(min(fit.history.loss), rel=1e-12)
    fit = descend(linear(), gw.SGD(0.05), epochs=50, batch_size=7, callbacks=Interrupting(), target=target)
    assert "interrupted after epoch 7" in str(fit.reason) and fit.epochs == int(np.argmin(fit.history.loss))


def test_time_and_callbacks_end_the_run():
    fit = descend(linear(), gw.SGD(1e-4), epochs=10**7, stopping=Stopping(seconds=0.1), target="numpy")
    assert fit.stop.kind == "seconds" and 0.1 <= fit.seconds < 2
    fit = descend(
        linear(),
        gw.SGD(0.01),
        epochs=100,
        callbacks=Called(lambda p: "enough" if p.unit >= 20 else None, every=10),
    )
    assert fit.steps == 20 and str(fit.reason) == "stopped at step 20 by a callback: enough"


def test_callbacks_see_the_run_from_begin_to_end():
    calls = []

    class Watching(Callback):
        every = 4

        def begin(self, progress):
            calls.append(("begin", progress.unit))

        def after(self, progress):
            calls.append(("after", progress.unit))
            assert len(progress.history) == progress.unit and progress.units == 10

        def end(self, fit):
            calls.append(("end", fit.steps))

    descend(linear(), gw.SGD(0.01), epochs=10, callbacks=Watching(), stopping=NEVER)
    assert calls == [("begin", 0), ("after", 4), ("after", 8), ("after", 10), ("end", 10)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": -1}, "epochs is a whole number"),
        ({"steps": 5, "batch_size": 2}, "steps counts steps over all rows"),
        ({"batch_size": 0}, "batch_size is a whole number from 1, not 0"),
        ({"batch_size": 61}, "larger than the data"),
        ({"target": "gpu"}, "target is auto, numpy or xla, not 'gpu'"),
        ({"record": "all"}, "record is"),
        ({"callbacks": 3}, "a callback is"),
        ({"resume": True}, "name the checkpoint"),
        ({"optimizer": "adm"}, "did you mean"),
        ({"hoist": 3}, "hoist is"),
    ],
)
def test_wrong_requests_are_one_clear_line(options, message):
    with pytest.raises(gw.GradworkError, match=message) as error:
        descend(linear(), **{"optimizer": "sgd", **options})
    assert "\n" not in str(error.value)


def test_zero_epochs_return_the_start():
    for batch_size in (None, 10):
        fit = descend(linear(), "sgd", epochs=0, batch_size=batch_size)
        assert fit.steps == 0 and np.all(fit["b"] == 0) and len(fit.history) == 1


@pytest.mark.parametrize("target", TARGETS)
def test_the_reason_names_what_left_its_domain(target):
    x = np.array([[1.0], [2.0], [4.0], [0.5]])
    loss = gw.mean(gw.log(1 - X @ b))
    objective = Objective(loss, {b: None}, {X: x})
    fit = descend(objective, gw.SGD(0.04), epochs=50, target=target)
    assert (
        fit.stop.kind == "non-finite" and "row 3" in str(fit.reason) and "logarithm of −" in str(fit.reason)
    )
    assert (
        fit.details["nonfinite"].index == (2,) and fit.diagnosis.why[0] == fit.details["nonfinite"].sentence
    )
    fit = descend(objective, gw.SGD(0.1), epochs=50, batch_size=2, target=target)
    assert fit.stop.kind == "non-finite" and "the logarithm of" in str(fit.reason)
