"""Networks in folders: what is read again predicts the same, and what was changed is refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradwork as gw
from gradwork.errors import TableError
from gradwork.models import MLP, ConvNet, NetworkModel, Recurrent, fit_network
from gradwork.models.networks.fitted import FittedNetwork
from gradwork.models.networks.spec import network_from
from gradwork.nn import (
    Activation,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    MaxPool2D,
)

RNG = np.random.default_rng(0)
FLAT = RNG.normal(size=(40, 6))
IMAGES = RNG.normal(size=(40, 6, 6))
STEPS = RNG.normal(size=(40, 5, 2))
RAGGED = [RNG.normal(size=(int(T), 2)) for T in RNG.integers(1, 6, 40)]
LABELS = np.array(["u", "v", "w"])[RNG.integers(0, 3, 40)]
SHORT: dict[str, Any] = {"epochs": 2, "target": "numpy"}


@pytest.mark.parametrize(
    ("model", "X", "y"),
    [
        (MLP((5, 4), "tanh", **SHORT), FLAT, LABELS),
        (MLP(3, normalise=(np.ones(6), np.full(6, 2.0)), **SHORT), FLAT, FLAT[:, 0]),
        (MLP(3, **SHORT), FLAT, np.column_stack([FLAT[:, 0], FLAT[:, 1]])),
        (MLP(3, dtype="float64", **SHORT), FLAT, LABELS == "u"),
        (ConvNet((3,), **SHORT), IMAGES, LABELS),
        (ConvNet(3, image=(6, 6), **SHORT), IMAGES.reshape(40, 36), RNG.integers(0, 2, 40)),
        (Recurrent("rnn", 4, **SHORT), STEPS, LABELS),
        (Recurrent("lstm", (4, 3), truncate=2, **SHORT), RAGGED, STEPS[:, 0, 0]),
        (Recurrent("gru", 4, **SHORT), RAGGED, LABELS),
        (NetworkModel([Dense(5), BatchNorm(), Activation("tanh"), Dropout(0.2)], **SHORT), FLAT, LABELS),
        (
            NetworkModel(
                [Conv2D(3, (2, 3), "elu", stride=2), MaxPool2D((1, 2)) >> Flatten(), Dense(np.int64(4))], **SHORT
            ),
            IMAGES[..., None], LABELS,
        ),
        (NetworkModel([Conv2D(2, 3), GlobalAvgPool()], normalise=None, **SHORT), IMAGES[..., None], LABELS),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_read_again_predicts_the_same(model: NetworkModel, X: Any, y: Any, tmp_path: Path):
    model.fit(X, y)
    again = gw.load(model.save(tmp_path / "model"))
    assert type(again) is type(model) and again.summary() == model.summary()
    np.testing.assert_array_equal(again.outputs(X), model.outputs(X))
    assert again.predict(X).tolist() == model.predict(X).tolist()
    assert again.predict(X).dtype.kind == model.predict(X).dtype.kind
    for name in ("epochs", "l2", "seed", "task", "patience", "dtype"):
        assert getattr(again, name) == getattr(model, name)
    assert again.optimizer.learning_rate.initial == model.optimizer.learning_rate.initial
    assert again.history is None and (tmp_path / "model/history.parquet").exists()
    again.fit(X, y)  # it can learn anew
    np.testing.assert_array_equal(again.outputs(X), model.outputs(X))


def test_code_is_never_saved(tmp_path: Path):
    own = Layer("Squares", lambda x, scope: x**2)
    for layer, message in (
        (own, "the layer Squares is code of your own"),
        (Dense(3, gw.tanh), "the activation of Dense.* is a function"),
        (Dense(3, start=lambda rng, shape: np.zeros(shape)), "the start of Dense.* is a function"),
    ):
        model = NetworkModel([Dense(3), layer], **SHORT).fit(FLAT, LABELS)
        with pytest.raises(gw.GradworkError, match=message):
            model.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()
    with pytest.raises(gw.GradworkError, match="has learned nothing yet"):
        MLP().save(tmp_path / "model")


def test_a_folder_is_not_replaced_unless_asked(tmp_path: Path):
    model = MLP(3, **SHORT).fit(FLAT, LABELS)
    model.save(tmp_path / "model")
    with pytest.raises(gw.GradworkError, match="exists already"):
        model.save(tmp_path / "model")
    model.save(tmp_path / "model", overwrite=True)


def _spec() -> dict[str, Any]:
    return MLP((5,), **SHORT).fit(FLAT, LABELS).spec()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("kind",), "forest", "there is no kind 'forest'"),
        (("kind",), ["mlp"], "not what was written"),
        (("design", "hidden"), [6], "array 'W_1' has the shape 6×5, expected 6×6"),
        (("design", "hidden"), [5, 5], "array 'W_3' is missing"),
        (("design", "hidden"), ["5"], "the number of units is a whole number"),
        (("design", "hidden"), [-5], "the number of units is a whole number"),
        (("design", "hidden"), [5] * 20_000, "not what was written"),
        (("design", "activation"), "os.system", "an activation is one of"),
        (("design", "code"), "print()", "MLP has no option 'code'"),
        (("learning", "dtype"), "object", "not what was written"),
        (("learning", "optimizer"), "evil", "there is no optimizer 'evil'"),
        (("sample",), [7], "array 'W_1' has the shape 6×5, expected 7×5"),
        (("sample",), "6", "not what was written"),
        (("scale", "mean"), np.zeros(5), "array 'scale' has the shape"),
        (("scale", "deviation"), np.zeros(6), "not what was written"),
        (
            ("scale", "deviation"),
            np.array([1, 1, 1, 1, np.nan, 1]),
            "'deviation' does not hold finite numbers",
        ),
        (("parameters", "W_1"), np.full((6, 5), np.inf), "'W_1' does not hold finite numbers"),
        (("parameters", "W_1"), [[1.0]], "'W_1' does not hold finite numbers"),
        (("parameters", "V_9"), np.zeros(3), "array 'V_9' is missing, or belongs to no layer"),
        (("statistics", "m_1"), np.zeros(3), "array 'm_1'"),
        (("classes",), ["u", "v"], "array 'W_2' has the shape 5×3, expected 5×2"),
        (("classes",), ["u", "u", "v"], "not what was written"),
        (("classes",), [["u"], ["v"], ["w"]], "not what was written"),
        (("classes",), None, "not what was written"),
    ],
)
def test_a_description_that_was_changed_is_refused(path: tuple[str, ...], value: Any, message: str):
    spec = copy.deepcopy(_spec())
    network_from(spec)
    place = spec
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(TableError) as error:
        network_from(spec)
    assert message in str(error.value) and "\n" not in str(error.value)
    assert str(error.value).startswith("the description of the network is damaged: ")


def test_a_layer_that_is_not_one_of_ours_is_refused():
    spec = NetworkModel([Dense(3), Flatten()], **SHORT).fit(FLAT, LABELS).spec()
    for change in (
        {"kind": "Layer", "options": {}},
        {"kind": "Dense", "options": {"shell": "ls"}},
        "Dense",
        None,
    ):
        bad = copy.deepcopy(spec)
        bad["design"]["layers"][0] = change
        with pytest.raises(TableError, match="the description of the network is damaged"):
            network_from(bad)


def test_files_that_were_cut_or_changed_are_refused(tmp_path: Path):
    folder = MLP(3, **SHORT).fit(FLAT, LABELS).save(tmp_path / "model")
    for name in ("model.json", "parameters.safetensors"):
        whole = (folder / name).read_bytes()
        for content in (whole[: len(whole) // 2], whole.replace(b"W_1", b"W_9", 1), b""):
            (folder / name).write_bytes(content)
            with pytest.raises(gw.GradworkError, match="cannot be used"):
                gw.load(folder)
        (folder / name).write_bytes(whole)
    gw.load(folder)
    described = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert described["model"]["design"] == {"hidden": [3], "activation": "relu"}


TABLE = {"a": FLAT[:, 0], "b": np.where(FLAT[:, 1] > 0, "wet", "dry"), "y": LABELS}


def test_a_network_of_a_table_is_read_again(tmp_path: Path):
    fitted = fit_network(TABLE, "y", "mlp:4", epochs=3)
    again = gw.load(fitted.save(tmp_path / "model"))
    new = {"b": ["wet", "dry"], "a": [0.5, -2.0]}
    np.testing.assert_array_equal(again.probabilities(new), fitted.probabilities(new))
    assert again.predict(new).tolist() == fitted.predict(new).tolist()
    assert again.summary() == fitted.summary() and again.levels == fitted.levels == ("u", "v", "w")
    assert again.diagnosis() is None


def test_every_kind_of_model_is_saved_and_read_from_python(tmp_path: Path):
    numbers = {"x": FLAT[:, 0], "y": 2 * FLAT[:, 0] + FLAT[:, 1]}
    line = gw.fit(numbers, "y")
    curve = gw.fit(numbers, formula="mean((y - a*x)^2)", params="a=1")
    for k, fitted in enumerate((line, curve)):
        again = gw.load(fitted.save(tmp_path / str(k)))
        assert again.coefficients == fitted.coefficients and again.summary() == fitted.summary()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("inputs", "kind"), "shell"),
        (("inputs", "id"), None),
        (("inputs", "encoding"), {}),
        (("inputs", "encoding", "features"), []),
        (("network", "kind"), "forest"),
        (("rows",), None),
        (("notes",), 3),
        (("inputs",), None),
    ],
)
def test_the_description_of_a_fitted_network_that_was_changed_is_refused(path: tuple[str, ...], value: Any):
    spec = copy.deepcopy(fit_network(TABLE, "y", "mlp:4", epochs=1).spec())
    FittedNetwork.from_spec(spec)
    place = spec
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(TableError, match="damaged"):
        FittedNetwork.from_spec(spec)


def test_gw_fit_learns_networks_as_fit_network_does():
    one = gw.fit(TABLE, "y", "mlp:4", epochs=3, activation="tanh", seed=2)
    other = fit_network(TABLE, "y", "mlp:4", epochs=3, activation="tanh", seed=2)
    np.testing.assert_array_equal(one.predict(TABLE), other.predict(TABLE))


@pytest.mark.parametrize(
    "model, options, message",
    [
        ("mlp:4", {"loss": "huber"}, "loss does not go with the network 'mlp:4'"),
        ("mlp:4", {"cov": "HC1"}, "cov does not go with the network 'mlp:4'"),
        ("linear", {"activation": "tanh"}, "activation belongs to networks"),
        (None, {"featurs": ["a"]}, "fit has no option 'featurs'; did you mean 'features'"),
    ],
)
def test_options_of_networks_and_of_others(model, options, message):
    with pytest.raises(gw.GradworkError, match=message):
        gw.fit(TABLE, "y", model, **options)


def test_sequences_of_numbers(tmp_path: Path):
    rows = [(k, t, float(k % 5), 10.0 * (k % 5) + 0.5) for k in range(40) for t in range(2 + k % 3)]
    table = dict(zip(("id", "t", "x", "y"), map(list, zip(*rows)), strict=True))
    fitted = fit_network(
        table, "y", "rnn:8", sequence=("id", "t"), task="numbers", epochs=150, learning_rate=0.02, validation=None,
        patience=None,
    )  # fmt: skip
    y = np.array([10.0 * (k % 5) + 0.5 for k in range(40)])
    assert np.abs(fitted.predict(table) - y).max() < 5
    again = gw.load(fitted.save(tmp_path / "model"))
    np.testing.assert_array_equal(again.predict(table), fitted.predict(table))
    assert again.names_of(table) == {"id": [str(k) for k in range(40)]}
