"""Networks as plain data and back: layers by name and numbers, never code; everything is checked when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork import nn
from gradwork.errors import GradworkError, TableError
from gradwork.expr.dims import shape_text
from gradwork.learn.optimizers.named import OPTIMIZERS
from gradwork.learn.optimizers.schedules import is_constant_rate
from gradwork.models.networks.network import MLP, ConvNet, NetworkModel
from gradwork.models.networks.recurrent import Recurrent
from gradwork.nn import Layer
from gradwork.words.say import say

Array = NDArray[Any]

KINDS: dict[str, type[NetworkModel]] = {c.kind: c for c in (NetworkModel, MLP, ConvNet, Recurrent)}
LAYERS = (
    "Activation", "AvgPool1D", "AvgPool2D", "BatchNorm", "Conv1D", "Conv2D", "Dense", "Dropout", "Embedding",
    "Flatten", "GRU", "GlobalAvgPool", "GlobalMaxPool", "LSTM", "LayerNorm", "MaxPool1D", "MaxPool2D", "SimpleRNN",
)  # fmt: skip
MOST_LAYERS = 1_000  # more were not written by Gradwork; building them would only cost time
LEARNING = ("batch_size", "epochs", "validation", "patience", "l2", "seed", "dtype", "task")


def spec_of(model: NetworkModel) -> dict[str, Any]:
    """Return a learned network as plain data, its arrays as NumPy arrays."""
    parameters = model.parameters
    mean, deviation = model._scale
    return {
        "type": "network",
        "kind": model.kind,
        "design": _design(model),
        "learning": _learning(model),
        "sample": [d.value for d in model.network.input.shape[1:]],
        "scale": {"mean": np.asarray(mean, float), "deviation": np.asarray(deviation, float)},
        "parameters": {name: np.asarray(value) for name, value in parameters.items()},
        "statistics": dict(model.statistics),
        "masked": getattr(model, "_unequal", False),
        "classes": None if model.classes is None else np.asarray(model.classes).tolist(),
        "numbers": None
        if model.classes is not None
        else {"shift": model._shift, "spread": model._spread, "flat": model._flat},
    }


def _design(model: NetworkModel) -> dict[str, Any]:
    if model.kind != "layers":
        return _plain(model.design, type(model).__name__)
    layers = [part for layer in model.layers for part in (layer.parts or (layer,))]
    return {"layers": [_layer(layer) for layer in layers]}


def _layer(layer: Layer) -> dict[str, Any]:
    if layer.kind not in LAYERS:
        raise GradworkError("own layer", title=layer.title)
    return {"kind": layer.kind, "options": _plain(layer.options, layer.title)}


def _plain(options: Mapping[str, Any], title: str) -> dict[str, Any]:
    """Return options as JSON holds them; a function of one's own is code, which is not saved."""

    def one(name: str, value: Any) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, (tuple, list)):
            return [one(name, v) for v in value]
        if value is not None and not isinstance(value, (bool, int, float, str)):
            raise GradworkError("own option", title=title, option=name, kind=type(value).__name__)
        return value

    return {name: one(name, value) for name, value in options.items()}


def _learning(model: NetworkModel) -> dict[str, Any]:
    found = {name: getattr(model, name) for name in LEARNING}
    given = model.normalise
    found["normalise"] = (
        given if given is None or isinstance(given, str) else [np.array(p, float) for p in given]
    )
    optimizer = model.optimizer
    if optimizer.name.lower() in OPTIMIZERS and is_constant_rate(optimizer.learning_rate):
        found["optimizer"] = optimizer.name.lower()
        found["learning_rate"] = float(optimizer.learning_rate.initial)
    return found


# --- and back -----------------------------------------------------------------------------------------------


def network_from(data: Any) -> NetworkModel:
    """Return the network that `spec_of` described; TableError, with what is wrong, if it was tampered with."""
    try:
        return _network(data)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        if isinstance(error, TableError):
            raise
        why = str(error).splitlines()[0] if isinstance(error, GradworkError) else say("network entry")
        raise TableError("network damaged", why=why) from error


