"""Networks that learn from arrays: labels of any type, numbers, normalising, tracing, and bad input."""

from __future__ import annotations

import re
import runpy
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import gradwork as gw
from gradwork.models.networks.network import MLP, ConvNet, NetworkModel
from gradwork.nn import BatchNorm, Conv2D, Dense, Dropout, Embedding, Flatten, Layer


def blobs(n=240, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, n)
    centres = np.array([[0.0, 0, 5, 1], [4, 0, 5, 1], [0, 40, 5, 1]])
    return centres[codes] + rng.normal(size=(n, 4)) * [0.5, 5, 0, 1], codes


def bars(n=160, seed=0):
    """8×8 images of a horizontal or a vertical bar."""
    rng = np.random.default_rng(seed)
    images, labels = rng.normal(0, 0.1, (n, 8, 8)), []
    for image in images:
        across, at = rng.random() < 0.5, rng.integers(1, 7)
        image[at if across else slice(None), slice(None) if across else at] += 1
        labels.append("across" if across else "down")
    return images, np.array(labels)


def test_labels_of_any_type_and_a_constant_column():
    X, codes = blobs()
    for labels in (codes, np.array(["red", "green", "blue"])[codes], codes == 1):
        model = MLP((8,), epochs=60, seed=1, learning_rate=0.01).fit(X, labels)
        assert model.score(X, labels) > 0.95
        assert set(model.predict(X[:20])) <= set(labels)
        probabilities = model.predict_proba(X[:5])
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
        assert model.classes[probabilities.argmax(axis=1)].tolist() == model.predict(X[:5]).tolist()


def test_the_same_seed_gives_the_same_model():
    X, codes = blobs()
    a, b = (MLP((5,), epochs=5, seed=3, target="numpy").fit(X, codes) for _ in range(2))
    assert all((a.parameters[k] == b.parameters[k]).all() for k in a.parameters)
    c = MLP((5,), epochs=5, seed=4, target="numpy").fit(X, codes)
    assert (a.parameters["W_1"] != c.parameters["W_1"]).any()


def test_numbers_of_any_scale():
    rng = np.random.default_rng(2)
    X = rng.uniform(-2, 2, (300, 1))
    y = 1e6 + 1e5 * np.sin(2 * X[:, 0])
    model = MLP((16,), "tanh", epochs=300, patience=None, learning_rate=0.01, target="xla").fit(X, y)
    assert model.score(X, y) > 0.98
    assert model.predict(X).shape == (300,)
    both = MLP((8,), epochs=3).fit(X, np.column_stack([y, -y]))
    assert both.predict(X).shape == (300, 2)


def test_images_are_learned_from_rows_and_from_stacks():
    X, labels = bars()
    model = ConvNet((4,), epochs=40, seed=0, target="xla").fit(X, labels)
    assert model.score(*bars(seed=1)) > 0.95
    flat = ConvNet((4,), image=(8, 8, 1), epochs=2, target="numpy").fit(X.reshape(len(X), -1), labels)
    assert flat.network.input.shape == ("n", 8, 8, 1)
    assert "Conv2D(4, 3×3, relu, padding=same)" in flat.summary()


def test_numpy_and_xla_take_the_same_steps():
    X, labels = bars(64)
    options = {
        "filters": (3,),
        "epochs": 2,
        "batch_size": 16,
        "dtype": "float64",
        "validation": None,
        "patience": None,
    }
    a, b = (ConvNet(target=t, **options).fit(X, labels) for t in ("numpy", "xla"))
    for k in a.parameters:
        np.testing.assert_allclose(a.parameters[k], b.parameters[k], rtol=1e-7, atol=1e-9)


def test_early_stopping_keeps_the_best_parameters():
    X, codes = blobs()
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(len(codes)) < 0.4, rng.integers(0, 3, len(codes)), codes)
    model = MLP((32,), epochs=400, patience=10, learning_rate=0.01, target="xla").fit(X, noisy)
    assert model.result.epochs < 400 and "validation loss has not improved for 10 epochs" in str(
        model.result.reason
    )
    assert model.result.validation_loss == pytest.approx(np.nanmin(model.history.validation_loss), rel=1e-4)


