"""What a layer is: a name and a function that builds an expression, declaring the parameters that it needs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, ParamSpec

from gradwork.errors import GradworkError, ShapeError
from gradwork.expr.dims import Dim, DimLike
from gradwork.expr.node import Expr, scalar, symbol
from gradwork.learn.descent.step import COUNTER
from gradwork.nn.starts import start_rule


@dataclass(frozen=True)
class Record:
    """What one layer made of what came in, for the summary: its output, its parameters and a remark."""

    title: str
    output: Expr
    parameters: tuple[Expr, ...]
    remark: str = ""


@dataclass
class Scope:
    """Where layers declare parameters. One scope is one network.

    training: whether the network is built for learning (some layers, such as dropout, act only then).
    """

    training: bool = False
    starts: dict[Expr, Any] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    statistics: dict[Expr, Expr] = field(default_factory=dict)
    draws: int = 0
    seed: int = 0
    _number: int = 0
    _own: list[Expr] = field(default_factory=list)
    _remark: str = ""
    _depth: int = 0

    def parameter(self, letter: str, shape: Iterable[DimLike], start: Any = "glorot") -> Expr:
        """Return a new parameter, called by its letter and the number of the layer: W_1, b_1, W_2, …

        start: a rule ("zeros", "ones", "glorot", "he", "normal", "orthogonal"), a number, an array, or a
               function of (generator, shape).
        """
        sizes = tuple(Dim.of(d) for d in shape)
        named = [str(d) for d in sizes if d.value is None]
        if named:
            raise ShapeError("parameter needs sizes that are known", letter=letter, named=named)
        if not self._own:
            self._number += 1
        made = symbol(self._fresh(f"{letter}_{self._number}"), sizes)
        self.starts[made] = start_rule(start)
        self._own.append(made)
        return made

    def statistic(self, letter: str, value: Expr) -> Expr:
        """Return a symbol for a statistic of the data, for prediction; it gets its value after learning.

        value: the statistic as an expression of a batch. In training layers use the batch's own.
        """
        made = symbol(self._fresh(f"{letter}_{self._number}"), value.shape)
        self.statistics[made] = value
        return made

    def step(self) -> tuple[Expr, int]:
        """Return the number of the training step as a symbol, and a stream of random numbers of its own."""
        self.draws += 1
        return scalar(COUNTER), self.seed * 1009 + self.draws

    def _fresh(self, label: str) -> str:
        while label in self.taken:
            label += "_"
        self.taken.add(label)
        return label

    def remark(self, text: str) -> None:
        """Say something beside this layer in the summary, such as how its output size comes about."""
        self._remark = text

    def run(self, layer: Layer, x: Expr) -> Expr:
        """Return what a layer makes of `x`; layers within layers are not recorded apart."""
        self._depth += 1
        outer, own, before = self._own, [], len(self.records)
        if self._depth == 1 and not layer.parts:
            self._own, self._remark = own, ""
        try:
            y = layer.build(x, self)
        except ShapeError as error:
            if layer.parts or getattr(error, "layer", ""):
                raise
            place = f"layer {len(self.records) + 1}, {layer.title}" if self._depth == 1 else layer.title
            named = ShapeError("what came in has shape", place=place, error=error, shape=x.shape)
            named.layer = layer.title  # type: ignore[attr-defined]
            raise named from None
        finally:
            self._depth -= 1
        if self._depth == 0 and not layer.parts:
            if len(self.records) == before:  # else its parts were recorded in its place
                self.records.append(Record(layer.title, y, tuple(self._own), self._remark))
            self._own = outer
        return y


@dataclass(frozen=True)
class Layer:
    """A step of a network.

    title: how the summary calls it: "Dense(64, relu)".
    build: (x, scope) -> expression. It may call other layers: `Dense(8)(x, scope)`.
    parts: the layers that it only strings together, which are recorded in its place.
    kind, options: the constructor that made it and what that was given, for a saved model; "" for a layer of one's
           own, which is code, and which no file holds.
    integer: whether it takes whole numbers, as `Embedding` does.

    A layer of one's own:

    >>> def Scale():
    ...     return Layer("Scale", lambda x, scope: x * scope.parameter("a", x.shape[-1:], "ones"))
    >>> from gradwork.nn import network
    >>> print(network(Scale(), (3,)).output)
    X diag(a₁)
    """

    title: str
    build: Callable[[Expr, Scope], Expr]
    parts: tuple[Layer, ...] = ()
    kind: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, compare=False)
    integer: bool = False

    def __call__(self, x: Expr, scope: Scope) -> Expr:
        """Return what this layer makes of `x`."""
        return scope.run(self, x)

    def __rshift__(self, other: Layer) -> Layer:
        """Return the layer that applies this one, then the other."""
        return Sequential(self, other)

    def __repr__(self) -> str:
        return self.title


Given = ParamSpec("Given")


def described(make: Callable[Given, Layer]) -> Callable[Given, Layer]:
    """Return the constructor of a layer that notes in what it makes how it was called.

    >>> from gradwork.nn import Dense
    >>> Dense(4, activation="relu").kind, Dense(4, activation="relu").options
    ('Dense', {'units': 4, 'activation': 'relu'})
    """
    signature = inspect.signature(make)

    @wraps(make)
    def layer(*args: Given.args, **options: Given.kwargs) -> Layer:
        given = signature.bind(*args, **options).arguments
        return replace(make(*args, **options), kind=make.__name__, options=dict(given))

    return layer


def Sequential(*layers: Any) -> Layer:
    """Return the layer that applies layers one after the other.

    >>> from gradwork.nn import Dense, Sequential
    >>> Sequential(Dense(4, "relu"), Dense(1))
    Sequential(Dense(4, relu), Dense(1))
    """
    chosen = [x for given in layers for x in (given if isinstance(given, (list, tuple)) else [given])]
    for x in chosen:
        if not isinstance(x, Layer):
            raise GradworkError("Sequential takes layers such as Dense", x=x)
    flat = tuple(p for x in chosen for p in (x.parts or (x,)))
    if not flat:
        raise GradworkError("Sequential needs at least one layer")

    def build(x: Expr, scope: Scope) -> Expr:
        scope._depth -= 1  # the parts are recorded in the place of the whole
        try:
            for part in flat:
                x = part(x, scope)
        finally:
            scope._depth += 1
        return x

    return Layer(f"Sequential({', '.join(p.title for p in flat)})", build, flat, integer=flat[0].integer)
