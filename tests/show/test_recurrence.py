"""Backpropagation through time as it is read: the step, the step backward, the sums over time, why it fades."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.show.unroll import unroll

T, d, k = gw.dims("T", "d", "k")
x, v, y = gw.matrix("x", T, d), gw.vector("v", k), gw.scalar("y")
Wx, Wh, b = gw.matrix("W_x", k, d), gw.matrix("W_h", k, k), gw.vector("b", k)


def states():
    return gw.scan(lambda h, x: gw.tanh(Wx @ x + Wh @ h + b), gw.zeros(k), x)


LAST = """\
forward       aₜ = Wₓxₜ + Wₕhₜ₋₁ + b              k
              hₜ = tanh(aₜ)                       k      t = 1 … T
              r = y − vᵀ h_T                      scalar
              f = r²                              scalar

backward      ∂f/∂r = 2r                          (xᵖ)′ = p xᵖ⁻¹
              ∂f/∂h_T = −(∂f/∂r) v                r is linear in h_T
                    = −2rv                        substitute
              δₜ = ∂f/∂aₜ = ∂f/∂hₜ ∘ (1 − hₜ²)    tanh′ = 1 − tanh²      t = T … 1
              ∂f/∂hₜ₋₁ = Wₕᵀδₜ                    aₜ is linear in hₜ₋₁, with matrix Wₕ
              ∂f/∂Wₕ = Σₜ δₜhₜ₋₁ᵀ                 one term for each step
              ∂f/∂Wₓ = Σₜ δₜxₜᵀ                   one term for each step
              ∂f/∂b = Σₜ δₜ                       one term for each step

why it fades  ∂h_T/∂hₜ = Πₛ diag(1 − hₛ²) Wₕ      T − t factors, s = T … t + 1 from left to right"""


def words(text):
    """The text without its spacing, which is the printers' affair."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_the_derivation_reads_as_on_the_blackboard():
    derivation = gw.grad((y - v @ states().last) ** 2, [Wh, Wx, b])[0].derivation
    assert words(derivation.text()) == words(LAST)
    assert derivation.replay()


def test_all_states_add_what_the_loss_takes_from_each():
    text = words(gw.grad(gw.mean(states().states ** 2), [Wh, b])[0].explain())
    assert "δₜ = ∂f/∂aₜ = (λₜ + gₜ) ∘ (1 − hₜ²) tanh′ = 1 − tanh² t = T … 1" in text
    assert any(line.startswith("λₜ₋₁ = Wₕᵀδₜ") for line in text)
    assert any(line.startswith("∂f/∂Wₕ = Σₜ δₜhₜ₋₁ᵀ") for line in text)


def test_a_batch_and_time_backwards():
    X, V = gw.tensor("X", T, "n", d), gw.matrix("V", d, k)
    s = gw.scan(lambda H, x: gw.tanh(x @ V + H @ Wh), gw.zeros("n", k), X, reverse=True)
    text = words(gw.grad(gw.sum(s.last**2), [Wh, V])[0].explain())
    assert any("t = T … 1" in line for line in text if line.startswith("Hₜ"))
    assert any("t = 1 … T" in line for line in text if line.startswith("δₜ"))
    assert any(line.startswith("∂f/∂Wₕ = Σₜ Hₜ₋₁ᵀδₜ") for line in text)


@pytest.mark.parametrize("style", ["unicode", "text", "latex", "html", "json", "mathml"])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_style_and_language(style, language):
    derivation = gw.grad((y - v @ states().last) ** 2, Wh).derivation
    text = derivation.render(style, language=language)
    assert text.count("{") == text.count("}")
    if style in ("unicode", "text"):
        assert ("why it fades" in text) == (language == "en")
        assert ("왜 사라지나" in text) == (language == "ko")


def test_the_lstm_has_its_gates_by_name():
    from gradwork.nn import LSTM, network

    net = network(LSTM(3), ("T", 2))
    text = words(gw.grad(gw.sum(net.output**2), list(net.parameters))[0].explain())
    assert any(line.startswith("cₜ = fₜ ∘ cₜ₋₁ + iₜ ∘ gₜ") for line in text)
    assert any(line.startswith("hₜ = oₜ ∘ sₜ") for line in text)