def test_given_means_and_deviations():
    X, codes = blobs()
    model = MLP((4,), epochs=2, normalise=([0, 0, 5, 1], [1, 10, 1, 1])).fit(X, codes)
    np.testing.assert_allclose(model._scaled(X)[:, 1], X[:, 1] / 10, rtol=1e-6)
    assert not NetworkModel([Dense(3)], epochs=1, normalise=None).fit(X, codes)._scale[0].any()


def test_means_that_do_not_fit_the_features():
    X, codes = blobs()
    for normalise, message in (
        (([0, 0], [1, 1]), "there are 2 means to normalise by, and 4 features or channels"),
        ((0.0, [1, 1, 1]), "there are 3 deviations"),
        ((0.0, 0.0), "the deviations positive"),
        ((np.nan, 1.0), "the means to normalise by are finite"),
    ):
        with pytest.raises(gw.GradworkError, match=message):
            MLP((2,), epochs=1, normalise=normalise).fit(X, codes)
    images, labels = bars(20)
    model = ConvNet((2,), epochs=1, normalise=([0.5], [0.25])).fit(images, labels)
    np.testing.assert_allclose(model._scaled(images)[3], (images[3] - 0.5) / 0.25, rtol=1e-6)


def test_whole_numbers_of_few_values_are_classes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    for y, classes in (
        (rng.permutation(np.arange(200) % 7).astype(float), 7),
        (rng.permutation(np.arange(200) % 2).astype(float), 2),
        (rng.permutation(np.arange(200) % 50), 50),  # of an integer type
        (rng.permutation(np.arange(200) % 50).astype(float), 0),
        (np.arange(200.0), 0),
        (rng.normal(size=200), 0),
    ):
        found = MLP((2,), epochs=1, validation=None).fit(X, y).classes
        assert (0 if found is None else len(found)) == classes


def test_the_rows_that_were_held_out_are_told():
    X, codes = blobs(100)
    model = MLP((2,), epochs=1, validation=0.2).fit(X, codes)
    assert model.held is not None and len(model.held) == 20
    inputs = model.network.input.params[0]
    kept = np.setdiff1d(np.arange(100), model.held)
    np.testing.assert_allclose(model.result.objective.data[inputs], model._scaled(X)[kept])
    assert MLP((2,), epochs=1, validation=None).fit(X, codes).held is None


@pytest.mark.parametrize(
    ("make", "samples", "layer"),
    [
        (MLP, lambda n: np.random.default_rng(0).normal(size=(n, 4)), r"layer [123], Dense\(\d+(, relu)?\)"),
        (
            ConvNet,
            lambda n: np.random.default_rng(0).normal(size=(n, 6, 6)),
            r"layer \d, (Conv2D|Dense)\(.*\)",
        ),
    ],
)
def test_a_value_that_is_not_finite_is_named_by_layer_unit_and_sample(make, samples, layer):
    model = make(epochs=3, optimizer="sgd", learning_rate=1e20, target="numpy").fit(
        samples(60), np.arange(60) % 3
    )
    assert model.result.stop.kind == "non-finite"
    assert re.search(layer + r", gives (nan|−?∞) at unit \d+ for sample \d+$", str(model.result.reason)), (
        model.result.reason
    )


def test_the_sample_of_a_value_that_is_not_finite_is_counted_in_all_of_them():
    """One enormous sample overflows; its number is its place in X, held-out rows included."""
    X = np.random.default_rng(0).normal(size=(50, 3))
    X[37] = 1e30
    y = np.arange(50) % 2
    options = {"epochs": 2, "normalise": None, "optimizer": "sgd", "target": "numpy", "seed": 1}
    model = NetworkModel([Dense(4, "relu"), Dense(4, "relu")], learning_rate=1e9, **options).fit(X, y)
    assert 37 not in model.held
    assert str(model.result.reason).endswith("for sample 38"), model.result.reason


