"""A contraction as source text: matrix products, scalings and sums, in the cheapest order.

The node is first reduced to what must be computed: `ones` vanish (or become a size, or a broadcast axis of the
result), `eye` merges two labels, scalars gather in front, repeated labels become diagonals, private summed
labels become sums. What is left goes to `order`, and `pairs` writes each pair.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from gradwork.expr.dims import Dim
from gradwork.expr.node import CONSTANT, EYE, ONES, SIZE, Expr, definition
from gradwork.ops.contraction import label_sizes
from gradwork.run.products.blocks import in_blocks
from gradwork.run.products.order import best_order
from gradwork.run.products.pairs import Factor, write
from gradwork.run.products.scale import Scale
from gradwork.run.sizes import estimate
from gradwork.run.targets.value import Value

if TYPE_CHECKING:
    from gradwork.run.targets.numpy import Writer

Label = Hashable


def product(w: Writer, node: Expr, values: list[Value]) -> Value:
    """Return a contraction as text, given its operands as text."""
    reduced = _Reduced(w, node, values)
    out = reduced.out
    axes = tuple(out.index(label) for label in reduced.order)
    if not reduced.factors:
        return reduced.scale.alone()
    hint = {label: estimate(dim, w.hint) for label, dim in reduced.dims.items()}
    if len(reduced.factors) == 1:
        return _single(w, reduced, hint, axes)
    labels = [frozenset(f.labels) for f in reduced.factors]
    # b @ solve(A, c) rather than solve(A.T, b) @ c
    avoid = [(i, f.labels[0]) for i, f in enumerate(reduced.factors) if f.inverse is not None]
    cost, tree = best_order(labels, frozenset(reduced.order), hint, avoid)
    at = reduced.scale.best_place(
        labels, frozenset(reduced.order), hint, [f.inverse is None for f in reduced.factors]
    )
    if at is not None:
        factor = reduced.factors[at]
        reduced.factors[at] = replace(factor, value=reduced.scale.on(w.number(factor.value)), inverse=None)
        reduced.scale = Scale(w)
    body = in_blocks(w, reduced.factors, tree, reduced.order, reduced.dims, hint)
    if body is None:
        body = write(w, reduced.factors, tree, reduced.order, reduced.dims)
    w.planned(body.text, cost)
    return replace(
        reduced.scale.on(w.number(body) if body.boolean and not reduced.scale.empty else body), axes=axes
    )


def _single(w: Writer, reduced: _Reduced, hint: dict, axes: tuple[int, ...]) -> Value:
    # One factor: sums and transposes only. 1/n Σ is a mean.
    (factor,) = reduced.factors
    summed = tuple(label for label in factor.labels if label not in reduced.order)
    value, labels = factor.value, factor.labels
    if summed:
        count = Dim.of(1)
        for label in summed:
            count = count * reduced.dims[label]
        positions = tuple(factor.labels.index(label) for label in summed)
        name = "mean" if reduced.scale.take_divisor(count) else "sum"
        value = w.total(name, w.number(value), positions, len(labels))
        labels = tuple(label for label in labels if label in reduced.order)
    if labels != tuple(reduced.order):
        value = w.transposed(value, tuple(labels.index(label) for label in reduced.order))
    if not reduced.scale.empty:
        value = reduced.scale.on(w.number(value))
    return replace(value, axes=axes)


@dataclass
class _Reduced:
    # What is left of a contraction: scalars, factors with distinct labels, the labels of the result in order.

    scale: Scale
    factors: list[Factor]
    dims: dict[Label, Dim]
    out: list[Label]
    order: list[Label]

    def __init__(self, w: Writer, node: Expr, values: list[Value]):
        labels, out = node.params
        self.scale, self.factors = Scale(w), []
        self.dims = dict(label_sizes(node.args, labels))
        self.out = list(out)
        rename: dict[Label, Label] = {}
        found: list[tuple[Value, tuple[Label, ...], Value | None]] = []
        eyes: list[tuple[Label, Label]] = []
        for arg, own, value in zip(node.args, labels, values, strict=True):
            core = definition(arg)
            carried = tuple(own[a] for a in value.axes)
            if core.op is EYE:
                eyes.append((own[0], own[1]))
            elif core.op is ONES:
                continue
            elif not carried:
                self._scalar(core, value)
            else:
                found.append((replace(value, axes=()), carried, w.solved(core)))
        kept = self._merge(eyes, rename)
        for value, own, inverse in found:
            self._factor(w, value, tuple(_root(rename, label) for label in own), inverse)
        for a, b in kept:
            self.factors.append(Factor(w.eye(self.dims[a]), (a, b), eye=True))
        carried = {label for f in self.factors for label in f.labels}
        for label in {_root(rename, label) for own in labels for label in own} - carried - set(out):
            self.scale.size(self.dims[label])  # a sum that nothing depends on
        self._sum_private(w)
        self.order = [label for label in out if label in carried]

    def _scalar(self, core: Expr, value: Value) -> None:
        if core.op is CONSTANT:
            self.scale.number(core.params[0])
        elif core.op is SIZE:
            self.scale.size(core.params[0])
        elif (
            core.op.name == "power"
            and core.args[1].op is CONSTANT
            and core.args[1].params[0] == -1
            and (definition(core.args[0]).op is SIZE)
        ):
            self.scale.divide_by_size(definition(core.args[0]).params[0])
        elif (
            core.op.name == "power"
            and all(a.op is CONSTANT for a in core.args)
            and core.args[1].params[0] == -1
            and (core.args[0].params[0] != 0)
        ):
            base = core.args[0].params[0]
            self.scale.number(1 / base if isinstance(base, Fraction) else 1 / float(base))
        else:
            self.scale.times(value)

    def _merge(self, eyes: list[tuple[Label, Label]], rename: dict) -> list[tuple[Label, Label]]:
        # δᵢⱼ identifies i and j. Where both are axes of the result it stays, and everything else uses i.
        kept: list[tuple[Label, Label]] = []
        for a, b in eyes:
            a, b = _root(rename, a), _root(rename, b)
            if a == b:
                continue
            if a in self.out and b in self.out:
                rename[b] = a
                kept.append((a, b))
            elif a in self.out or b not in self.out:
                rename[b] = a
            else:
                rename[a] = b
        return kept

    def _factor(self, w: Writer, value: Value, own: tuple[Label, ...], inverse: Value | None) -> None:
        whole = None
        while len(set(own)) < len(own):
            label = next(x for x in own if own.count(x) > 1)
            first = own.index(label)
            second = own.index(label, first + 1)
            whole = w.number(value) if len(own) == 2 else None
            value = w.diagonal(w.number(value), first, second, len(own))
            own = (*(x for i, x in enumerate(own) if i not in (first, second)), label)
            inverse = None
        self.factors.append(Factor(value, own, inverse=inverse, whole=whole))

    def _sum_private(self, w: Writer) -> None:
        # A label that only one factor has, and the result has not, is summed at once: never dearer than later.
        if len(self.factors) == 1 and self.factors[0].whole is None:
            return  # one factor: `_single` sums, and knows when that is a mean
        summed = []
        for k, factor in enumerate(self.factors):
            others = {label for j, f in enumerate(self.factors) if j != k for label in f.labels} | set(
                self.out
            )
            private = tuple(label for label in factor.labels if label not in others)
            if private:
                positions = tuple(factor.labels.index(label) for label in private)
                if factor.whole is not None:
                    value = w.trace(factor.whole)
                else:
                    value = w.total("sum", w.number(factor.value), positions, len(factor.labels))
                rest = tuple(label for label in factor.labels if label in others)
                if not rest:
                    self.scale.times(value)
                    continue
                factor = Factor(value, rest)
            summed.append(factor)
        self.factors = summed


def _root(rename: dict, label: Label) -> Label:
    while label in rename:
        label = rename[label]
    return label
