"""The page of a network: what it shows is what the network did, and it stays small, whole and without scripts."""

from __future__ import annotations

import base64
import re
import struct
import zlib

import numpy as np
import pytest

from gradwork.models import MLP, ConvNet, Recurrent
from gradwork.models.networks.network import NetworkModel
from gradwork.nn import Conv2D, Dense, Dropout, Flatten, MaxPool2D, network
from gradwork.report.content import Classes, Inside
from gradwork.report.network import describe_network, inside, layer_facts
from gradwork.report.page import render_page
from gradwork.report.pixels import address, coloured, png, thumbnail
from tests.models.test_networks import bars, blobs
from tests.report.test_page import read

OPTIONS = {"epochs": 4, "target": "numpy", "seed": 0}


def pixels_of(file):
    """The pixels of a PNG without filters, by its specification."""
    assert file[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(file):
        length, kind = struct.unpack(">I4s", file[at : at + 8])
        body = file[at + 8 : at + 8 + length]
        assert struct.unpack(">I", file[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + body)
        chunks[kind] = body
        at += 12 + length
    w, h, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert depth == 8 and b"IEND" in chunks
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(h, -1)
    assert (rows[:, 0] == 0).all()
    return rows[:, 1:].reshape((h, w, 3) if colour == 2 else (h, w))


@pytest.fixture(scope="module")
def conv():
    X, labels = bars()
    rng = np.random.default_rng(0)
    wrong = rng.random(len(labels)) < 0.2
    labels = np.where(wrong, np.where(labels == "down", "across", "down"), labels)
    model = ConvNet((3,), dense=(6,), **OPTIONS).fit(X, labels)
    held = np.arange(0, len(X), 3)
    content = describe_network(
        model, X, labels, held, title="Bars", target="way", command="gradwork fit bars.npz"
    )
    return model, X, labels, held, content, render_page(content)


def test_the_page_of_a_convolution_says_all(conv):
    model, X, labels, held, content, page = conv
    reader = read(page)
    text = " ".join(reader.text)
    for part in (
        "Bars", "160 samples of 8×8×1, target way: 2 classes → ConvNet", "Conv2D(3, 3×3, relu, padding=same)", "n×8×8×3",
        "8 = 8 + 2 − 3 + 1", "4 = 8 / 2", "48 = 4 · 4 · 3", "Measured on the 54 of 160 samples that were held out",
        "Who was taken for whom", "The filters of the first convolution", "surest mistakes", "The gradient by parameter",
        "The adjoint by quantity", "The loss over the run", "The computation", "The gradient, line by line",
        "check ✓ at the learned parameters", "gradwork fit bars.npz", "each channel normalised",
    ):  # fmt: skip
        assert part in text, part
    assert f"{model.network.size:,}" in text
    assert reader.wrong == [] and reader.open == [] and "<script" not in page
    assert len(page) < 2_000_000
    assert page == render_page(content)
    sources = [a["src"] for tag, a in reader.tags if tag == "img"]
    assert sources and all(s.startswith("data:image/png;base64,") for s in sources)
    assert "img-src data:" in page and "default-src 'none'" in page
    names = re.findall(r' id="([^"]*)"', page)
    assert len(names) == len(set(names))


def test_the_outcome_is_that_of_the_held_out_rows(conv):
    model, X, labels, held, content, _ = conv
    assert isinstance(content.outcome, Classes)
    np.testing.assert_array_equal(np.array(content.outcome.labels)[content.outcome.codes], labels[held])
    np.testing.assert_allclose(content.outcome.probabilities, model.predict_proba(X[held]))
    accuracy = dict(content.facts)["accuracy"]
    assert float(accuracy.split()[0]) == pytest.approx(100 * model.score(X[held], labels[held]), abs=0.06)
    every = describe_network(model, X, labels)
    assert len(every.outcome.codes) == len(X) and "Measured on all 160 samples" in every.sample


def test_mistakes_are_the_samples_that_were_surely_wrong(conv):
    model, X, labels, held, content, page = conv
    mistakes = content.galleries[0]
    P, found = model.predict_proba(X[held]), model.predict(X[held])
    wrong = np.flatnonzero(found != labels[held])
    order = wrong[np.argsort(-P[wrong].max(axis=1), kind="stable")][:12]
    assert 1 < len(order) == len(mistakes.pictures) <= 12
    for i, picture in zip(order, mistakes.pictures):
        assert picture.label.startswith(f"{labels[held][i]}, taken for {found[i]} (")
        image = X[held][i]
        shown = picture.pixels
        assert (
            np.corrcoef(shown.ravel(), image.ravel())[0, 1] > 0.999 and 0 <= shown.min() and shown.max() <= 1
        )
    assert f"of {len(wrong)} in {len(held)}" in mistakes.caption


def test_filters_are_the_weights_scaled_by_the_largest(conv):
    model, *_, content, page = conv
    filters = content.galleries[1]
    W = model.parameters["W_1"]
    assert len(filters.pictures) == 3
    for k, picture in enumerate(filters.pictures):
        np.testing.assert_allclose(picture.pixels, W[:, :, 0, k] / np.abs(W[:, :, 0, k]).max(), rtol=1e-6)
        assert address(picture.pixels, True) in page


def test_the_derivation_of_a_deep_network_folds():
    X, codes = blobs()
    model = MLP((8, 8, 8, 8), **OPTIONS).fit(X, codes)
    content = describe_network(model, X, codes)
    page = render_page(content)
    found = re.search(r"<details><summary>all (\d+) lines</summary>(.*?)</details>", page, re.S)
    assert found and found[2].count("<tr") == int(found[1]) > 1.6 * content.shown
    before = page[: found.start()]
    assert before[before.rindex('<table class="derivation">') :].count("<tr") == content.shown
    assert "cross-entropy of softmax" in before
    small = render_page(describe_network(MLP((4,), **OPTIONS).fit(X, codes), X, codes))
    assert "<details" not in small


def test_numbers_have_residuals_and_no_confusion():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 3))
    y = 50 + 10 * X[:, 0] + rng.normal(size=90)
    model = MLP((6,), "tanh", **OPTIONS).fit(X, y)
    content = describe_network(model, X, y, np.arange(30), target="speed")
    np.testing.assert_allclose(content.outcome.residual, y[:30] - model.predict(X[:30]))
    assert (
        "<mover" in content.model_formulas[-1] and "<mi>R<" not in content.model_formulas[-1]
    )  # the prediction, not its residual
    r2 = dict(content.facts)["R²"].replace("−", "-")
    assert float(r2) == pytest.approx(model.score(X[:30], y[:30]), abs=1e-3)
    text = " ".join(read(render_page(content)).text)
    assert "Residuals against fitted values" in text and "Who was taken" not in text
    assert "predicted in units of their deviation" in text
    both = describe_network(
        MLP((4,), **OPTIONS).fit(X, np.column_stack([y, -y])), X, np.column_stack([y, -y])
    )
    assert "Of 2 outputs the first is shown" in both.sample
    np.testing.assert_allclose(both.outcome.y, y)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_a_recurrent_network_shows_its_steps(cell):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 6, 2))
    y = np.where(X[:, :, 0].sum(axis=1) > 0, "up", "down")
    model = Recurrent(cell, 4, **OPTIONS).fit(X, y)
    content = describe_network(model, X, y, np.arange(0, 80, 4))
    traced = model.trace(X[::4], y[::4])
    assert list(content.inside.steps) == (["h", "c"] if cell == "lstm" else ["h"])
    np.testing.assert_allclose(content.inside.steps["h"], traced["∂f/∂hₜ"])
    text = " ".join(read(render_page(content)).text)
    assert "The adjoint by time step" in text and "80 samples of 6×2" in text and "From the last step" in text


