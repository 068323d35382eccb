"""Deep networks: programs, and the work of making them, grow in proportion to the depth."""

from __future__ import annotations

import sys
from itertools import pairwise

import pytest

import gradwork as gw
from gradwork.nn import Dense, network
from gradwork.run.program import build


def step(depth, target="jax"):
    """The source of the loss and all gradients of an MLP with `depth` layers."""
    net = network([*(Dense(8, "relu") for _ in range(depth - 1)), Dense(3)], (5,))
    labels = gw.matrix("Y", "n", 3, onehot=True)
    loss = -gw.mean(gw.sum(labels * gw.log_softmax(net.training), axis=1))
    return build([loss, *gw.grad(loss, list(net.parameters))], target, "float32", [], {"n": 32})[0]


@pytest.mark.parametrize("target", ["numpy", "jax", "torch"])
def test_each_layer_adds_the_same_lines(target):
    lines = [len(step(depth, target).text.splitlines()) for depth in (5, 10, 15, 20)]
    growth = [after - before for before, after in pairwise(lines)]
    assert len(set(growth)) == 1, lines
    assert growth[0] == 5 * 5  # Z and H, δ, and the gradients of W and b


def test_each_layer_adds_the_same_products():
    planned = [len(step(depth).steps) for depth in (5, 10, 20)]
    assert planned[2] - planned[1] == 2 * (planned[1] - planned[0]) == 2 * 5 * 3


def test_the_work_of_deriving_and_writing_is_linear_in_depth():
    def calls(depth):
        count = 0

        def note(frame, event, argument):
            nonlocal count
            count += event == "call"  # a generator that goes on is called as well

        sys.setprofile(note)
        try:
            step(depth)
        finally:
            sys.setprofile(None)
        return count

    step(3)
    few, many = calls(30), calls(120)
    assert many < 1.25 * 4 * few
