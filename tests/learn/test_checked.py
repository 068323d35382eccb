"""Nothing is learned with a gradient that contradicts its loss; and no right gradient is refused."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.diff import calculus
from gradwork.diff import reverse as module
from gradwork.errors import DerivativeError
from gradwork.expr.node import CONSTANT, constant, definition
from gradwork.learn.objective import Objective
from gradwork.ops.contraction import CONTRACT, contract, split
from gradwork.rewrite.engine import Rule

RNG = np.random.default_rng(0)
X, y = gw.matrix("X", "n", "d"), gw.vector("y", "n")
b = gw.vector("b", "d")
DATA = {X: RNG.normal(size=(40, 3)), y: RNG.normal(size=40)}


def spoil(node):
    """Multiply a product that holds a tanh and no number by three: a rule that loses the value."""
    if any(definition(a).op.name == "tanh" for a in node.args) and node.args[0].op is not CONSTANT:
        return contract([(constant(3), ()), *split(node)], node.params[1])
    return None


@pytest.fixture
def wrong(monkeypatch):
    rule = Rule("a rule that is wrong", "canonical", (CONTRACT,), spoil)
    monkeypatch.setattr(module, "FIRST", (*calculus.FIRST, rule))
    monkeypatch.setattr(module, "RULES", (*calculus.RULES, rule))


@pytest.mark.parametrize("options", [
    {}, {"solver": "lbfgs"}, {"solver": "gd"}, {"solver": "newton"}, {"optimizer": "adam", "epochs": 3},
    {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 2, "batch_size": 8}, {"dtype": "float32", "optimizer": "adam"},
])  # fmt: skip
def test_a_wrong_gradient_is_refused_with_its_line(wrong, options):
    loss = gw.mean((y - gw.tanh(X @ b) * (X @ b)) ** 2)
    with pytest.raises(DerivativeError, match="a rule that is wrong"):
        gw.minimize(loss, {b: None} | {b: [0.3, -0.2, 0.5]}, DATA, **options)


def test_grad_takes_a_check_and_carries_its_certificate(wrong):
    x = gw.vector("x", "n")
    f = gw.sum(gw.exp(x) * gw.tanh(x))
    with pytest.raises(DerivativeError, match="does not pass its check"):
        gw.grad(f, x, check=True)
    g = gw.grad(f, x)
    assert not g.certificate.holds and g.certificate is g.certificate


def test_a_right_one_passes_its_check():
    x = gw.vector("x", "n")
    g = gw.grad(gw.sum(gw.exp(x)), x, check=True)
    assert g.certificate.holds and g.certificate is g.certificate


@pytest.mark.parametrize("options", [{}, {"solver": "lbfgs"}, {"optimizer": "adam", "epochs": 2}])
def test_the_plan_says_that_it_was_checked(options):
    fit = gw.minimize(gw.mean(gw.log(1 + gw.exp(-y * (X @ b)))), {b: None}, DATA, **options)
    assert "gradient checked at the start" in fit.plan and "2 evaluations" in fit.plan


SHAPES = "X: n d, y: n, b: d, c: , a: "
LOSSES = [
    # kinks and ties at the start, zeros, huge and small scales, steep and flat places
    ("mean(abs(y - X b))", {"b": None}, {}),
    ("mean(relu(X b) + relu(-X b)) + c^2", {"b": None, "c": 0}, {}),
    ("mean(maximum(X b, 0)) + sum(abs(b))", {"b": None}, {}),
    ("mean((y - X b)^2)", {"b": None}, {"X": 1e8}),
    ("mean((y - X b)^2)", {"b": None}, {"X": 1e-8}),
    ("1e-12 mean((y - X b)^2)", {"b": None}, {}),
    ("mean((y - X b)^2) + 1e10", {"b": None}, {}),
    ("mean((y - exp(X b))^2)", {"b": [3.0, -3.0, 2.0]}, {}),
    ("mean((y - a*exp(-c*X[:,0]^2))^2)", {"a": 1e6, "c": 1e-6}, {}),
    ("norm(b) + mean(X b)", {"b": None}, {}),
    ("log(cosh(c)) + mean(y)", {"c": 2.0}, {}),
    ("c^4 + a^4", {"a": 0, "c": 0}, {}),
    ("mean((y - floor(X b))^2) + c^2", {"b": [1.0, 2.0, 3.0], "c": 1.0}, {}),
    ("sqrt(abs(c)) + a^2", {"c": 1e-9, "a": 3.0}, {}),
    ("mean(softplus(1e4 X b))", {"b": [0.1, 0.2, 0.3]}, {}),
    ("max(X b) + min(X b)", {"b": None}, {}),
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("loss", "start", "scale"), LOSSES)
def test_no_right_gradient_is_refused(loss, start, scale, dtype):
    from gradwork.learn.checked import check_start

    f = gw.parse(loss, ", ".join(p for p in SHAPES.split(", ") if p.split(":")[0] in loss))
    arrays = {"X": DATA[X] * scale.get("X", 1.0), "y": DATA[y]}
    o = Objective(f, start, {k: v for k, v in arrays.items() if k in f.symbols}, dtype)
    assert check_start(o)
    assert check_start(o) == ""  # once


def test_random_formulas_are_not_refused():
    from gradwork.errors import GradworkError
    from gradwork.learn.checked import check_start
    from tests.check.formulas import formulas

    sizes = {"n": 5, "d": 3}
    tried = 0
    for seed, f, x in formulas(5000, 120):
        rng = np.random.default_rng(seed)
        if x.params[1] & {"integer", "orthogonal", "diagonal", "symmetric", "lower"}:
            continue
        data = {}
        for s in f.symbols.values():
            shape = tuple(d.evaluate(sizes) for d in s.shape)
            value = rng.uniform(0.3, 2, shape)
            known = s.params[1]
            if "orthogonal" in known or "diagonal" in known or "symmetric" in known or "lower" in known:
                value = np.eye(3)
            data[s] = rng.integers(0, 3, shape) if "integer" in known else value
        try:
            o = Objective(f, {x: data.pop(x)}, data, sizes=sizes)
            said = check_start(o)
        except DerivativeError as error:
            raise AssertionError(f"{seed}: {f} by {x}: {error}") from error
        except GradworkError:
            continue
        tried += "evaluations" in said
    assert tried > 40


def test_of_a_large_table_some_rows_are_enough():
    from gradwork.learn.checked import check_start

    rng = np.random.default_rng(1)
    loss = gw.mean((y - X @ b) ** 2)
    o = Objective(loss, {b: None}, {X: rng.normal(size=(300_000, 3)), y: rng.normal(size=300_000)})
    seen = []
    value = Objective.value
    Objective.value = lambda self, v: seen.append(len(self.data["y"])) or value(self, v)  # type: ignore[method-assign]
    try:
        assert check_start(o)
    finally:
        Objective.value = value  # type: ignore[method-assign]
    assert seen == [512, 512]