def test_unequal_sequences_make_a_page():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(k, 1)) for k in (3, 5, 2, 4) * 8]
    y = np.array([x.sum() > 0 for x in X])
    model = Recurrent("rnn", 3, **OPTIONS).fit(X, y)
    content = describe_network(model, X, y, [0, 1, 2, 3, 7])
    assert "samples of 2…5×1" in content.heading and len(content.outcome.codes) == 5
    assert read(render_page(content)).wrong == []


def test_vanishing_exploding_and_dead_are_said():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 30, 1))
    y = X[:, -1, 0] > 0
    model = Recurrent("rnn", 2, **OPTIONS).fit(X, y)
    model.parameters["U_1"][:] = 0.3 * np.eye(2)
    assert any(t.startswith("Vanishing") and "h" in t for t in inside(model.trace(X, y)).told)
    model.parameters["U_1"][:] = 2.5 * np.eye(2)
    for name in ("W_1", "b_1"):
        model.parameters[name][:] = 0
    assert any(t.startswith("Exploding") for t in inside(model.trace(X, y)).told)
    Z, codes = blobs()
    dense = MLP((6,), **OPTIONS).fit(Z, codes)
    assert any(t.startswith("No unit of H") for t in inside(dense.trace(Z, codes)).told)
    dense.parameters["b_1"][:4] = -1e4
    assert any(t.startswith("4 of 6 units of H are 0") for t in inside(dense.trace(Z, codes)).told)


