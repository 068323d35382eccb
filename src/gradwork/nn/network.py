"""A network: a layer applied to a batch, with the parameters that this declared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.errors import GradworkError
from gradwork.expr.dims import DimLike, shape_text
from gradwork.expr.node import Expr, symbol
from gradwork.learn.starts import start_value
from gradwork.nn.scope import Layer, Record, Scope, Sequential


@dataclass(frozen=True)
class Network:
    """A network as an expression of its input.

    input:      the symbol of a batch, n × the shape of a sample.
    output:     what prediction computes;  training: what learning computes (they differ by dropout and the like).
    starts:     {parameter: where it starts}.
    records:    what each layer made, in order.
    statistics: {symbol in `output`: the statistic that it stands for, of the data in `training`}.
    remark:     what the summary says beside the input.
    """

    input: Expr
    output: Expr
    training: Expr
    starts: dict[Expr, Any]
    records: tuple[Record, ...]
    statistics: dict[Expr, Expr]
    remark: str = ""

    @property
    def parameters(self) -> tuple[Expr, ...]:
        """The symbols that are learned, in the order in which the layers declare them."""
        return tuple(self.starts)

    @property
    def size(self) -> int:
        """How many numbers are learned."""
        return sum(_count(p) for p in self.parameters)

    def values(self, seed: int = 0) -> dict[str, NDArray[np.float64]]:
        """Return the parameters where they start, as learning with this seed starts them."""
        shapes = {p: tuple(d.value for d in p.shape) for p in self.parameters}
        return {
            p.params[0]: start_value(p.params[0], rule, shapes[p], seed, i)  # type: ignore[arg-type]
            for i, (p, rule) in enumerate(self.starts.items())
        }

    def summary(self) -> str:
        """Return the layers with the shapes of their outputs and the numbers of their parameters.

        >>> from gradwork.nn import Conv2D, Dense, Flatten, MaxPool2D, network
        >>> layers = [Conv2D(8, 5, "relu"), MaxPool2D(2), Flatten(), Dense(10)]
        >>> print(network(layers, (28, 28, 1)).summary())
        layer                 output     parameters
        input                 n×28×28×1
        Conv2D(8, 5×5, relu)  n×24×24×8         208  W₁: 5×5×1×8, b₁: 8   24 = 28 − 5 + 1
        MaxPool2D(2×2)        n×12×12×8           0
        Flatten()             n×1152              0
        Dense(10)             n×10           11,530  W₂: 1152×10, b₂: 10
        11,738 parameters
        """
        rows = [
            ("layer", "output", "parameters", "", ""),
            ("input", shape_text(self.input.shape), "", "", self.remark),
        ]
        for r in self.records:
            own = ", ".join(f"{p.unicode()}: {shape_text(p.shape)}" for p in r.parameters)
            total = sum(_count(p) for p in r.parameters)
            rows.append((r.title, shape_text(r.output.shape), f"{total:,}", own, r.remark))
        widths = [max(len(row[k]) for row in rows) for k in range(5)]
        lines = []
        for name, shape, count, own, remark in rows:
            line = f"{name:<{widths[0]}}  {shape:<{widths[1]}}  {count:>{widths[2]}}  {own:<{widths[3]}}  {remark}"
            lines.append(line.rstrip())
        return "\n".join([*lines, f"{self.size:,} parameters"])

    def __str__(self) -> str:
        return self.summary()


def _count(parameter: Expr) -> int:
    return prod(d.value or 0 for d in parameter.shape)


def network(
    layers: Layer | Iterable[Layer],
    shape: Iterable[DimLike],
    *,
    rows: str = "n",
    name: str = "X",
    integer: bool | None = None,
    seed: int = 0,
) -> Network:
    """Return the network that layers make for samples of a shape.

    shape:   of one sample: (features,), (height, width, channels), (steps,) for whole numbers.
    integer: whether the samples are whole numbers; by default where the first layer is an `Embedding`.
    seed:    what dropout draws by.

    >>> from gradwork.nn import Dense, network
    >>> net = network([Dense(3, "tanh"), Dense(1)], (2,))
    >>> print(net.output)
    tanh(XW₁ + b₁) W₂ + b₂
    >>> net.size
    13
    """
    layer = layers if isinstance(layers, Layer) else Sequential(*layers)
    if isinstance(shape, (int, str)):
        raise GradworkError("shape of sample is tuple", shape=shape)
    sample = tuple(shape)
    if not sample:
        raise GradworkError("sample has at least one axis")
    x = symbol(name, (rows, *sample), integer=layer.integer if integer is None else integer)
    training, prediction = Scope(training=True, seed=seed), Scope(seed=seed)
    trained, output = layer(x, training), layer(x, prediction)
    return Network(
        x,
        output,
        trained,
        dict(training.starts),
        tuple(prediction.records),
        dict(zip(prediction.statistics, training.statistics.values())),
    )
