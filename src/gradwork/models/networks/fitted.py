"""A network fitted to a table or a file of arrays: what it learned, what it predicts, and the model as plain data."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.data.encoding import Encoding
from gradwork.data.images import Samples, read_samples
from gradwork.data.sequences import sequences
from gradwork.data.tables import Table
from gradwork.errors import GradworkError, TableError
from gradwork.learn.diagnosis.why import Diagnosis, _turned
from gradwork.learn.optimizers.named import as_optimizer
from gradwork.models.networks.network import NetworkModel
from gradwork.models.networks.spec import network_from
from gradwork.models.tables.fitted import as_table
from gradwork.stats.classification import confusion_matrix
from gradwork.stats.metrics import regression_metrics
from gradwork.stats.summary import share
from gradwork.store.savable import Savable
from gradwork.words.notes import Line, from_data, to_data
from gradwork.words.numbers import short
from gradwork.words.say import say

Array = NDArray[Any]

MOST_CLASSES = 12  # of a confusion matrix in the terminal


@dataclass(frozen=True)
class Inputs:
    """How data become the samples of a network.

    kind: "rows" (of a table, also flat images), "arrays" (an .npz file), or "sequences" (a long table with the columns
    `id` and `time`);  encoding: the features of a table.
    """

    kind: str
    encoding: Encoding
    id: str = ""
    time: str = ""

    def read(self, path: Any) -> Table | Samples:
        """Return the data in a file."""
        from gradwork.data.reading import read_table

        if self.kind == "arrays":
            return read_samples(path)
        return read_table(path, text_columns=self.encoding.text_columns)

    def samples(self, data: Any) -> tuple[Any, dict[str, list[Any]]]:
        """Return the samples in data, and the columns that name them (of sequences: the id)."""
        if self.kind == "arrays":
            if isinstance(data, str) or hasattr(data, "__fspath__"):
                data = self.read(data)
            return (data.X if isinstance(data, Samples) else np.asarray(data)), {}
        table = as_table(data, self.encoding)
        if self.kind == "sequences":
            found = sequences(table, self.id, self.time, self.encoding)
            return found.steps, {self.id: found.ids}
        return self.encoding.apply(table), {}

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {"kind": self.kind, "encoding": self.encoding.to_dict(), "id": self.id, "time": self.time}

    @classmethod
    def from_dict(cls, data: Any) -> Inputs:
        """Return the inputs from plain data; an error that `FittedNetwork.from_spec` explains if it was changed."""
        kind, names = data["kind"], (data["id"], data["time"])
        if kind not in ("rows", "arrays", "sequences") or not all(isinstance(n, str) for n in names):
            raise ValueError("inputs")
        return cls(kind, Encoding.from_dict(data["encoding"]), *names)


@dataclass(eq=False)
class FittedNetwork(Savable):
    """A network with the table that it was fitted to.

    model:          the network (`gw.models.MLP` and its kin).
    inputs:         how a table becomes its samples.
    target, kind, levels: what is predicted.
    rows:           samples that it was fitted to.
    results:        what the summary says below the layers.
    fit:            the run (None for a model that was read from a folder).
    """

    model: NetworkModel
    inputs: Inputs
    target: str
    kind: str
    levels: tuple[Any, ...]
    rows: int
    heading: str = ""
    results: str = ""
    notes: tuple[Line, ...] = ()
    source: str = "the table"
    fit: Any = None
    details: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of_arrays(cls, model: NetworkModel) -> FittedNetwork:
        """Return a network that learned from arrays as one that reads them from .npz files."""
        levels = () if model.classes is None else tuple(model.classes.tolist())
        return cls(model, Inputs("arrays", Encoding(())), "y", say("kind continuous"), levels, 0)

    # --- what is said ---

    def summary(self, width: int = 100) -> str:
        """Return the summary as text: the layers, how the run went, how well it predicts."""
        told = sorted(self.notes, key=lambda note: note.severity == "note")  # warnings first
        notes = [
            textwrap.fill(
                str(note) if note.severity == "note" else f"! {note}", width, subsequent_indent="  "
            )
            for note in told
        ]
        parts = [self.heading, self.model.summary(), self.results, "\n".join(notes)]
        return "\n\n".join(part for part in parts if part)

    def __str__(self) -> str:
        return self.summary()

    def diagnosis(self, flags: bool = False) -> Diagnosis | None:
        """Return why the run went as it did: where it began to learn noise; None for a model that was read.

        flags: name remedies by the options of the command line.
        """
        if self.fit is None:
            return None
        kind, why, do = getattr(self.fit.stop, "kind", ""), [], []
        turned, facts = _turned(self.fit.history)
        if facts:
            why.append(Line("overfit", **facts))
            kept = kind == "patience"
            key = "do overfit network" if kept else "do stop network"
            stronger = 10 * self.model.l2 or 1e-3
            do.append(_remedy(key, flags, patience=max(5, round(0.1 * facts["epoch"])), l2=stronger))
        if kind in ("growth", "non-finite"):
            rate = float(self.model.optimizer.learning_rate.initial)
            why.append(Line("why network diverged"))
            usual = float(as_optimizer(self.fit.solver).learning_rate.initial)
            do.append(_remedy("do rate network", flags, rate=min(rate / 10, usual)))
        return Diagnosis(self.fit.reason, tuple(why), tuple(do), turned=turned, facts={"kind": kind})

    # --- what is predicted ---

    def read(self, path: Any) -> Any:
        """Return the data in a file, as this model takes them."""
        return self.inputs.read(path)

    def names_of(self, data: Any) -> dict[str, list[Any]]:
        """Return the columns that name what is predicted: of sequences the id, of rows none."""
        return self.inputs.samples(data)[1]

    def predict(self, data: Any) -> Array:
        """Return the prediction of each row or sequence: a number, or the label of the most probable class.

        data: a table, a frame, a dict of columns or a path; for a network of arrays an .npz file or an array.
        """
        return self.model.predict(self.inputs.samples(data)[0])

    def probabilities(self, data: Any) -> Array:
        """Return the probability of each class, n×k, in the order of `levels`."""
        if not self.levels:
            raise GradworkError("number has no class probabilities", target=self.target, kind=self.kind)
        return self.model.predict_proba(self.inputs.samples(data)[0])

    # --- to and from plain data ---

    def spec(self) -> dict[str, Any]:
        """Return the model as plain data (arrays as NumPy arrays), from which `from_spec` makes it again."""
        return {
            "type": "fitted network",
            "network": self.model.spec(),
            "inputs": self.inputs.to_dict(),
            "target": self.target,
            "kind": self.kind,
            "rows": self.rows,
            "heading": self.heading,
            "results": self.results,
            "notes": [to_data(note) for note in self.notes],
            "source": self.source,
        }

    @classmethod
    def from_spec(cls, data: Any) -> FittedNetwork:
        """Return the model from plain data; TableError if it was tampered with."""
        try:
            model, inputs = network_from(data["network"]), Inputs.from_dict(data["inputs"])
            sizes = [d.value or 1 for d in model.network.input.shape[1:]]  # of sequences the first is T
            mask = data["network"]["masked"] is True  # a feature of its own
            if inputs.kind != "arrays" and math.prod(sizes) - mask != len(inputs.encoding.names):
                raise ValueError("features")
            levels = () if model.classes is None else tuple(model.classes.tolist())
            return cls(
                model, inputs, str(data["target"]), str(data["kind"]), levels, int(data["rows"]), str(data["heading"]),
                str(data["results"]), tuple(map(from_data, data["notes"])), str(data["source"]),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, TableError):
                raise
            raise TableError("network damaged", why=say("network entry")) from error


def _remedy(key: str, flags: bool, **values: Any) -> Line:
    return Line(f"{key} flag" if flags else key, **values)


# --- how well it predicts -----------------------------------------------------------------------------------


def results_of(model: NetworkModel, X: Any, y: Array) -> str:
    """Return how the run ended and how well the network predicts, for rows that it learned from and that were held."""
    run, held = model.result, model.held
    assert run is not None
    n = len(y)
    training = np.arange(n) if held is None else np.setdiff1d(np.arange(n), held)
    parts = [("training", training, run.loss)] + (
        [] if held is None else [("held out", held, run.validation_loss)]
    )
    classes = model.classes is not None
    heads = ["", say("rows"), say("loss word"), *([say("accuracy")] if classes else [say("r2"), say("rmse")])]
    lines, predicted = [heads], model.predict(X)
    for label, rows, loss in parts:
        if classes:
            measures = [share(float(np.mean(predicted[rows] == y[rows])))]
        else:
            m = regression_metrics(y[rows].astype(float), predicted[rows], 1)
            measures = [share(m.r2), short(m.rmse)]
        lines.append([say(label), f"{len(rows):,}", short(loss), *measures])
    found = [_sentence(run, held), _table(lines)]
    if classes and held is not None and len(model.classes) <= MOST_CLASSES:  # type: ignore[arg-type]
        found.append(_confusion(model.classes, y[held], predicted[held]))
    return "\n\n".join(found)


def _sentence(run: Any, held: Any) -> str:
    return textwrap.fill(
        f"{run.solver}: {run.reason} ({short(run.seconds, 2)} s)", 100, subsequent_indent="  "
    )


def _confusion(classes: Any, y: Array, predicted: Array) -> str:
    codes, said = np.searchsorted(classes, y), np.searchsorted(classes, predicted)
    labels = [text if len(text := str(c)) <= 12 else text[:11] + "…" for c in classes.tolist()]
    counts = confusion_matrix(codes, said, len(labels))
    rows = [[label, *map(str, row)] for label, row in zip(labels, counts.tolist(), strict=True)]
    return say("confusion held out") + "\n" + _table([["", *labels], *rows])


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return "\n".join(
        "  ".join(c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in enumerate(zip(row, widths))).rstrip()
        for row in rows
    )