def _network(data: Any) -> NetworkModel:
    kind = data["kind"]
    if kind not in KINDS:
        raise GradworkError("network kind", kind=kind)
    arrays = {name: _finite(name, value) for name, value in data["parameters"].items()}
    model = KINDS[kind](**_made(data["design"], kind), **_options(data["learning"]))
    _outputs(model, data)
    sample = tuple(1 if d is None else _whole(d) for d in data["sample"])
    if isinstance(model, Recurrent):
        model._masked(data["masked"] is True)
    model._build(sample)
    _fill(model, arrays, {name: _finite(name, value) for name, value in data["statistics"].items()})
    mean, deviation = (_finite(name, data["scale"][name]) for name in ("mean", "deviation"))
    for part in (mean, deviation):
        known = zip(reversed(part.shape), reversed(data["sample"]))
        if part.ndim > len(sample) or not all(k == 1 or d in (None, k) for k, d in known):
            expected = "×".join(map(str, sample))
            raise GradworkError("network array", name="scale", shape=part.shape, expected=expected)
    if not (deviation > 0).all():
        raise ValueError("scale")
    model._scale = mean, deviation
    return model


def _made(design: Any, kind: str) -> dict[str, Any]:
    if kind != "layers":
        counted = design["filters" if kind == "conv" else "hidden"]
        if not isinstance(counted, list) or len(counted) > MOST_LAYERS:
            raise ValueError("layers")
        return {name: tuple(v) if isinstance(v, list) else v for name, v in design.items()}
    items = design["layers"]
    if not isinstance(items, list) or len(items) > MOST_LAYERS:
        raise ValueError("layers")
    return {"layers": [_read_layer(item) for item in items]}


def _read_layer(item: Any) -> Layer:
    if item["kind"] not in LAYERS:
        raise GradworkError("network kind", kind=item["kind"])
    options = {name: tuple(v) if isinstance(v, list) else v for name, v in item["options"].items()}
    return getattr(nn, item["kind"])(**options)


def _options(learning: Mapping[str, Any]) -> dict[str, Any]:
    known = (*LEARNING, "normalise", "optimizer", "learning_rate")
    found = {name: value for name, value in learning.items() if name in known}
    if found.get("dtype") not in ("float32", "float64"):
        raise ValueError("dtype")
    return found


def _outputs(model: NetworkModel, data: Any) -> None:
    labels = data["classes"]
    if labels is not None:
        model.classes = np.array(labels)
        if model.classes.ndim != 1 or len(labels) < 2 or len(set(labels)) < len(labels):
            raise ValueError("classes")
        return
    numbers = data["numbers"]
    model._shift, model._spread = (_finite(name, numbers[name]) for name in ("shift", "spread"))
    model._flat = numbers["flat"] is True
    if model._shift.ndim != 1 or model._spread.shape != model._shift.shape or not (model._spread > 0).all():
        raise ValueError("numbers")


def _fill(model: NetworkModel, arrays: dict[str, Array], statistics: dict[str, Array]) -> None:
    network = model.network
    wanted = {p.params[0]: p.shape for p in network.parameters}
    kept = {s.params[0]: s.shape for s in network.statistics}
    for shapes, found in ((wanted, arrays), (kept, statistics)):
        if set(shapes) != set(found):
            odd = sorted(set(shapes) ^ set(found))[0]
            raise GradworkError("network arrays", name=odd)
        for name, shape in shapes.items():
            if found[name].shape != tuple(d.value for d in shape):
                given = "×".join(map(str, found[name].shape)) or "scalar"
                raise GradworkError("network array", name=name, shape=given, expected=shape_text(shape))
    model._values, model.statistics = arrays, statistics


def _finite(name: str, value: Any) -> Array:
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or not np.isfinite(value).all():
        raise GradworkError("network array not finite", name=name)
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("sample")
    return value
