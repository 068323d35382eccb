"""What loops give in programs for a compiler: functions of a step that only the arrays of all steps served for."""

from __future__ import annotations

import re

import numpy as np
import pytest

import gradwork as gw
from gradwork.expr.node import walk
from gradwork.nn import Dense, network
from gradwork.nn.recurrent import cell
from gradwork.ops.sequence import ALL, SCAN, scan
from gradwork.rewrite import prepare
from gradwork.run import code
from gradwork.run.emit import give_what_is_used
from gradwork.run.program import function

# T and n are equal, so that an axis taken for another does not show in the shapes.
T = n = 4
d, k = 2, 3
X, Y = gw.tensor("X", T, n, d), gw.matrix("Y", n, k)
U, W, b, a = gw.matrix("U", d, k), gw.matrix("W", k, k), gw.vector("b", k), gw.scalar("a")
ZEROS = gw.zeros(n, k)
RNG = np.random.default_rng(3)
VALUES = {s.params[0]: RNG.normal(size=[int(str(x)) for x in s.shape]) / 2 for s in (X, Y, U, W, b, a)}


def gated(h, c, x):
    gate = gw.sigmoid(x @ U + h @ W)
    c = gate * c + (1 - gate) * gw.tanh(a * (x @ U) - h @ W.T + b)
    return gw.tanh(c) * gate, c


def deep(h, x):
    return gw.tanh(x @ U + h @ W + b)


def turning(h, c):
    return c, gw.tanh(h @ W + b)


def stacked(x):
    lower = scan(deep, ZEROS, x).states
    return scan(lambda h, u: gw.tanh(u @ W.T + h @ W), ZEROS, lower).last


CASES = {
    "gates": lambda: gw.mean((scan(gated, (ZEROS, ZEROS), X).last[0] - Y) ** 2),
    "gates, backwards": lambda: gw.mean((scan(gated, (ZEROS, ZEROS), X, reverse=True).last[0] - Y) ** 2),
    "gates, all states": lambda: gw.sum(gw.sin(scan(gated, (ZEROS, ZEROS), X).states[1])),
    "simple": lambda: gw.mean((scan(deep, ZEROS, X).last - Y) ** 2),
    "two layers": lambda: gw.mean((stacked(X) - Y) ** 2),
    "states that change places": lambda: gw.sum(scan(turning, (Y, ZEROS), length=T).last[0] ** 2),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("target", ["numpy", "xla"])
def test_the_numbers_stay(case, target):
    f = CASES[case]()
    parameters = [s for s in (U, W, b, a, X) if s.params[0] in f.symbols]
    outputs = [f, *gw.grad(f, parameters)]
    values = {s: v for s, v in VALUES.items() if s in f.symbols}
    expected = function(outputs)(**values)
    changed = give_what_is_used(prepare(outputs))
    for found in (function(changed, target=target)(**values), function(outputs, target=target)(**values)):
        for x, y in zip(found, expected, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-11, atol=1e-13)


def test_functions_of_a_step_over_all_steps():
    steps = scan(deep, ZEROS, X).states
    for between in (
        gw.exp(steps) * steps,
        (1 - steps**2) * a,
        steps * b + X @ U,  # with a sequence of its own, and what is not timed
        steps[:, :, 1:] ** 2,
        gw.where(steps > 0, steps, 2),
    ):
        last = scan(lambda h, u: h + gw.sum(u, axis=1)[:, None], ZEROS, between).last
        (changed,) = give_what_is_used(prepare([last]))
        given = [x for x in walk(changed) if x.op is SCAN and x.params[1] == ALL]
        assert len(given) == 1
        values = {s: v for s, v in VALUES.items() if s in last.symbols}
        np.testing.assert_allclose(function(changed)(**values), function(last)(**values), rtol=1e-12)


def test_a_parameter_that_looks_like_a_sequence():
    B = (
        gw.ones(T)[:, None, None] * gw.exp(b)[None, None, :] * gw.ones(n)[None, :, None]
    )  # the same for all steps
    steps = scan(lambda h, x: deep(h, x) + gw.sum(B, axis=0), ZEROS, X).states
    last = scan(lambda h, u: h + u * gw.sum(u), ZEROS, steps * B).last
    values = {s: v for s, v in VALUES.items() if s in last.symbols}
    (changed,) = give_what_is_used(prepare([last]))
    np.testing.assert_allclose(function(changed)(**values), function(last)(**values), rtol=1e-12)


def source(kind):
    net = network([cell(kind)(8), Dense(1)], (5, 3))
    y = gw.matrix("y", "n", 1)
    loss = gw.mean((net.training - y) ** 2)
    return code([loss, *gw.grad(loss, list(net.parameters))], "jax", sizes={"n": 16})


def test_between_the_loops_of_an_lstm_nothing_is_left_to_compute():
    text = source("lstm")
    between = text[text.index(") = scan(") : text.index("def step_2")]
    assert "*" not in between.replace("2 / n * R", "")
    assert "1 - all" not in text
    assert "all_h_before" in text  # the loop gives the state before each step: nothing is shifted
    assert (
        len(re.findall(r"jnp\.concatenate", text[text.index("def step_2") :])) == 1
    )  # the adjoints of the gates


def test_a_loop_does_not_give_more_than_it_did():
    # Its states are wanted as they are, so functions of them would come on top.
    assert "def step(h, u_1):\n        h_next = jnp.tanh((u_1 + h @ U_1))" in source("rnn")
    assert "return (h_next,), (h_next,)\n" in source("rnn")


def test_gates_of_a_gru_are_given_once():
    text = source("gru")
    assert "def step(h, u_1):" in text  # one entry, whose parts are taken in the loop
    assert "all_B" not in text
