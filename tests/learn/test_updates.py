"""The printed update of an optimizer is read as a program, line after line, and does what the optimizer does."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest

import gradwork as gw
from gradwork.learn.descent.run import descend
from gradwork.learn.optimizers import parts as made
from gradwork.learn.optimizers.named import OPTIMIZERS, chain
from gradwork.learn.optimizers.parts import Part
from gradwork.learn.optimizers.schedules import cosine

STEPS = 6
NEVER = gw.Stopping(gradient_norm=None, growth=None)
PLAIN = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
VARIED = [
    {}, {"weight_decay": 0.1}, {"clipnorm": 0.5}, {"clipvalue": 0.3}, {"global_clipnorm": 0.7},
    {"clipvalue": 0.3, "weight_decay": 0.2},
]  # fmt: skip


def problem():
    """Return a loss, its parameter and its data."""
    rng = np.random.default_rng(3)
    X, y, b = gw.matrix("X", "n", "d"), gw.vector("y", "n"), gw.vector("b", "d")
    return gw.mean((y - X @ b) ** 2), b, {X: rng.normal(size=(20, 3)), y: 3 * rng.normal(size=20)}


def printed(optimizer, steps: int = STEPS) -> np.ndarray:
    """Return what the printed lines make of the parameters when each is carried out in turn."""
    loss, b, data = problem()
    slope = gw.function(gw.grad(loss, b), arguments=[b, *data])
    values = {
        "w": np.zeros(3),
        **{spelled(slot): np.full(3, start) for slot, start in optimizer.slots.items()},
    }
    values |= {spelled(letter): number for letter, number in optimizer.numbers.items()}
    for t in range(1, steps + 1):
        values |= {"g": slope(values["w"], *data.values()), "t": float(t)}
        for line in optimizer.text().splitlines():
            label, text = line.translate(PLAIN).split(" ← ")
            values[label] = read(text, values)
    return values["w"]


def spelled(name: str) -> str:
    """Return a name as it prints, with its digits on the line, as formulas have them."""
    return gw.scalar(name).unicode().translate(PLAIN)


def read(text: str, values: dict[str, object]) -> object:
    """Return the value of one printed formula."""
    text = re.sub(r"(?<![\w.])([ηλμρ])\(", r"\1 * (", text)  # a letter before a bracket is a factor here
    known = sorted(values, key=len, reverse=True)
    glued = rf"(?<![\w.])({'|'.join(known)})(?=({'|'.join(known)})(?!\w))"
    text = re.sub(glued, r"\1 ", text)
    found = gw.parse(text, {name: np.shape(v) for name, v in values.items()})
    return found.evaluate(**{name: values[name] for name in found.symbols})


def assert_runs_as_printed(optimizer, target: str = "numpy") -> None:
    loss, b, data = problem()
    run = descend(
        gw.learn.Objective(loss, {b: np.zeros(3)}, data),
        optimizer,
        steps=STEPS,
        stopping=NEVER,
        target=target,
    )
    np.testing.assert_allclose(run[b], printed(optimizer), rtol=1e-9, atol=1e-12, err_msg=optimizer.text())


@pytest.mark.parametrize("variant", ["torch", "keras"])
@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_every_optimizer_runs_as_it_prints(name, variant):
    for options in VARIED:
        assert_runs_as_printed(OPTIMIZERS[name](variant=variant, **options))


@pytest.mark.parametrize(
    "optimizer",
    [
        gw.SGD(0.05, momentum=0.9, variant="keras"),
        gw.RMSprop(centered=True, momentum=0.5),
        gw.RMSprop(centered=True, momentum=0.5, variant="keras"),
        gw.Adam(cosine(0.1, 4)),
        gw.RMSprop(cosine(0.1, 4)),
        chain(made.clip_by_value(0.5), made.trace(0.5), made.scale_by_adam(), learning_rate=0.1),
        chain(made.trace(0.5), made.sign_of_blend(), made.trace(0.25), learning_rate=0.1),
    ],
    ids=lambda o: o.text().replace("\n", "; "),
)
def test_options_and_chains_run_as_they_print(optimizer):
    assert_runs_as_printed(optimizer)


def random_part(seed: int) -> Part:
    """Return a part that keeps two arrays, and uses each as it was, as it is, or both, in an order of its own."""
    pick = random.Random(seed)

    def rule(x):
        known = {"u": x.u, "p": x.p, "q": x.q, "w": x.w}
        for slot in pick.sample(["p", "q"], 2):
            known[f"new {slot}"] = x.update(slot, some(known.values()))
        return some(known.values())

    def some(terms):
        first, second, third = (round(pick.uniform(-0.4, 0.4), 2) * x for x in pick.sample(list(terms), 3))
        return first + second + gw.tanh(third)

    return Part(f"random({seed})", rule, {"p": 0.5, "q": -0.25}, memory=True)


@pytest.mark.parametrize("seed", range(24))
def test_parts_that_use_old_and_new_values_run_as_they_print(seed):
    first = random_part(seed)
    state = random.Random(seed)
    # A rule is called more than once (to run and to print), and each time has to say the same.
    part = Part(first.text, lambda x: random_part(seed).rule(x), first.slots, memory=True)
    clipped = [made.clip_by_value(1.0)] if state.random() < 0.5 else []
    assert_runs_as_printed(chain(*clipped, part, learning_rate=0.1))


def test_lion_steps_by_the_momentum_before_it_is_renewed():
    assert gw.Lion().text().splitlines() == ["w ← w − η sign(β₁m + (1 − β₁) g)", "m ← β₂m + (1 − β₂) g"]
    loss, b, data = problem()
    A, y = data.values()
    w = m = np.zeros(3)
    for _ in range(9):
        g = -2 / 20 * A.T @ (y - A @ w)
        w, m = w - 0.01 * (np.sign(0.9 * m + 0.1 * g) + 0.1 * w), 0.99 * m + 0.01 * g
    for target in ("numpy", "xla"):
        run = gw.minimize(
            loss, {b: np.zeros(3)}, data, optimizer=gw.Lion(0.01, weight_decay=0.1), steps=9, target=target
        )
        np.testing.assert_allclose(run[b], w, rtol=1e-12)


def test_old_and_new_in_one_line_are_told_apart():
    def rule(x):
        return 2 * x.update("m", 0.9 * x.m + x.u) - x.m

    lines = chain(Part("ahead()", rule, {"m": 0.0}, memory=True)).text().splitlines()
    assert lines == ["m_old ← m", "m ← 0.9m + g", "w ← w − η(2m − m_old)"]


@pytest.mark.parametrize(
    ("part", "key"),
    [
        (lambda: Part("p()", lambda x: x.u, {"m": 0.0}), "slot never renewed"),
        (lambda: Part("p()", lambda x: x.update("v", x.u), {"m": 0.0}), "no such slot"),
        (lambda: Part("p()", lambda x: x.u, {"w": 0.0}), "letter taken"),
        (lambda: Part("p()", lambda x: x.u, {}, {"t": 0.0}), "letter taken"),
    ],
)
def test_wrong_parts_are_refused(part, key):
    with pytest.raises(gw.GradworkError) as caught:
        chain(part()).text()
    assert caught.value.key == key