def test_a_convolutional_network_with_an_optimizer_has_that_ones_rate():
    assert ConvNet().optimizer.learning_rate.initial == 2e-3
    assert ConvNet(optimizer="sgd").optimizer.learning_rate.initial == gw.SGD().learning_rate.initial
    assert ConvNet(optimizer="sgd", learning_rate=0.5).optimizer.learning_rate.initial == 0.5


def test_a_layer_of_ones_own_learns():
    def Squares():
        return Layer("Squares", lambda x, scope: x * scope.parameter("a", x.shape[-1:], "ones") + x**2)

    X, codes = blobs()
    model = NetworkModel([Dense(6), Squares()], epochs=80, target="xla").fit(X, codes)
    assert "a_2" in model.parameters and model.score(X, codes) > 0.95


def test_trace_shows_every_quantity():
    X, labels = bars(40)
    model = ConvNet((3,), epochs=2, target="numpy").fit(X, labels)
    t = model.trace(X[:7], labels[:7])
    names = [q.name for q in t.quantities if q.kind == "value"]
    assert names == ["Z₁", "H", "M", "Z₂", "P", "f"]
    assert t["Z_1"].shape == (7, 8, 8, 3) and t["∂f/∂Z₁"].shape == (7, 8, 8, 3)
    np.testing.assert_allclose(t["H"], np.maximum(t["Z₁"], 0))
    assert list(t.gradient_norms) == ["W₁", "b₁", "W₂", "b₂"] and list(t.adjoint_norms) == ["Z₁", "M", "Z₂"]
    root = ET.fromstring(t.svg())
    labels_ = ["".join(e.itertext()) for e in root.iter() if e.tag.endswith("text")]
    assert "H = relu(Z₁)" in labels_ and "W₁" in labels_ and "X" in labels_
    assert "∂f/∂W₁" in str(t)
    t.check_finite()
    with pytest.raises(gw.GradworkError, match="there is no 'Q' in this trace"):
        t["Q"]


def test_trace_counts_dead_units_and_names_what_is_not_finite():
    X, W, b = gw.matrix("X", "n", 2), gw.matrix("W", 2, 3), gw.vector("b", 3)
    loss = gw.mean(gw.relu(X @ W + b) @ gw.vector("v", 3))
    values = {"X": np.ones((4, 2)), "W": np.ones((2, 3)), "b": [-9.0, 0, -9], "v": np.ones(3)}
    t = gw.nn.trace(loss, [W, b], values)
    assert t.dead == {"H": 2}
    assert "H: 2 of 3 units are 0 for every sample" in str(t)
    t = gw.nn.trace(loss, [W, b], {**values, "b": [0.0, np.inf, 0]})
    with pytest.raises(gw.GradworkError, match="Z is inf for sample 1, unit 2"):
        t.check_finite()


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda X, y: MLP().predict(X), "this model has learned nothing yet"),
        (lambda X, y: MLP().fit(X, y[:5]), "y holds one label for each of the 240 samples"),
        (lambda X, y: MLP().fit(X, np.zeros(240, int)), "y holds the one label"),
        (lambda X, y: MLP().fit(np.where(X > 41, np.nan, X), y), "X holds a value that is not finite in row"),
        (lambda X, y: ConvNet().fit(X, y), "for one flat row per image say image=(h, w, c)"),
        (
            lambda X, y: ConvNet(image=(3, 3, 1)).fit(X, y),
            "4 columns do not fill an image of 3×3×1 (9 pixels)",
        ),
        (
            lambda X, y: ConvNet(kernel=5, padding="valid").fit(X.reshape(-1, 2, 2), y),
            "layer 1, Conv2D(8, 5×5, relu): the kernel 5×5 is larger",
        ),
        (
            lambda X, y: NetworkModel([Dense(3), Conv2D(2, 3)]).fit(X, y),
            "layer 2, Conv2D(2, 3×3): it takes a batch of images, n×height×width×channels, not n×3 "
            "(what came in has shape n×3)",
        ),
        (
            lambda X, y: NetworkModel([Conv2D(2, 2), Dense(3)]).fit(X.reshape(-1, 2, 2, 1), y),
            "layer 2, Dense(3): it takes n×d or n×t×d; put Flatten() before it for n×1×1×2",
        ),
        (lambda X, y: MLP(task="sorting"), "task is classes or numbers"),
        (lambda X, y: MLP((2,), epochs=1).fit(X, y).predict(X[:, :2]), "this model takes samples of shape"),
        (
            lambda X, y: MLP((2,), epochs=1).fit(X, y).trace(X[:1], [7]),
            "the label 7 in row 1 is none of those learned",
        ),
        (lambda X, y: MLP((2,), epochs=1).fit(X, X[:, 1]).predict_proba(X), "probabilities are of classes"),
        (lambda X, y: MLP(normalise="rows").fit(X, y), "normalise is 'features', 'channels'"),
    ],
)
def test_bad_input_is_one_clear_line(act, message):
    X, codes = blobs()
    with pytest.raises(gw.GradworkError) as error:
        act(X, codes)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_dropout_and_batch_normalisation_learn_alike_on_both_targets():
    X, codes = blobs()
    options = {
        "epochs": 4,
        "batch_size": 30,
        "dtype": "float64",
        "validation": None,
        "patience": None,
        "seed": 2,
    }
    layers = [Dense(12, "relu"), BatchNorm(), Dropout(0.4)]
    a, b = (NetworkModel(layers, target=t, **options).fit(X, codes) for t in ("numpy", "xla"))
    for k in a.parameters:
        np.testing.assert_allclose(a.parameters[k], b.parameters[k], rtol=1e-6, atol=1e-8)
    assert set(a.statistics) == {"m_2", "v_2"} and (a.outputs(X) == a.outputs(X)).all()
    long = NetworkModel(layers, epochs=60, seed=1, target="xla").fit(X, codes)
    assert long.score(X, codes) > 0.93
    assert long.trace(X[:9], codes[:9]).gradient_norms