def test_three_steps_written_out_in_scalars():
    """The same network with its time unrolled: which δ goes to which weight."""
    x, w, u = gw.vector("x", 3), gw.scalar("w"), gw.scalar("u")
    f = gw.written_out(gw.scan(lambda h, x: gw.tanh(w * h + u * x), 0, x).last)
    g = gw.grad(f, w)
    text = words(g.explain())
    assert any(line.startswith("h₂ = ") for line in text), text
    scalars = words(unroll(g))
    assert "z₂ = h₁w + ux₂" in scalars or "z₂ = wh₁ + ux₂" in scalars, scalars
    assert any(line.endswith("z₂ used w through h₁, z₃ through h₂") for line in scalars), scalars
    values = {"x": [0.5, -1.0, 2.0], "w": 0.3, "u": 0.7}
    whole = gw.grad(gw.scan(lambda h, x: gw.tanh(w * h + u * x), 0, x).last, w)
    assert g.evaluate(**values) == pytest.approx(whole.evaluate(**values), rel=1e-12)


def test_a_recurrence_is_unrolled_step_by_step():
    """Every adjoint of a step is said by those of the next: which δ goes to which weight."""
    x = gw.matrix("x", 3, 1)
    Wx, Wh, v = gw.matrix("W_x", 2, 1), gw.matrix("W_h", 2, 2), gw.vector("v", 2)
    last = gw.scan(lambda h, x: gw.tanh(Wx @ x + Wh @ h), gw.zeros(2), x).last
    lines = words(unroll(gw.grad(v @ last, [Wh, Wx])[0]))
    assert "z[2,1] = Wₓ₁₁x₂₁ + Wₕ₁₁ h[1,1] + Wₕ₁₂ h[1,2]" in lines
    assert "backward δ[3,1] = ∂f/∂z[3,1] = v₁(1 − h[3,1]²)" in lines
    assert "δ[2,1] = ∂f/∂z[2,1] = (Wₕ₁₁ δ[3,1] + Wₕ₂₁ δ[3,2]) (1 − h[2,1]²)" in lines
    assert any(line.startswith("∂f/∂Wₕ₁₂ = δ[2,1] h[1,2] + δ[3,1] h[2,2] z[2,1] used Wₕ₁₂") for line in lines)


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
def test_every_unrolled_quantity_is_said_once_and_before_it_is_used(kind):
    import re

    from gradwork import nn

    net = nn.network([getattr(nn, kind)(1)], (2, 1))
    text = unroll(gw.grad(gw.sum(net.output**2), list(net.parameters))[0], {"n": 1})
    given = {p.unicode()[0] for p in net.parameters} | {"X"}
    said: set[str] = set()
    for line in words(text):
        line = line.removeprefix("forward ").removeprefix("backward ").partition(" used ")[0]
        *left, right = line.split(" = ")
        right = right.rsplit(" ", 1)[0] if " used " in line else right
        for used in re.findall(r"(?:∂f/∂)?[A-Za-zδ](?:\[[\d,]+\]|[₁-₉]+)", right):
            assert used[0] in given or used in said, f"{used} in {line}"
        assert left[0] not in said, line
        said.update(left)
    for p in net.parameters:
        assert sum(f"∂f/∂{p.unicode()[0]}[" in one for one in said) == sum(
            int(np.prod([d.value for d in q.shape]))
            for q in net.parameters
            if q.unicode()[0] == p.unicode()[0]
        )


def test_what_cannot_be_taken_apart_stays_whole():
    x = gw.vector("x", 4)
    assert "∂f/∂x = unpool(∂f/∂m, x)" in words(unroll(gw.grad(gw.sum(gw.maxpool(x, 2) ** 2) / 2, x)))


def test_an_adjoint_is_never_said_by_itself():
    """What the later steps add to the cell's adjoint is not yet all of it, and has a letter of its own."""
    from gradwork import nn

    net = nn.network([nn.LSTM(2)], ("T", 3))
    lines = words(gw.grad(gw.sum(net.output**2), list(net.parameters))[0].explain())
    (cell,) = [line for line in lines if " = ∂ℓ/∂cₜ = " in line]
    letter = cell.partition(" = ")[0]
    assert "= ∂ℓ/∂cₜ = oₜ ∘ ∂ℓ/∂hₜ ∘ (1 − sₜ²) + λₜ " in cell
    assert any(line.startswith(f"λₜ₋₁ = fₜ ∘ {letter} ") for line in lines)
    assert any(line.startswith("∂ℓ/∂hₜ₋₁ = ") for line in lines)
