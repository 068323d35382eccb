"""Correlations in a product: the window and what it is summed against are written as x ⋆ w."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gradwork.diff.derivation import Line, Phase
from gradwork.expr.dims import Dim
from gradwork.expr.node import NAME, Expr
from gradwork.expr.notation import Call, Correlate, Either, Math, Raw
from gradwork.ops.contraction import CONTRACT, split
from gradwork.ops.convolution import Correlation, match
from gradwork.show.indices import with_indices
from gradwork.show.matrix import Graph, Item, NoMatrixForm
from gradwork.show.pieces import leaf, write


def with_correlations(
    node: Expr, items: list[Item], dims: Mapping[int, Dim], math: Callable[[Expr], Math]
) -> list[Item]:
    """Return the items of a product with each correlation in it as one item.

    `items` are the operands of `node` that have axes, in their order; `math` writes an expression.
    """
    operands = [(a, own) for a, own in zip(node.args, node.params[0], strict=True) if a.ndim]
    out = node.params[1]
    while True:
        found = match(operands, out)
        if found is None:
            return items
        x = operands[found.window][0].args[0]
        kernel = _kernel(found, items, dims)
        if kernel is None:
            return items
        labels = tuple(label for label in out if label in found.labels)
        if len(labels) != len(found.labels):
            labels = found.labels
        text = _call(found, operands, items, math) or Call("correlate", (math(x), kernel), _options(found))
        shown = Correlate(math(x), _dilated(kernel, found.dilation), _stride(found.stride))
        one = Item(leaf(Either(text, shown), len(labels)), labels)
        used = {found.window, *found.others}
        # The correlation is an operand that is no window itself: its stand-in only carries the labels.
        at = min(used)
        items = [one if k == at else item for k, item in enumerate(items) if k == at or k not in used]
        operands = [
            (node, labels) if k == at else o for k, o in enumerate(operands) if k == at or k not in used
        ]


def _kernel(found: Correlation, items: list[Item], dims: Mapping[int, Dim]) -> Math | None:
    if len(found.others) == 1:
        return write(items[found.others[0]].piece.factors)
    held = [items[j] for j in found.others]
    kept = dict.fromkeys(label for item in held for label in item.labels)
    labels = tuple(label for label in kept if label in found.along or label in found.labels)
    try:
        piece = Graph(list(held), labels, dims).reduce()
    except NoMatrixForm:
        return with_indices(held, labels)
    return write(piece.factors) if piece is not None else None


def _stride(values: tuple[int, ...]) -> str:
    if set(values) == {1}:
        return ""
    return str(values[0]) if len(set(values)) == 1 else ",".join(map(str, values))


def _dilated(kernel: Math, dilation: tuple[int, ...]) -> Math:
    if set(dilation) == {1}:
        return kernel
    text = str(dilation[0]) if len(set(dilation)) == 1 else str(dilation)
    return Call("dilate", (kernel, Raw(text, text, text)))


def _options(found: Correlation) -> tuple[tuple[str, str], ...]:
    named = (("stride", found.stride), ("dilation", found.dilation))
    return tuple(
        (name, str(values[0]) if len(set(values)) == 1 else str(values))
        for name, values in named
        if set(values) != {1}
    )


def _call(
    found: Correlation,
    operands: list[tuple[Expr, tuple[int, ...]]],
    items: list[Item],
    math: Callable[[Expr], Math],
) -> Math | None:
    """Return conv1d(x, w) or conv2d(x, w) where the operands lie as these functions take them."""
    rank = len(found.along)
    if not found.inside or len(found.others) != 1 or rank > 2:
        return None
    w, kernel = operands[found.others[0]]
    windows, own = operands[found.window]
    axis, inside = windows.params[0], tuple(found.along)
    if kernel == inside and own[axis + 2 * rank :] == () and axis == 0:
        channels = True
    else:
        tail = own[axis + 2 * rank :]
        channels = (
            len(kernel) == rank + 2
            and kernel[:rank] == inside
            and tail == (kernel[rank],)
            and kernel[rank] not in found.labels
            and axis <= 1
        )
    if not channels:
        return None
    return Call(f"conv{rank}d", (math(windows.args[0]), math(w)), _options(found))


def sliding_reason(line: Line, phase: Phase) -> str:
    """Return the key of the words for a step through a correlation, or nothing."""
    if any(s.rule.name == "full convolution" for s in phase.steps.values()):
        return "full convolution"
    after = phase.after
    if line.kind != "backward" or line.target.op is NAME or after.op is not CONTRACT:
        return ""
    found = match(split(after), after.params[1])
    return "correlate" if found is not None and not found.inside else ""


__all__ = ["sliding_reason", "with_correlations"]
