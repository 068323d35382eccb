"""Updates equal those of PyTorch and Keras; they print; wrong arguments are refused in one line."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.learn.callbacks import Called
from gradwork.learn.descent.run import descend
from gradwork.learn.optimizers import parts, schedules
from gradwork.learn.optimizers.named import ABOUT, OPTIMIZERS, as_optimizer, chain
from gradwork.learn.stopping import Stopping

from .problems import linear, rosenbrock

NEVER = Stopping(gradient_norm=None, growth=None)


def path(optimizer, steps: int = 1000, target: str = "numpy", objective=None):
    objective = objective or rosenbrock()
    found = {}

    def note(progress):
        values = progress.parameters()
        found[progress.step] = np.array([float(values["p"]), float(values["q"])])

    descend(objective, optimizer, steps=steps, target=target, stopping=NEVER, callbacks=Called(note, every=1))
    return found


def reference_run(reference, variant: str, name: str):
    run = reference("optimizer_trajectories.json")[variant]["runs"][name]
    options = dict(run["kwargs"])
    if "lr" in options:
        options["learning_rate"] = options.pop("lr")
    optimizer = as_optimizer(name.split("_")[0], variant=variant, **options)
    return optimizer, {int(k): np.array(v) for k, v in run["after_step"].items()}


RUNS = [
    *(("torch", n) for n in ("SGD", "SGD_momentum", "SGD_nesterov", "Adagrad", "Adam", "AdamW")),
    *(("keras", n) for n in ("SGD", "SGD_momentum", "SGD_nesterov", "Adagrad", "RMSprop", "Adam", "AdamW")),
    ("keras", "RMSprop_centered_momentum"),
]


@pytest.mark.reference
@pytest.mark.parametrize(("variant", "name"), RUNS)
def test_paths_equal_those_of_the_frameworks(reference, variant, name):
    optimizer, expected = reference_run(reference, variant, name)
    found = path(optimizer)
    for step, value in expected.items():
        np.testing.assert_allclose(found[step], value, rtol=1e-12, atol=1e-12, err_msg=f"step {step}")


@pytest.mark.reference
def test_torch_rmsprop_equals_pytorch_until_its_path_amplifies_rounding(reference):
    # Around step 500 this run jumps across the valley at every step, and a difference of 1e-16 grows by 1e12: the
    # gradient's last bit decides. Until then the paths are equal; afterwards ours differs from PyTorch's no more
    # than PyTorch's own rule does from itself, started one rounding error away.
    optimizer, expected = reference_run(reference, "torch", "RMSprop")
    found = path(optimizer)
    early = [s for s in expected if s <= 400]
    for step in early:
        np.testing.assert_allclose(found[step], expected[step], rtol=1e-12, atol=1e-12)
    p, q = gw.scalar("p"), gw.scalar("q")
    moved = gw.learn.Objective((1 - p) ** 2 + 100 * (q - p**2) ** 2, {p: -1.2 * (1 + 2**-52), q: 1.0})
    shifted = path(optimizer, objective=moved)
    for step in (s for s in expected if s > 400):
        allowed = 30 * max(abs(shifted[s] - found[s]).max() for s in expected if s <= step)
        assert abs(found[step] - expected[step]).max() <= max(allowed, 1e-12)


@pytest.mark.parametrize("name", ["adam", "rmsprop", "nesterov"])
def test_targets_take_the_same_steps(name):
    optimizer = as_optimizer(name, learning_rate=1e-3)
    ours, theirs = path(optimizer, 50), path(optimizer, 50, "xla")
    for step in ours:
        np.testing.assert_allclose(ours[step], theirs[step], rtol=1e-11)


def test_clipping_and_decay_equal_their_formulas():
    g, w = np.array([3.0, -4.0]), np.array([2.0, 1.0])

    def one(optimizer):
        a, gr = gw.vector("a", "d"), gw.vector("gr", "d")
        slots = {s: gw.vector(f"s_{s}", "d") for s in optimizer.slots}
        update = optimizer.update(a, gr, slots, gw.scalar("t"), gw.scalar("eta"), gw.norm(gr))
        values = {
            "a": w,
            "gr": g,
            "eta": 0.1,
            "t": 1.0,
            **{f"s_{s}": np.full(2, v) for s, v in optimizer.slots.items()},
        }
        f = gw.function(update.parameter)
        return f(**{n: v for n, v in values.items() if n in f.symbols})

    np.testing.assert_allclose(one(gw.SGD(0.1, clipnorm=1.0)), w - 0.1 * g / 5)
    np.testing.assert_allclose(one(gw.SGD(0.1, clipnorm=50.0)), w - 0.1 * g)
    np.testing.assert_allclose(one(gw.SGD(0.1, clipvalue=2.0)), w - 0.1 * np.array([2.0, -2.0]))
    np.testing.assert_allclose(one(gw.SGD(0.1, global_clipnorm=1.0)), w - 0.1 * g / (5 + 1e-6))
    np.testing.assert_allclose(one(gw.SGD(0.1, weight_decay=0.5)), w - 0.1 * (g + 0.5 * w))
    np.testing.assert_allclose(
        one(gw.SGD(0.1, weight_decay=0.5, variant="keras")), w - 0.1 * g - 0.1 * 0.5 * w
    )
    keras = gw.SGD(0.1, momentum=0.9, weight_decay=0.5, variant="keras")
    np.testing.assert_allclose(one(keras), w - 0.1 * g - 0.1 * 0.5 * w)


def test_global_norm_is_that_of_all_parameters():
    p, q = gw.scalar("p"), gw.vector("q", 2)
    objective = gw.learn.Objective(3 * p + gw.sum(4 * q), {p: 0.0, q: np.zeros(2)})
    fit = descend(objective, gw.SGD(1.0, global_clipnorm=1.0), steps=1, stopping=NEVER)
    norm = np.sqrt(9 + 16 + 16) + 1e-6
    np.testing.assert_allclose(fit["p"], -3 / norm)
    np.testing.assert_allclose(fit["q"], [-4 / norm, -4 / norm])


def test_a_chain_of_ones_own_runs():
    mine = chain(
        parts.clip_by_value(0.5), parts.trace(0.5), parts.trace(0.25), learning_rate=0.01, name="mine"
    )
    assert list(mine.slots) == ["v", "v_2"]
    x, v, u = np.zeros(3), np.zeros(3), np.zeros(3)
    objective = linear()
    for _ in range(7):
        g = np.clip(objective.gradient(x), -0.5, 0.5)
        v = 0.5 * v + g
        u = 0.25 * u + v
        x = x - 0.01 * u
    fit = descend(objective, mine, steps=7, stopping=NEVER, hoist=False)
    np.testing.assert_allclose(fit["b"], x, rtol=1e-13)
    with pytest.raises(gw.GradworkError, match="chain of parts"):
        chain("momentum")
    with pytest.raises(gw.GradworkError, match="made by a call, such as gw.Adam"):
        as_optimizer(gw.Adam)


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_every_optimizer_prints_its_update_and_says_when_to_use_it(name):
    optimizer = OPTIMIZERS[name]()
    latex = optimizer.latex()
    assert latex.startswith(r"\begin{aligned}") and r"w &\leftarrow" in latex
    assert latex.count("{") == latex.count("}")
    assert len(optimizer.text().splitlines()) == 1 + len(optimizer.slots)
    assert (
        optimizer.summary and optimizer.when and ABOUT[optimizer.name] == (optimizer.summary, optimizer.when)
    )
    assert str(optimizer.learning_rate.initial) in str(optimizer).replace("e-0", "e-")


def test_adam_prints_as_in_its_paper():
    assert gw.Adam().text().splitlines()[0] == "m ← β₁m + (1 − β₁) g"
    assert r"\beta_{1}" in gw.Adam().latex().replace(r"\beta_1", r"\beta_{1}")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: gw.SGD(-0.1), "learning_rate is a number above 0"),
        (lambda: gw.SGD(0.1, nesterov=True), "nesterov needs a momentum"),
        (lambda: gw.Adam(beta_1=1.0), "beta_1 lies below 1"),
        (lambda: gw.Adam(variant="jax"), 'variant is "torch" or "keras"'),
        (lambda: gw.Adam(clipnorm=1.0, clipvalue=1.0), "exclude each other"),
        (lambda: gw.SGD(decay=0.1), "SGD has no argument 'decay'"),
        (lambda: as_optimizer("adm"), "did you mean 'adam'"),
        (lambda: as_optimizer(gw.Adam(), learning_rate=1), "options belong to an optimizer's name"),
    ],
)
def test_wrong_arguments_are_one_clear_line(make, message):
    with pytest.raises(gw.GradworkError, match=message) as error:
        make()
    assert "\n" not in str(error.value)


# --- schedules --------------------------------------------------------------------------------------------


def test_schedules_have_the_values_of_their_formulas():
    s = np.arange(12)
    np.testing.assert_allclose(schedules.constant_rate(0.3).values(s), 0.3)
    np.testing.assert_allclose(schedules.step(0.3, every=4, factor=0.5).values(s), 0.3 * 0.5 ** (s // 4))
    np.testing.assert_allclose(schedules.exponential(0.3, 5, 0.9).values(s), 0.3 * 0.9 ** (s / 5))
    np.testing.assert_allclose(schedules.exponential(0.3, 5, 0.9, True).values(s), 0.3 * 0.9 ** (s // 5))
    cosine = 0.3 * (0.1 + 0.9 * (1 + np.cos(np.pi * np.minimum(s, 8) / 8)) / 2)
    np.testing.assert_allclose(schedules.cosine(0.3, 8, 0.1).values(s), cosine)
    warm = schedules.warmup(schedules.cosine(0.3, 8, 0.1), 4).values(s)
    np.testing.assert_allclose(warm[:4], 0.3 * np.arange(1, 5) / 4)
    np.testing.assert_allclose(warm[4:], cosine[:8])
    np.testing.assert_allclose(
        schedules.step(0.3, 2, 0.5).per("epoch").values(s, 3), 0.3 * 0.5 ** (s // 3 // 2)
    )


@pytest.mark.parametrize("target", ["numpy", "xla"])
@pytest.mark.parametrize("unit", ["step", "epoch"])
def test_schedules_drive_the_steps(target, unit):
    schedule = schedules.exponential(0.05, 3, 0.5).per(unit)
    objective = linear(rows=10)
    fit = descend(objective, "sgd", schedule=schedule, epochs=4, batch_size=4, target=target, stopping=NEVER)
    x, step = np.zeros(3), 0
    for epoch in range(4):
        for rows in gw.data.batches(10, 4, 0, epoch):
            rate = 0.05 * 0.5 ** ((step if unit == "step" else epoch) / 3)
            r = objective.data["y"][rows] - objective.data["X"][rows] @ x
            x = x + rate * 2 / len(rows) * objective.data["X"][rows].T @ r
            step += 1
    np.testing.assert_allclose(fit["b"], x, rtol=1e-12)
    counted = fit.history.step if unit == "step" else fit.history.epoch
    np.testing.assert_allclose(fit.history.learning_rate, 0.05 * 0.5 ** (counted / 3))
    assert r"\eta_s" in schedule.latex()


def test_wrong_schedules_are_refused():
    for make in (
        lambda: schedules.step(0.1, 0),
        lambda: schedules.cosine(-1, 5),
        lambda: schedules.warmup("x", 3),
    ):
        with pytest.raises(gw.GradworkError):
            make()
    with pytest.raises(gw.GradworkError, match="steps or epochs"):
        schedules.step(0.1, 3).per("day")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: gw.SGD(-0.1), "learning_rate is a number above 0; got -0.1"),
        (lambda: gw.Adam(float("nan")), "learning_rate is a number above 0; got nan"),
        (lambda: gw.SGD(0.1, momentum=-0.5), "momentum is a number from 0; got -0.5"),
        (lambda: gw.SGD(0.1, momentum=1.5), "momentum lies below 1; got 1.5"),
        (lambda: gw.Momentum(momentum=1.0), "momentum lies below 1; got 1.0"),
        (lambda: gw.Momentum(momentum=1.5, variant="keras"), "momentum lies below 1; got 1.5"),
        (lambda: gw.learn.Nesterov(momentum=2), "momentum lies below 1; got 2"),
        (lambda: gw.RMSprop(momentum=1.5), "momentum lies below 1; got 1.5"),
        (lambda: gw.RMSprop(rho=1), "rho lies below 1; got 1"),
        (lambda: gw.RMSprop(rho=-0.1), "rho is a number from 0; got -0.1"),
        (lambda: gw.Adam(beta_1=1.0), "beta_1 lies below 1; got 1.0"),
        (lambda: gw.Adam(beta_2=-0.1), "beta_2 is a number from 0; got -0.1"),
        (lambda: gw.Adam(epsilon=0), "epsilon is a number above 0; got 0"),
        (lambda: gw.RMSprop(epsilon=-1e-8), "epsilon is a number above 0; got -1e-08"),
        (lambda: gw.learn.Adagrad(epsilon=0.0), "epsilon is a number above 0; got 0.0"),
        (lambda: gw.learn.AdamW(weight_decay=-1), "weight_decay is a number from 0; got -1"),
    ],
)
def test_numbers_that_make_no_optimizer_are_refused(make, message):
    with pytest.raises(gw.GradworkError) as error:
        make()
    assert str(error.value) == message
