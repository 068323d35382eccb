"""The page of the classics is what the derivations are today, and each of them is certified."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import gradwork as gw
from gradwork.formula import parse

SCRIPT = Path(__file__).parents[2] / "docs" / "make_classics.py"
spec = importlib.util.spec_from_file_location("make_classics", SCRIPT)
assert spec is not None and spec.loader is not None
classics = importlib.util.module_from_spec(spec)
__import__("sys").modules["make_classics"] = classics
spec.loader.exec_module(classics)


def test_the_page_is_current():
    assert classics.page() == classics.PAGE.read_text(encoding="utf-8"), "run: python docs/make_classics.py"


@pytest.mark.parametrize("classic", classics.CLASSICS, ids=lambda c: c.title)
def test_every_classic_is_certified_and_no_reason_is_missing(classic):
    f = parse(classic.formula, classic.shapes)
    gradients = gw.grad(f, classic.by.split())
    assert gw.certify(gradients, points=3).holds
    assert gradients[0].derivation.replay()
    from gradwork.show.rows import rows

    for row in rows(gradients[0].derivation, "unicode"):
        assert row.note or row.section != "backward", row


def test_false_reasons_are_gone():
    page = classics.page()
    assert "cross-entropy of softmax" in page
    for false in ("f is linear in b", "R is linear in W\n                    = −2XᵀRW"):
        assert false not in page
    log = gw.grad(parse("log(x^2 + y^2)"), "x").explain()
    assert "cross-entropy" not in log and "log′(x) = 1/x" in log


def test_the_concepts_of_a_first_course():
    """Cross-entropy, the sigmoid's own law without a circle, and the log that turns a product into sums."""
    sigmoid = gw.grad(parse("1/(1+exp(-x))"), "x").explain(detail="slow")
    assert "quotient rule" in sigmoid and "chain rule" in sigmoid and sigmoid.splitlines()[-1].count("σ")
    loss = gw.grad(parse("-mean(sum(Y*log(softmax(Z)), axis=1))", "Y: n k onehot, Z: n k"), "Z")
    assert str(loss) == "1/n (softmax(Z) − Y)"
    logs = gw.grad(parse("sum(x*log(θ) + (1-x)*log(1-θ))", "x: n, θ: "), "θ")
    product = gw.grad(parse("log(prod(θ^x * (1-θ)^(1-x)))", "x: n, θ: "), "θ")
    at = {"x": [1.0, 0.0, 1.0, 1.0], "θ": 0.3}
    assert logs.evaluate(**at) == pytest.approx(product.evaluate(**at), rel=1e-12)
