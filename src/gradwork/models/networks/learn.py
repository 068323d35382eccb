"""From a table, a long table of sequences, or a file of arrays to a fitted network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from gradwork.data.design import design
from gradwork.data.encoding import Encoding
from gradwork.data.images import Samples, check_fills, image_table, read_samples
from gradwork.data.sequences import sequences, step_features, targets_of
from gradwork.data.tables import Table
from gradwork.data.targets import Target
from gradwork.data.targets import target as target_of
from gradwork.errors import GradworkError
from gradwork.learn.settings import opens
from gradwork.models.fit import _table
from gradwork.models.networks.fitted import FittedNetwork, Inputs, results_of
from gradwork.models.networks.names import RECURRENT, NetworkName, parse_network
from gradwork.models.networks.network import MLP, ConvNet, NetworkModel, few, holds_classes
from gradwork.models.networks.recurrent import Recurrent
from gradwork.models.settings import FIT_NETWORK, NETWORKS, Reading, building, check_fit
from gradwork.words.notes import Caution, Line, Note
from gradwork.words.say import say

Array = NDArray[Any]

TITLES = {"mlp": "multilayer perceptron", "conv": "convolutional network", "rnn": "recurrent network"}


@opens(FIT_NETWORK)
def fit_network(
    data: Any,
    target: Any = None,
    model: str = "mlp",
    **options: Unpack[Reading],
) -> FittedNetwork:
    """Return a network that predicts one column of a table, or the y of an .npz file.

    data:     a table, a path of a CSV, Parquet or .npz file, a frame, a dict of columns.
    target:   the column to predict; of an .npz file the array, "y" by default.
    model:    mlp:64,32 (units of each hidden layer), conv:8,16 (filters of each block), rnn:64, gru:64, lstm:64; the
              numbers may be left out.
    task:     "classes", "numbers", or "auto", by the target's type.
    image:    (h, w, c) of conv, for a table with one column per pixel.
    sequence: the columns of the id and of the time of rnn, gru and lstm, for a table with one row per step. The target
              is constant within an id.
    activation, optimizer, learning_rate, epochs, batch_size, validation, patience, l2, normalise, seed: see
              `gw.models.NetworkModel`; scale=False takes the features as they are.
    features, missing, unusable: as in `gw.fit`. Further options go to `gw.minimize` (callbacks, checkpoint, …).

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(200, 2))
    >>> table = {"a": x[:, 0], "b": x[:, 1], "same": x[:, 0] * x[:, 1] > 0}
    >>> fitted = fit_network(table, "same", "mlp:8", epochs=60, seed=1)
    >>> float(np.mean(fitted.predict(table) == table["same"])) > 0.9
    True
    """
    asked, chosen = FIT_NETWORK.takes(options), parse_network(model)
    check_fit(asked, NETWORKS, model)
    task, image, sequence, features = asked.task, asked.image, asked.sequence, asked.features
    if (isinstance(data, str) or hasattr(data, "__fspath__")) and str(data).lower().endswith(".npz"):
        data = read_samples(data, target or "y")
    _check(chosen, asked.activation, image, sequence, features, data)
    if isinstance(data, Samples):
        prepared = _arrays(data, target, chosen, image, task)
    else:
        table, target = _table(data, target)
        if target is None:
            raise GradworkError("name target column to predict")
        if chosen.name in RECURRENT:
            prepared = _sequences(table, target, chosen, sequence, features, task, asked.missing)
        else:
            prepared = _rows(table, target, chosen, image, features, task, asked.missing, asked.unusable)
    given = asked.only(*(n for n in building("").records if n != "normalise" or asked.normalise is not None))
    if not asked.scale:
        given["normalise"] = None
    given |= {"task": prepared.task, "validation": asked.validation or None}
    network = _network(chosen, asked.activation, image, given)
    network.fit(prepared.X, prepared.y)
    return _fitted(network, prepared, chosen)


@dataclass
class _Prepared:
    """Samples and targets as arrays, and what is to be said of them."""

    X: Any
    y: Array
    task: str
    inputs: Inputs
    target: str
    kind: str
    source: str
    rows: int
    what: str  # the features, or the images, or the sequences, in words
    notes: list[Line]


def _check(chosen: NetworkName, activation: Any, image: Any, sequence: Any, features: Any, data: Any) -> None:
    arrays = isinstance(data, Samples)
    if chosen.name in RECURRENT and activation is not None:
        raise GradworkError("no activation", name=chosen.name)
    if chosen.name != "conv" and image is not None:
        raise GradworkError("image for conv", name=chosen.name)
    if chosen.name not in RECURRENT and sequence is not None:
        raise GradworkError("sequence for rnn", name=chosen.name)
    if arrays and (features is not None or sequence is not None):
        raise GradworkError("arrays have no columns", source=data.source)


def _network(chosen: NetworkName, activation: Any, image: Any, options: dict[str, Any]) -> NetworkModel:
    units: tuple[Any, ...] = (chosen.units,) if chosen.units else ()
    if activation is not None:
        options["activation"] = activation
    if chosen.name == "mlp":
        return MLP(*units, **options)
    if chosen.name == "conv":
        return ConvNet(*units, image=image, **options)
    return Recurrent(chosen.name, *units, **options)


def _fitted(network: NetworkModel, prepared: _Prepared, chosen: NetworkName) -> FittedNetwork:
    run = network.result
    assert run is not None
    title = TITLES.get(chosen.name, f"{chosen.name.upper()} network")
    heading = say(
        "heading", source=prepared.source, rows=prepared.rows, features=prepared.what, target=prepared.target,
        kind=prepared.kind, model=title, how=run.solver,
    )  # fmt: skip
    notes = [*prepared.notes, *([Note("penalty in loss", l2=network.l2)] if network.l2 else [])]
    levels = () if network.classes is None else tuple(network.classes.tolist())
    return FittedNetwork(
        network, prepared.inputs, prepared.target, prepared.kind, levels, len(prepared.y), heading,
        results_of(network, prepared.X, prepared.y), tuple(notes), prepared.source, run,
        {"X": prepared.X, "y": prepared.y},
    )  # fmt: skip


# --- from data to arrays ------------------------------------------------------------------------------------


def _kind(table: Table, target: str, task: str, notes: list[Line]) -> str | None:
    """Return the kind that the target is taken as; None leaves it to its type."""
    if task != "auto":
        return "categorical" if task == "classes" else "continuous"
    c = table[target]
    if c.kind != "number" or not c.whole:
        return None
    values = len(np.unique(c.values[~c.missing]))
    if values == 2 or not few(values, table.rows):
        return None
    notes.append(Note("whole numbers are classes", target=target, count=values))
    return "categorical"


def _labels(goal: Target) -> Array:
    return np.array(goal.levels)[goal.codes] if goal.levels else goal.y


def _said(goal: Target) -> str:
    return (
        say("classes counted", count=len(goal.levels)) if len(goal.levels) > 2 else say(f"kind {goal.kind}")
    )


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    return say("one feature" if len(names) == 1 else "features", count=len(names), names=shown)


def _rows(
    table: Table, target: str, chosen: NetworkName, image: Any, features: Any, task: str, missing: str, unusable: str
) -> _Prepared:  # fmt: skip
    table[target]
    notes: list[Line] = []
    kind = _kind(table, target, task, notes) if not table[target].missing.all() else None
    if chosen.name == "conv":
        if image is None:
            count = len(features) if features is not None else len(table.names) - 1
            side = int(count**0.5)
            hint = say("image hint", count=count, side=side) if side > 1 and side * side == count else ""
            raise GradworkError("no image", hint=hint)
        made = image_table(table, target, tuple(image), features, missing=missing, kind=kind)
        what = say("images", shape="×".join(map(str, image)))
    else:
        made = design(table, target, features, missing=missing, kind=kind, unusable=unusable)
        what = _named([f.name for f in made.encoding.features])
    goal = made.target
    return _Prepared(
        made.X, _labels(goal), "classes" if goal.levels else "numbers", Inputs("rows", made.encoding), target,
        _said(goal), table.source, len(made.X), what, [*notes, *made.notes],
    )  # fmt: skip


def _sequences(
    table: Table, target: str, chosen: NetworkName, sequence: Any, features: Any, task: str, missing: str
) -> _Prepared:  # fmt: skip
    if sequence is None:
        raise GradworkError("no sequence", name=chosen.name)
    id_name, time_name = sequence
    encoding = step_features(table, id_name, time_name, target, features, missing)
    found = sequences(table, id_name, time_name, encoding, missing)
    if len(found.ids) < 2:
        raise GradworkError("one sequence", source=table.source, id=id_name)
    each = targets_of(table, found, target)
    notes: list[Line] = []
    goal = target_of(each, target, _kind(each, target, task, notes))
    used = sum(map(len, found.steps))
    if used < table.rows:
        notes.append(Caution("steps dropped", dropped=table.rows - used, rows=table.rows))
    encoding = Encoding(encoding.features, target, goal.kind, goal.levels)
    shortest, longest = (f(map(len, found.steps)) for f in (min, max))
    steps = f"{longest}" if shortest == longest else f"{shortest} … {longest}"
    what = say("sequences", count=len(found.ids), steps=steps, features=_named(encoding.names))
    return _Prepared(
        found.steps, _labels(goal), "classes" if goal.levels else "numbers",
        Inputs("sequences", encoding, id_name, time_name), target, _said(goal), table.source, used, what, notes,
    )  # fmt: skip


def _arrays(data: Samples, target: Any, chosen: NetworkName, image: Any, task: str) -> _Prepared:
    if data.y is None:
        raise GradworkError("no y", source=data.source, name=target or "y")
    if data.rows < 2:
        raise GradworkError("one sample", source=data.source)
    if chosen.name == "conv" and data.X.ndim == 2:
        if image is None:
            raise GradworkError("no image", hint="")
        check_fills(data.X.shape[1], tuple(image), data.source)
    y = data.y
    classes = task == "classes" or (task == "auto" and holds_classes(y))
    if not classes and y.dtype.kind not in "buif":
        raise GradworkError("text is no number", source=data.source)
    count = len(np.unique(y))
    kind = say(
        "kind continuous" if not classes else "kind binary" if count == 2 else "classes counted", count=count
    )
    shape = "×".join(map(str, image or data.X.shape[1:]))
    what = say("images" if chosen.name == "conv" else "samples of", shape=shape)
    return _Prepared(
        data.X, y, "classes" if classes else "numbers", Inputs("arrays", Encoding(())), target or "y", kind,
        data.source, data.rows, what, [],
    )  # fmt: skip
