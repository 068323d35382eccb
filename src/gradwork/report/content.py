"""What a report shows, as plain data: the page and the folder read it, and nothing here is computed twice."""

from __future__ import annotations

from collections.abc import Callable
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


@dataclass(frozen=True, eq=False)
class Content:
    """Everything that the page shows, in the order in which it is read."""

    title: str
    heading: str
    target: str
    source: str
    rows: int
    facts: tuple[Fact, ...]
    outcome: Numbers | Classes | None = None
    columns: tuple[ColumnFacts, ...] = ()
    model_latex: str = ""
    model_where: str = ""
    equation: str = ""
    summary: Any = None
    scales: tuple[float, ...] = ()
    objective_latex: str = ""
    derivation: Callable[[], str] | None = None
    certificate: str = ""
    history: Any = None
    best: int | None = None
    reason: str = ""
    diagnosis: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    plan: str = ""
    command: str = ""
    provenance: tuple[Fact, ...] = ()
    sample: str = ""
    extra: dict[str, str] = field(default_factory=dict)
