"""Networks that learn from arrays: MLP and ConvNet, for numbers and for classes with labels of any type."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradwork.data.batches import split
from gradwork.errors import GradworkError, ShapeError
from gradwork.expr.dims import Dim
from gradwork.expr.node import Expr, matrix, size, walk
from gradwork.learn.descent.step import COUNTER
from gradwork.learn.fit import Fit
from gradwork.learn.front import minimize
from gradwork.learn.optimizers.named import as_optimizer
from gradwork.learn.settings import Minimizing
from gradwork.learn.stopping import Stopping
from gradwork.models.settings import Made, building
from gradwork.nn import Conv2D, Dense, Flatten, Layer, MaxPool2D, Network, network
from gradwork.nn.trace import Trace, trace
from gradwork.ops import FUNCTIONS as f
from gradwork.ops.windows import per_axis
from gradwork.rows.sums import OverRows, pieces
from gradwork.run import function
from gradwork.store.savable import Savable
from gradwork.words.notes import Line

Array = NDArray[Any]
PASSED_ON = ("schedule", "shuffle", "stopping", "callbacks", "progress", "checkpoint", "resume", "record")
ROWS = 512  # rows predicted at a time
CLASSES = 20  # whole numbers of at most so many values are taken as classes
STATISTICS_ROWS = 4096  # rows of the training data that the statistics of batch normalisation are taken from


class NetworkModel(Savable):
    """A network of any layers, with what it takes to learn from arrays and predict.

    layers:        the layers before the output, which is a Dense layer that this model adds.
    task:          "classes", "numbers", or "auto": classes for text, booleans, integers, and whole numbers of few
                   values (two, or at most 20 that each occur five times on average); else numbers.
    optimizer:     an optimizer or its name; `learning_rate` replaces its rate.
    batch_size, epochs, seed, dtype, target: as in `gw.minimize`.
    validation:    the share of the rows that is held out; None for none.
    patience:      epochs without a better validation loss after which the best parameters are kept; None: no stop.
    normalise:     "features" (each column), "channels" (the last axis), None, or (means, deviations).
    l2:            λ of a penalty λ Σ W² on the weights (not the biases).

    The loss is the mean of the cross-entropy of softmax, or of the squared error of standardised numbers. After
    `fit`, `held` has the numbers of the samples that were held out.
    """

    kind = "layers"  # by which a saved model names its class; `design` holds what that is made with

    def __init__(
        self,
        layers: Layer | Iterable[Layer],
        **options: Unpack[Made],
    ):
        asked = building(type(self).__name__).takes(options)
        if asked.solver not in (None, "auto", "gd") or asked.steps is not None:
            wrong = "steps" if asked.steps is not None else "solver"
            raise GradworkError("setting not here", setting=wrong, here="a network")
        self.layers = (layers,) if isinstance(layers, Layer) else tuple(layers)
        self.design: dict[str, Any] = {}
        self.task, self.l2, self.seed, self.dtype = (
            asked.task,
            float(asked.l2),
            asked.seed,
            str(np.dtype(asked.dtype)),
        )
        self.target, self.asked = asked.run_on, asked
        made = as_optimizer(asked.optimizer)
        self.optimizer = made if asked.learning_rate is None else made.with_rate(asked.learning_rate)
        self.batch_size, self.epochs, self.validation, self.patience = (
            asked.batch_size,
            asked.epochs,
            asked.validation,
            asked.patience,
        )
        normalise = asked.normalise
        self.normalise = normalise
        self.classes: Array | None = None
        self.held: NDArray[np.int64] | None = None
        self.result: Fit | None = None
        self._values: dict[str, Array] | None = None
        self.statistics: dict[str, Array] = {}
        self._programs: dict[Any, Any] = {}

    def __repr__(self) -> str:
        learned = "" if self._values is None else f", {self.network.size:,} parameters learned"
        return f"{type(self).__name__}({', '.join(layer.title for layer in self.layers)}{learned})"

    # --- learning ---------------------------------------------------------------------------------------

    def fit(self, X: ArrayLike, y: ArrayLike, **options: Unpack[Minimizing]) -> NetworkModel:
        """Learn from samples X (n × the shape of one) and their labels or numbers y; return this model.

        Further options go to `gw.minimize` (callbacks, progress, checkpoint, …).
        """
        inputs = self._samples(X)
        targets = self._targets(y, len(inputs))
        training, held = np.arange(len(inputs)), None
        if self.validation is not None:
            codes = None if self.classes is None else targets.argmax(axis=1)
            if codes is not None and np.bincount(codes).min() < 2:
                codes = None
            training, held = split(len(inputs), self.validation, self.seed, stratify=codes)
        self._scale = self._scaling(inputs[training])
        scaled = self._scaled(inputs)
        self._build(inputs.shape[1:])
        data = {self.network.input: scaled, self.target_symbol: targets}
        at: dict[Any, Any] = {symbol: value[training] for symbol, value in data.items()}
        counted = COUNTER in self.loss.symbols  # for dropout: 0 wherever the loss is only measured
        if counted:
            at[COUNTER] = 0.0
        chosen: dict[str, Any] = {
            "optimizer": self.optimizer, "epochs": self.epochs, "batch_size": min(self.batch_size, len(training)),
            "dtype": self.dtype, "seed": self.seed, "run_on": self.target, "patience": self.patience,
            "validation": None if held is None else {s: v[held] for s, v in data.items()},
            **self.asked.only(*PASSED_ON), **options,
        }  # fmt: skip
        if "target" in options:
            del chosen["run_on"]
        own = chosen.setdefault("stopping", Stopping(gradient_norm=None))
        if own is not None and own.patience is not None and "patience" not in {**self.asked.given, **options}:
            del chosen["patience"]
        self.result = minimize(self.loss, self.network.starts, at, **chosen)
        self.held, self._values = held, self.result.parameters
        blame = self.result.details.get("nonfinite")
        if blame is not None:
            self.result.reason = self.result.reason.instead(blame.sentence, self._place(blame, training))
        self._gather_statistics(scaled[training])
        return self

    def _place(self, blame: Any, training: Array) -> Line:
        # A value that is not finite, by layer, unit and sample.
        part, index = blame.part, blame.index
        rows = [k for k, d in enumerate(part.shape) if d == self.network.input.shape[0]]
        made = [k for k, r in enumerate(self.network.records) if part in set(walk(r.output))]
        if not made or not rows or part.ndim < 2:
            return blame.sentence
        return Line(
            "layer not finite", layer=made[0] + 1, title=self.network.records[made[0]].title, unit=index[-1] + 1,
            sample=int(training[index[rows[0]]]) + 1, value=blame.value,
        )  # fmt: skip

    def _gather_statistics(self, X: Array) -> None:
        # The statistics of the data at the learned parameters, for layers that used those of batches.
        wanted, self.statistics = self.network.statistics, {}
        if not wanted:
            return
        program = function(list(wanted.values()), dtype=self.dtype)
        known = {**self.parameters, COUNTER: 0.0, self.network.input.params[0]: X[:STATISTICS_ROWS]}
        found = program(**{s: known[s] for s in program.symbols})
        self.statistics = {s.params[0]: np.asarray(v) for s, v in zip(wanted, found, strict=True)}

    @property
    def _integer(self) -> bool:
        """Whether samples are whole numbers, for an embedding, which are taken as they are."""
        return bool(self.layers) and self.layers[0].integer

    def _samples(self, X: ArrayLike) -> Array:
        array = _numbers(X, "X", self.dtype)
        if array.ndim < 2 or not len(array):
            raise ShapeError("X holds samples along its first axis", shape=array.shape)
        if self._integer:
            if not (array == np.round(array)).all():
                raise GradworkError("X holds numbers")
            return array.astype(np.int64)
        if not np.isfinite(array.sum(dtype=np.float64)):
            rows = np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))
            if len(rows):
                raise GradworkError("X holds value that is not finite", rows=rows[0] + 1)
        return array

    def _targets(self, y: ArrayLike, rows: int) -> Array:
        given = np.asarray(y)
        if given.shape[:1] != (rows,) or given.ndim > 2:
            raise ShapeError("y holds one label for each", rows=rows, shape=given.shape)
        if given.ndim == 2 and given.shape[1] == 1:
            given = given[:, 0]
        if self.task == "classes" or (self.task == "auto" and given.ndim == 1 and holds_classes(given)):
            self.classes, codes = np.unique(given, return_inverse=True)
            if len(self.classes) < 2:
                raise GradworkError("y holds one label", classes=self.classes[0])
            return np.eye(len(self.classes))[codes]
        self.classes = None
        numbers = given.astype(np.float64).reshape(rows, -1)
        if not np.isfinite(numbers).all():
            raise GradworkError("y holds numbers")
        self._shift, self._spread = numbers.mean(axis=0), numbers.std(axis=0)
        self._spread = np.where(self._spread > 0, self._spread, 1.0)
        self._flat = given.ndim == 1
        return (numbers - self._shift) / self._spread

    def _scaling(self, X: Array) -> tuple[Array, Array]:
        if self.normalise is None or self._integer:
            return np.zeros(1), np.ones(1)
        if isinstance(self.normalise, str):
            if self.normalise not in ("features", "channels"):
                raise GradworkError("normalise is features channels None", normalise=self.normalise)
            axes = (0,) if self.normalise == "features" else tuple(range(X.ndim - 1))
            mean, deviation = (np.asarray(part(X, axis=axes, dtype=np.float64)) for part in (np.mean, np.std))
            # A constant column carries nothing: it becomes 0.
            return mean, np.where(deviation > 1e-12 * np.maximum(1, np.abs(mean)), deviation, 1.0)
        mean, deviation = (np.asarray(part, dtype=float) for part in self.normalise)
        if not np.isfinite(mean).all() or not ((deviation > 0) & np.isfinite(deviation)).all():
            raise GradworkError("means to normalise by are finite")
        for part, what in ((mean, "means"), (deviation, "deviations")):
            if part.shape not in ((), (1,), X.shape[-1:], X.shape[1:]):
                raise ShapeError(
                    "numbers to normalise do not fit", size=part.size, what=what, shape=X.shape[-1]
                )
        return mean, deviation

    def _scaled(self, X: Array) -> Array:
        if self._integer:
            return X
        scaled = X - self._scale[0].astype(X.dtype)
        scaled /= self._scale[1].astype(X.dtype)
        return np.ascontiguousarray(scaled, dtype=self.dtype)

    def _build(self, shape: tuple[Any, ...]) -> None:
        outputs = len(self.classes) if self.classes is not None else len(self._shift)
        self.network: Network = network([*self.layers, Dense(outputs)], shape, seed=self.seed)
        rows = Dim.of("n")
        if self.classes is not None:
            Y = matrix("Y", rows, outputs, onehot=True)
            loss = -f["sum"](Y * f["log_softmax"](self.network.training)) / size(rows)
        else:
            Y = matrix("Y", rows, outputs)
            loss = f["mean"]((self.network.training - Y) ** 2)
        if self.l2:
            weights = [p for p in self.network.parameters if p.ndim > 1]
            loss = loss + self.l2 * sum((f["sum"](w**2) for w in weights[1:]), f["sum"](weights[0] ** 2))
        self.loss: Expr = loss
        self.target_symbol: Expr = Y
        self._programs = {}

    # --- what was learned -------------------------------------------------------------------------------

    def _learned(self) -> dict[str, Array]:
        if self._values is None:
            raise GradworkError("this model has learned nothing yet")
        return self._values

    @property
    def parameters(self) -> dict[str, Array]:
        """The learned parameters by name."""
        return self._learned()

    @property
    def history(self) -> Any:
        """The record of the run; None for a model that was read from a folder."""
        self._learned()
        return None if self.result is None else self.result.history

    def summary(self) -> str:
        """Return the layers with output shapes and numbers of parameters."""
        self._learned()
        return self.network.summary()

    def spec(self) -> dict[str, Any]:
        """Return the model as plain data and arrays; GradworkError for layers that are code of one's own."""
        from gradwork.models.networks.spec import spec_of

        return spec_of(self)

    @classmethod
    def from_spec(cls, data: Any) -> NetworkModel:
        """Return the model from plain data, of its own class; TableError if it was tampered with."""
        from gradwork.models.networks.spec import network_from

        return network_from(data)

    def trace(self, X: ArrayLike, y: ArrayLike) -> Trace:
        """Return every intermediate quantity, adjoint and gradient of the loss at the learned parameters."""
        values: dict[Any, Any] = {**self.parameters, COUNTER: 0.0}
        inputs = self._samples(X)
        values[self.network.input.params[0]] = self._scaled(inputs)
        values[self.target_symbol.params[0]] = self._coded(y, len(inputs))
        return trace(self.loss, self.network.parameters, values)

    def _coded(self, y: ArrayLike, rows: int) -> Array:
        # Labels or numbers of new samples, as the loss takes them.
        given = np.asarray(y)
        if given.shape[:1] != (rows,):
            raise ShapeError("y holds one label for each", rows=rows, shape=given.shape)
        if self.classes is None:
            return (given.astype(float).reshape(rows, -1) - self._shift) / self._spread
        codes = np.searchsorted(self.classes, given)
        known = np.take(self.classes, np.minimum(codes, len(self.classes) - 1)) == given
        if not known.all():
            row = int(np.flatnonzero(~known)[0])
            learned = ", ".join(repr(label) for label in self.classes.tolist())
            raise GradworkError("label not learned", tolist=given[row].tolist(), row=row + 1, learned=learned)
        return np.eye(len(self.classes))[codes]

    def outputs(self, X: ArrayLike) -> Array:
        """Return what the last layer gives for samples: logits, or standardised numbers; n×outputs."""
        values = {**self.parameters, **self.statistics}
        inputs = self._samples(X)
        wanted = self.network.input.shape[1:]
        if len(wanted) != inputs.ndim - 1 or any(
            d.value not in (None, k) for d, k in zip(wanted, inputs.shape[1:])
        ):
            raise ShapeError("this model takes samples of shape", wanted=wanted, shape=inputs.shape[1:])
        program = self._programs.get("output")
        if program is None:
            program = self._programs["output"] = function(self.network.output, dtype=self.dtype)
        name = self.network.input.params[0]
        scaled = self._scaled(inputs)
        places = tuple((symbol, 0 if symbol == name else None) for symbol in program.symbols)
        over = OverRows(
            lambda *arrays: [program(**dict(zip(program.symbols, arrays, strict=True)))], places, joined=True
        )
        columns = {**values, name: scaled}
        return np.asarray(over.total(columns, pieces(len(scaled), ROWS), len(scaled), parallel=False)[0])

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return the probability of each class, n×k, in the order of `classes`."""
        if self._learned() and self.classes is None:
            raise GradworkError("probabilities are of classes")
        z = self.outputs(X).astype(np.float64)
        z = np.exp(z - z.max(axis=1, keepdims=True))
        return z / z.sum(axis=1, keepdims=True)

    def predict(self, X: ArrayLike) -> Array:
        """Return the most probable label of each sample, or its number."""
        z = self.outputs(X)
        if self.classes is not None:
            return self.classes[z.argmax(axis=1)]
        numbers = z * self._spread + self._shift
        return numbers[:, 0] if self._flat else numbers

    def score(self, X: ArrayLike, y: ArrayLike) -> float:
        """Return the share of labels that are right, or R² for numbers."""
        given, predicted = np.asarray(y), self.predict(X)
        if given.size != predicted.size:
            raise ShapeError("y holds one target for each", count=len(predicted), shape=given.shape)
        if self.classes is not None:
            return float(np.mean(given.reshape(len(predicted)) == predicted))
        given = given.astype(float).reshape(predicted.shape)
        residual = ((given - predicted) ** 2).sum()
        return float(1 - residual / ((given - given.mean(axis=0)) ** 2).sum())


def _numbers(given: ArrayLike, what: str, dtype: str) -> Array:
    """Return numbers as floats: of single precision where they come so and that is learned in, else of double."""
    try:
        array = np.asarray(given)
        single = dtype == "float32" and (array.dtype == np.float32 or array.dtype.kind in "bu")
        return array.astype(np.float32 if single else np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise GradworkError("not an array of numbers", what=what, error=error) from error


def holds_classes(y: Array) -> bool:
    """Return whether labels are classes: text, booleans, integers, or whole numbers of few values.

    >>> holds_classes(np.array([0.0, 1.0, 1.0])), holds_classes(np.arange(30.0)), holds_classes(np.array(["a"]))
    (True, False, True)
    """
    if y.dtype.kind != "f":
        return True
    return bool((y == np.round(y)).all()) and few(len(np.unique(y)), len(y))


def few(values: int, rows: int) -> bool:
    """Return whether whole numbers of that many values are taken as classes."""
    return values <= 2 or (values <= CLASSES and 5 * values <= rows)


class MLP(NetworkModel):
    """A multilayer perceptron: Dense layers with an activation, then the output.

        H₁ = φ(XW₁ + b₁),  …,  Z = H W + b

    hidden: the units of each hidden layer. The other options are those of `NetworkModel`. X of any shape is
    laid flat.

    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> model = MLP((8,), epochs=60, seed=1).fit(X, np.where(X[:, 0] * X[:, 1] > 0, "same", "other"))
    >>> model.score(X, np.where(X[:, 0] * X[:, 1] > 0, "same", "other")) > 0.9
    True
    """

    kind = "mlp"

    def __init__(self, hidden: int | Sequence[int] = (64, 32), activation: Any = "relu", **options: Any):
        units = (hidden,) if isinstance(hidden, int) else tuple(hidden)
        super().__init__([Dense(u, activation) for u in units], **options)
        self.hidden, self.activation = units, activation
        self.design = {"hidden": list(units), "activation": activation}

    def _samples(self, X: ArrayLike) -> Array:
        array = super()._samples(X)
        return array.reshape(len(array), -1)


class ConvNet(NetworkModel):
    """A convolutional network: blocks of Conv2D, activation and max pooling, then the output.

        H = maxpool(φ(X ⋆ W + b)),  …,  Z = flatten(H) W + b

    filters: of each block.   kernel, padding: of all;  pool: of all, or of each block (1: none).   dense: the units of
    dense layers before the output.   image: h×w×c, where X holds one flat row per image.
    X: n×h×w×c, n×h×w (one channel), or n×(h·w·c) with `image`. By default normalised for each channel, with
    Adam at 0.002 and λ = 0.001.
    """

    kind = "conv"

    def __init__(
        self,
        filters: int | Sequence[int] = (8, 16),
        kernel: int = 3,
        *,
        activation: Any = "relu",
        padding: Any = "same",
        pool: int | Sequence[int] = 2,
        dense: int | Sequence[int] = (),
        image: Sequence[int] | None = None,
        **options: Any,
    ):
        channels = (filters,) if isinstance(filters, int) else tuple(filters)
        units = (dense,) if isinstance(dense, int) else tuple(dense)
        layers: list[Layer] = []
        for c, window in zip(channels, per_axis(pool, len(channels), "pool"), strict=True):
            layers.append(Conv2D(c, kernel, activation, padding=padding))
            if window > 1:
                layers.append(MaxPool2D(window))
        layers += [Flatten(), *(Dense(u, activation) for u in units)]
        # Kernels are small and shared, so a slight penalty and a larger rate than Adam's usual serve them best.
        usual: dict[str, Any] = {"normalise": "channels", "l2": 1e-3}
        if "optimizer" not in options:
            usual["learning_rate"] = 2e-3
        super().__init__(layers, **(usual | options))
        self.image = None if image is None else tuple(image)
        self.design = {
            "filters": list(channels), "kernel": kernel, "activation": activation, "padding": padding, "pool": pool,
            "dense": list(units), "image": self.image,
        }  # fmt: skip

    def _samples(self, X: ArrayLike) -> Array:
        array = super()._samples(X)
        if array.ndim == 2:
            if self.image is None:
                raise ShapeError("images are n h w c")
            if math.prod(self.image) != array.shape[1]:
                raise ShapeError(
                    "columns do not fill image",
                    shape=array.shape[1],
                    names="×".join(map(str, self.image)),
                    prod=math.prod(self.image),
                )
            shape = self.image if len(self.image) == 3 else (*self.image, 1)
            return array.reshape(len(array), *shape)
        return array[..., None] if array.ndim == 3 else array
