"""What a report shows, as plain data: the page and the folder read it, and nothing here is computed twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Fact = tuple[str, str]


@dataclass(frozen=True)
class ColumnFacts:
    """One column of the table: its part in the model, its type, its values in a few words, their shape.

    `counts` are the bars of a small histogram; `missing` counts the rows without a value.
    """

    name: str
    role: str
    kind: str
    values: str
    missing: int = 0
    counts: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Numbers:
    """How numbers were predicted. Shapes: y, fitted, residual: n.

    `curve` is, for a model with one feature, (name, x of the rows, grid, fitted on the grid, lower, upper); the
    bounds may be None. `plain` tells that residuals are y − fitted, to be compared with a normal distribution;
    of counts they are divided by the root of their mean.
    """

    y: Array
    fitted: Array
    residual: Array
    curve: tuple[str, Array, Array, Array, Array | None, Array | None] | None = None
    plain: bool = True


@dataclass(frozen=True, eq=False)
class Classes:
    """How classes were predicted. Shapes: codes: n; probabilities: n×k; k labels."""

    codes: NDArray[np.int64]
    probabilities: Array
    labels: tuple[Any, ...]


@dataclass(frozen=True)
class LayerFacts:
    """One layer of a network: its title, the shape of what it gives, its parameters, and how its size comes about."""

    title: str
    output: str
    count: int
    parameters: str = ""
    remark: str = ""


@dataclass(frozen=True, eq=False)
class Picture:
    """An image: h×w or h×w×3 values from 0 to 1, or from −1 to 1 where 0 is neutral (`signed`); its caption."""

    pixels: Array
    label: str
    signed: bool = False


@dataclass(frozen=True, eq=False)
class Gallery:
    """Images that belong together, under a title, with a word on how to read them."""

    title: str
    pictures: tuple[Picture, ...]
    caption: str = ""


@dataclass(frozen=True, eq=False)
class Inside:
    """What happens within a network at given samples.

    norms:  (title, caption, label of the axis, {name: norm}) of each picture of norms.
    steps:  {state: its adjoints, T×…} of a recurrence.
    graph:  the computation as SVG.   told: sentences, such as how many units are dead.
    """

    norms: tuple[tuple[str, str, str, Mapping[str, float]], ...] = ()
    steps: Mapping[str, Array] = field(default_factory=dict)
    graph: str = ""
    told: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Content:
    """Everything that the page shows, in the order in which it is read.

    model_formulas: the model as elements of MathML, one formula or several;  notes warn,  remarks only inform.
    estimates:   the title of the table of coefficients.
    derivation:  makes the lines as a table;  `shown` of them are open, the rest is behind "all lines" (None: all).
    """

    title: str
    heading: str
    target: str
    source: str
    rows: int
    facts: tuple[Fact, ...]
    outcome: Numbers | Classes | None = None
    columns: tuple[ColumnFacts, ...] = ()
    model_formulas: tuple[str, ...] = ()
    model_where: str = ""
    equation: str = ""
    layers: tuple[LayerFacts, ...] = ()
    summary: Any = None
    estimates: str = ""
    scales: tuple[float, ...] = ()
    galleries: tuple[Gallery, ...] = ()
    inside: Inside | None = None
    objective: str = ""
    derivation: Callable[[], str] | None = None
    shown: int | None = None
    certificate: str = ""
    history: Any = None
    best: int | None = None
    reason: str = ""
    diagnosis: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    plan: str = ""
    command: str = ""
    provenance: tuple[Fact, ...] = ()
    sample: str = ""
