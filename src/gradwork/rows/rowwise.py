"""How operations treat an axis of rows: on which axis the result has the rows, if each row still stands alone.

A rule takes the node and the kinds of its arguments (see `rows`) and returns the axis, or None where the operation
runs over the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gradwork.expr.dims import Dim
from gradwork.expr.node import Expr

FREE, SUM = -1, -2  # kinds; a kind from 0 is the axis on which a subexpression has the rows


def _reduces(node: Expr, kinds: Sequence[int]) -> int | None:
    axes, row = node.params[0], kinds[0]
    return None if row in axes else row - sum(a < row for a in axes)


def _along(node: Expr, kinds: Sequence[int]) -> int | None:
    axes, row = node.params[0], kinds[0]
    return None if row in (axes if isinstance(axes, tuple) else (axes,)) else row


def _last(node: Expr, kinds: Sequence[int]) -> int | None:
    return None if kinds[0] == node.args[0].ndim - 1 else kinds[0]


def _index(node: Expr, kinds: Sequence[int]) -> int | None:
    spec, row = node.params[0], kinds[0]
    if row < len(spec):
        part = spec[row]
        if part[0] == "at" or (part[1], part[2], part[3]) != (Dim.of(0), None, 1):
            return None
    return row - sum(s[0] == "at" for s in spec[:row])


def _gather(node: Expr, kinds: Sequence[int]) -> int | None:
    axis, (source, positions) = node.params[0], kinds
    if source == FREE:
        return axis + positions  # a table looked up by each row: an embedding
    if positions == FREE and source != axis:
        return source if source < axis else source - 1 + node.args[1].ndim
    return None


def _reshape(node: Expr, kinds: Sequence[int]) -> int | None:
    return 0 if kinds[0] == 0 else None


def _slides(node: Expr, kinds: Sequence[int]) -> int | None:
    axis, k, row = node.params[0], len(node.params[1]), kinds[0]
    if row < axis:
        return row
    taken, change = {"window": (k, k), "fold": (2 * k, -k)}.get(node.op.name, (k, 0))
    return row + change if row >= axis + taken else None


def _pools(node: Expr, kinds: Sequence[int]) -> int | None:
    return _slides(node, kinds) if len(set(kinds)) == 1 else None


def _first(node: Expr, kinds: Sequence[int]) -> int | None:
    return kinds[0] if kinds[0] >= 0 else None


def _concatenate(node: Expr, kinds: Sequence[int]) -> int | None:
    rows = set(kinds)
    return kinds[0] if len(rows) == 1 and kinds[0] != node.params[0] else None


ROWWISE: dict[str, Callable[[Expr, Sequence[int]], int | None]] = {
    **dict.fromkeys(("max", "min", "norm", "logsumexp"), _reduces),
    **dict.fromkeys(("softmax", "log_softmax", "shares", "cumsum"), _along),
    "prod": _last,
    "index": _index,
    "gather": _gather,
    "reshape": _reshape,
    "concatenate": _concatenate,
    **dict.fromkeys(("window", "fold", "pad"), _slides),
    "batchmean": lambda node, kinds: kinds[0],  # of the batch that the row is in
    **dict.fromkeys(("maxpool", "avgpool", "unpool", "repool"), _pools),
    "flip": _along,
    "stop": _first,
}