@pytest.mark.slow
def test_the_picture_of_approximation(tmp_path):
    example = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "approximation.py"))
    errors = example["draw"](str(tmp_path / "a.png"), 600)
    assert errors[3] < min(errors[:2]) and errors[3] < errors[0] / 3
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_an_embedding_learns_from_whole_numbers_as_they_are():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 6, (300, 4))
    y = np.where((X == 2).any(axis=1), "two", "none")
    model = gw.models.NetworkModel([Embedding(6, 8), Flatten(), Dense(16, "relu")], epochs=60, seed=1)
    assert model.fit(X, y).score(X, y) > 0.9
    with pytest.raises(gw.GradworkError, match="not whole"):
        model.predict(X + 0.5)
    with pytest.raises(gw.GradworkError, match="X is 6 at"):
        model.predict(X + 1)


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.uint8])
def test_numbers_of_single_precision_are_learned_from_alike(kind):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 255, (120, 5)).astype(kind)
    y = X[:, 0] > X[:, 1]
    model = gw.models.MLP((8,), epochs=20, seed=1).fit(X, y)
    other = gw.models.MLP((8,), epochs=20, seed=1).fit(X.astype(np.float64), y)
    np.testing.assert_allclose(model.outputs(X), other.outputs(X), rtol=1e-2, atol=1e-3)


def test_a_model_is_told_by_its_layers():
    model = gw.models.MLP((8, 4))
    assert repr(model) == "MLP(Dense(8, relu), Dense(4, relu))"
    X, y = np.eye(6), [0, 1, 0, 1, 0, 1]
    assert repr(model.fit(X, y)).endswith("102 parameters learned)")
    with pytest.raises(gw.GradworkError, match="one target for each of the 6 samples"):
        model.score(X, y[:4])
    with pytest.raises(gw.GradworkError, match="X is no array of numbers"):
        gw.models.MLP((3,)).fit([["a"], ["b"]], [0, 1])
    with pytest.raises(gw.GradworkError, match="l2"):
        gw.models.MLP((3,), l2=-1.0)


def test_networks_are_listed_before_they_are_imported():
    assert {"MLP", "ConvNet", "Recurrent", "NetworkModel"} <= set(dir(gw.models))
    assert {"models", "nn"} <= set(dir(gw))
