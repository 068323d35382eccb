"""An expression that is printed on its own explains its names."""

from __future__ import annotations

import numpy as np

import gradwork as gw
from gradwork.formula import parse

SHAPES = "X: n d, W1: d h, b1: h, W2: h k, Y: n k"


def network():
    return gw.grad(parse("mean((Y - tanh(X@W1 + b1)@W2)^2)", SHAPES), ["W1", "b1"])[0]


def test_every_name_is_defined_below():
    lines = str(network()).splitlines()
    assert lines[0] == "Xᵀδ"
    assert lines[1].startswith("with δ") and "∘ (1 − H²)" in lines[1]
    assert [line.split()[0] for line in lines[2:]] == ["R", "H", "Z"]
    assert network().unicode() == "Xᵀδ"
    assert "∂f/∂" not in str(gw.grad(parse("mean((y - X b)^2)"), "b"))


def test_the_representation_is_one_short_line():
    shown = repr(network())
    assert "\n" not in shown and len(shown) < 130 and "with δ = " in shown


def test_latex_holds_the_definitions():
    shown = network()._repr_latex_()
    assert r"\text{with}" in shown and r"\delta &=" in shown and shown.count("{") == shown.count("}")
    assert r"\text{with}" not in gw.grad(parse("x^2"), "x")._repr_latex_()


def test_the_text_has_no_names_and_reads_back():
    g = network()
    again = parse(g.text(), SHAPES)
    rng = np.random.default_rng(0)
    point = {
        n: rng.normal(size=s)
        for n, s in {"X": (5, 2), "W1": (2, 3), "b1": 3, "W2": (3, 2), "Y": (5, 2)}.items()
    }
    np.testing.assert_allclose(again.evaluate(**point), g.evaluate(**point), rtol=1e-12)


def test_a_tangent_defines_its_names_too():
    f = parse("tanh(tanh(X@W1 + b1)@W2)", SHAPES)
    t = gw.jvp(f, "W1", gw.matrix("T", "d", "h"))
    assert str(t)


def test_a_derivation_is_a_list_of_steps_with_every_view():
    d = gw.grad(parse("mean((y - X@b)^2)"), "b").derivation
    assert list(d) == d.steps and len(d) == len(d.steps) > 0
    assert d and gw.grad(gw.scalar("x"), "x").derivation
    assert d._repr_latex_().startswith("$\\displaystyle \\begin{aligned}")
    assert d.mathml().count("<math") > 5 and d.unicode() == str(d)
