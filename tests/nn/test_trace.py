"""The inside of a network: every value, adjoint and gradient against PyTorch, and its graph as a picture."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

import gradwork as gw
from gradwork.models import MLP, Recurrent
from gradwork.nn import GRU, LSTM, Dense, SimpleRNN, network, trace
from gradwork.show.graph import LANE, Box, Pill, draw, text_width, wrapped


def traced(layers, shape, X, seed=0):
    """The trace of Σ V ∘ output, with drawn parameters and weights V; and all values by name."""
    net = network(layers, shape)
    rng = np.random.default_rng(seed)
    values = {p.params[0]: rng.normal(size=[d.value for d in p.shape]) / 2 for p in net.parameters}
    V = gw.symbol("V", net.output.shape)
    values |= {"X": X, "V": rng.normal(size=(len(X), net.output.shape[-1].value))}
    return trace(gw.sum(V * net.output), net.parameters, values), values


def test_every_value_and_adjoint_of_a_perceptron_agrees_with_pytorch():
    torch = pytest.importorskip("torch")
    X = np.random.default_rng(1).normal(size=(7, 3))
    t, values = traced([Dense(5, "relu"), Dense(4, "tanh"), Dense(2)], (3,), X)
    given = {k: torch.tensor(v, requires_grad=True) for k, v in values.items()}
    seen = {"Z₁": given["X"] @ given["W_1"] + given["b_1"]}
    seen["H₁"] = torch.relu(seen["Z₁"])
    seen["Z₂"] = seen["H₁"] @ given["W_2"] + given["b_2"]
    seen["H₂"] = torch.tanh(seen["Z₂"])
    Z = seen["H₂"] @ given["W_3"] + given["b_3"]
    seen["f"] = torch.sum(given["V"] * Z)
    for v in seen.values():
        v.retain_grad()
    seen["f"].backward()
    kinds = {"value": 0, "adjoint": 0, "gradient": 0}
    for q in t.quantities:
        kinds[q.kind] += 1
        if q.kind == "value":
            expected = seen[q.name].detach()
        else:
            source = seen if q.of in seen else {k.replace("_", ""): v for k, v in given.items()}
            expected = source[q.of.translate(str.maketrans("₁₂₃", "123")) if q.of not in seen else q.of].grad
        np.testing.assert_allclose(q.value, expected.numpy(), rtol=1e-10, atol=1e-12, err_msg=q.name)
        assert q.shape == tuple(expected.shape) and q.norm == pytest.approx(
            float(torch.linalg.norm(expected))
        )
    assert kinds["value"] == 5 and kinds["gradient"] == 6 and kinds["adjoint"] >= 2
    assert list(t.gradient_norms) == ["W₁", "b₁", "W₂", "b₂", "W₃", "b₃"]


@pytest.mark.parametrize(
    ("layer", "kind", "letters"), [(SimpleRNN, "RNN", "h"), (GRU, "GRU", "h"), (LSTM, "LSTM", "hc")]
)
def test_the_adjoint_of_the_state_at_every_step_agrees_with_pytorch(layer, kind, letters):
    torch = pytest.importorskip("torch")
    d, u, n, T = 2, 3, 4, 6
    x = np.random.default_rng(2).normal(size=(n, T, d))
    t, values = traced([layer(u)], ("T", d), x)
    cell = getattr(torch.nn, kind + "Cell")(d, u, dtype=torch.float64)
    with torch.no_grad():
        cell.weight_ih[:] = torch.tensor(values["W_1"].T.copy())
        cell.weight_hh[:] = torch.tensor(values["U_1"].T.copy())
        cell.bias_ih[:] = torch.tensor(values["b_1"])
        cell.bias_hh[:] = 0
        if kind == "GRU":
            cell.bias_hh[2 * u :] = torch.tensor(values["c_1"])
    state = tuple(torch.zeros(n, u, dtype=torch.float64) for _ in letters)
    kept = []
    for k in range(T):
        found = cell(torch.tensor(x[:, k]), state if kind == "LSTM" else state[0])
        # What leaves the step: the cell's state reaches the loss through the next step, and beside it through h.
        state = tuple(part.clone() for part in (found if kind == "LSTM" else (found,)))
        for part in state:
            part.retain_grad()
        kept.append(state)
    torch.sum(torch.tensor(values["V"]) * state[0]).backward()
    for j, letter in enumerate(letters):
        expected = np.stack([step[j].detach().numpy() for step in kept])
        np.testing.assert_allclose(t[letter + "ₜ"], expected, rtol=1e-10, atol=1e-12)
        adjoints = np.stack([
            np.zeros((n, u)) if step[j].grad is None else step[j].grad.numpy() for step in kept
        ])  # fmt: skip
        np.testing.assert_allclose(t[f"∂f/∂{letter}ₜ"], adjoints, rtol=1e-9, atol=1e-12)
        norms = np.linalg.norm(adjoints.reshape(T, -1), axis=1)
        np.testing.assert_allclose(t.step_norms[letter], norms, rtol=1e-9)
    assert set(t.step_norms) == set(letters)
    assert not set(t.adjoint_norms) & {"hₜ", "cₜ", "h", "c"}


def test_two_recurrences_keep_their_letters_apart():
    X = np.random.default_rng(0).normal(size=(5, 4, 2))
    t, _ = traced([SimpleRNN(3, states=True), SimpleRNN(2)], ("T", 2), X)
    names = [q.name for q in t.quantities]
    assert len(names) == len(set(names))
    assert t["hₜ"].shape == (4, 5, 3) and t["hₜ⁽²⁾"].shape == (4, 5, 2)
    assert t["∂f/∂hₜ"].shape == (4, 5, 3) and t["∂f/∂hₜ⁽²⁾"].shape == (4, 5, 2)
    np.testing.assert_allclose(t["h_T"], t["hₜ⁽²⁾"][-1])


def test_the_check_holds_and_finds_a_wrong_gradient():
    X = np.random.default_rng(3).normal(size=(30, 4))
    t, _ = traced([Dense(6, "tanh"), Dense(3)], (4,), X)
    errors = t.check()
    assert list(errors) == ["W₁", "b₁", "W₂", "b₂"] and max(errors.values()) < 1e-7
    wrong = [replace(q, value=q.value * 1.001) if q.name == "∂f/∂W₂" else q for q in t.quantities]
    assert replace(t, quantities=tuple(wrong)).check()["W₂"] > 1e-4


def test_norms_are_drawn_for_layers_and_for_steps(tmp_path):
    X = np.random.default_rng(0).normal(size=(6, 9, 2))
    t, _ = traced([LSTM(3)], ("T", 2), X)
    figure = t.plot(tmp_path / "norms.png")
    assert (tmp_path / "norms.png").stat().st_size > 5000
    titles = [ax.get_title("left") for ax in figure.axes]
    assert titles == ["adjoints", "gradients", "adjoints by step"]
    h, c = figure.axes[-1].get_lines()
    np.testing.assert_allclose(h.get_ydata(), t.step_norms["h"])
    assert [x.get_text() for x in figure.axes[1].get_xticklabels()] == ["W₁", "U₁", "b₁"]
    dots = figure.axes[1].get_lines()[-1]
    np.testing.assert_allclose(dots.get_ydata(), list(t.gradient_norms.values()))


# --- the graph ----------------------------------------------------------------------------------------------


def pieces(svg):
    root = ET.fromstring(svg)
    rects = [
        {k: float(e.get(k)) for k in ("x", "y", "width", "height")}
        for e in root.iter()
        if e.tag.endswith("rect")
    ]
    texts = [
        (
            "".join(e.itertext()),
            float(e.get("x")),
            float(e.get("y")),
            e.get("text-anchor"),
            float(e.get("font-size")),
        )
        for e in root.iter()
        if e.tag.endswith("}text")
    ]
    return root, rects, texts


@pytest.mark.parametrize(
    "layers", [[SimpleRNN(3)], [LSTM(4)], [GRU(3, states=True), GRU(2)]], ids=["rnn", "lstm", "grus"]
)
def test_boxes_of_a_graph_do_not_overlap_and_texts_stay_in_theirs(layers):
    X = np.random.default_rng(0).normal(size=(5, 4, 2))
    t, _ = traced(layers, ("T", 2), X)
    root, (paper, *rects), texts = pieces(t.svg())
    for i, a in enumerate(rects):
        assert (
            a["x"] >= 0 and a["x"] + a["width"] <= paper["width"] and a["y"] + a["height"] <= paper["height"]
        )
        for b in rects[i + 1 :]:
            apart_x = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
            assert apart_x or a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]
    for text, x, y, anchor, size in texts:
        left = x - text_width(text, size) if anchor == "end" else x
        inside = [
            r for r in rects
            if r["x"] <= left + 2 and left + text_width(text, size) <= r["x"] + r["width"] + 2
            and r["y"] < y < r["y"] + r["height"]
        ]  # fmt: skip
        assert inside, text
    values = [q.name for q in t.quantities if q.kind == "value"]
    starts = [text for text, *_ in texts]
    assert all(any(s.startswith(f"{name} = ") for s in starts) for name in values)


def test_lanes_of_a_graph_do_not_meet():
    boxes = [
        Box("a", "x", ""),
        Box("b", "a", "", ("a",)),
        Box("c", "b + a", "", ("b", "a")),
        Box("d", "c + b", "", ("c", "b")),
    ]
    svg = draw(boxes, "four")
    lanes = [float(m) for m in re.findall(r"H([\d.]+)q6 0 6 6", svg)]
    assert len(lanes) == 2 and abs(lanes[0] - lanes[1]) == LANE
    assert (
        svg.count("-4 7h8") == 0 and len(re.findall(r"m-4 -7h8l-4 7z", svg)) == 3
    )  # each row from the one above


def test_a_graph_is_seen_by_day_and_by_night_and_tells_of_dead_units():
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = MLP((6,), epochs=2, target="numpy").fit(X, X[:, 0] > 0)
    model.parameters["b_1"][:2] = -1e3
    t = model.trace(X, X[:, 0] > 0)
    assert t.dead == {"H": 2}
    svg = t.svg()
    assert "2 of 6 units dead" in svg
    assert "prefers-color-scheme:dark" in svg and "var(--ink,#1d1d1f)" in svg and "var(--ink,#ececec)" in svg
    assert "url(" not in svg and ' id="' not in svg  # nothing that a second graph in a page could clash with
    assert "<script" not in draw([Box("<script>", "<b>", "&", (), (Pill("<i>", "", "data"),))], "<script>")


def test_long_formulas_are_broken_and_cut():
    words = " + ".join(f"a{i}" for i in range(60))
    lines = wrapped(words, 200.0)
    assert len(lines) == 2 and lines[-1].endswith("…") and all(text_width(x) <= 215 for x in lines)
    svg = draw([Box("f", words, "scalar")], "long")
    assert f"<title>f = {words}</title>" in svg


def test_a_value_that_is_not_finite_is_named_with_its_step():
    x, w = gw.matrix("x", "T", 2), gw.scalar("w")
    f = gw.sum(gw.scan(lambda h, x: w * h + x, gw.zeros(2) if hasattr(gw, "zeros") else [0.0, 0.0], x).last)
    t = trace(f, [w], {x: [[1.0, 1.0], [np.inf, 1.0]], w: 0.5})
    with pytest.raises(gw.GradworkError, match="step 2, sample 1"):
        t.check_finite()


def test_unequal_sequences_are_traced():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(k, 1)) for k in (3, 5, 2, 4) * 6]
    y = np.array([x.sum() > 0 for x in X])
    model = Recurrent("rnn", 3, epochs=2, target="numpy").fit(X, y)
    t = model.trace(X, y)
    assert t.step_norms["h"].shape == (5,) and max(t.check().values()) < 1e-6