def test_the_check_of_the_page_fails_on_a_wrong_gradient(conv, monkeypatch):
    model, X, labels, held, *_ = conv
    from gradwork.nn.trace import Trace

    monkeypatch.setattr(Trace, "check", lambda self, directions: {"W₁": 1e-9, "b₁": 0.3})
    content = describe_network(model, X, labels, held)
    assert content.certificate.startswith("check ✗") and 'class="check bad"' in render_page(content)


def test_layers_say_how_their_sizes_come_about():
    net = network(
        [Conv2D(4, 5), MaxPool2D(3), Conv2D(2, 3, padding="same"), Flatten(), Dense(3)], (28, 28, 1)
    )
    found = layer_facts(net)
    assert [f.remark for f in found] == [
        "",
        "24 = 28 − 5 + 1",
        "8 = 24 / 3",
        "8 = 8 + 2 − 3 + 1",
        "128 = 8 · 8 · 2",
        "",
    ]
    assert [f.count for f in found] == [0, 104, 0, 74, 0, 387] and sum(f.count for f in found) == net.size
    assert found[5].parameters == "W₃: 128×3, b₃: 3"


def test_layers_of_ones_own_and_dropout_make_a_page():
    X, codes = blobs()
    model = NetworkModel([Dense(6, "relu"), Dropout(0.3)], **OPTIONS).fit(X, codes)
    content = describe_network(model, X, codes)
    assert content.certificate.startswith("check ✓")
    assert read(render_page(content)).wrong == []


def test_nothing_of_a_name_becomes_markup(conv):
    model, X, labels, held, *_ = conv
    evil = '<script>alert(1)</script>"&'
    names = np.where(labels == "down", evil, "b")
    model = ConvNet((3,), **OPTIONS).fit(X, names)
    page = render_page(describe_network(model, X, names, held, title=evil, target=evil, command=evil))
    assert "<script" not in page and read(page).wrong == []


# --- images -------------------------------------------------------------------------------------------------


def test_an_image_is_written_as_png():
    grey = np.random.default_rng(0).integers(0, 256, (5, 7), dtype=np.uint8)
    colour = np.random.default_rng(0).integers(0, 256, (4, 3, 3), dtype=np.uint8)
    np.testing.assert_array_equal(pixels_of(png(grey)), grey)
    np.testing.assert_array_equal(pixels_of(png(colour)), colour)
    body = base64.b64decode(address(grey / 255).partition(",")[2])
    np.testing.assert_array_equal(pixels_of(body), grey)


def test_signed_values_have_two_colours():
    below, zero, above = coloured(np.array([[-1.0, 0.0, 1.0]]), signed=True)[0]
    assert below[2] > below[0] and above[0] > above[2] and zero.min() > 240
    assert coloured(np.full((2, 2, 3), -1.0), signed=True).max() == 0


def test_large_images_shrink_by_means():
    image = np.kron(np.arange(4.0).reshape(2, 2), np.ones((100, 100)))
    small = thumbnail(image)
    assert max(small.shape) <= 96 and set(np.unique(small)) >= {0.0, 1.0, 2.0, 3.0}
    assert thumbnail(np.ones((10, 300, 3))).shape[2] == 3


def test_without_anything_inside_a_page_is_made(conv):
    from dataclasses import replace

    content = replace(conv[4], inside=Inside(), galleries=(), layers=())
    assert read(render_page(content)).wrong == []
