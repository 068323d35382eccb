"""Names taken off a graph and put back: without them, equal quantities are one node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradwork.expr.node import NAME, Expr, name, rebuild, walk


def unnamed(roots: Sequence[Expr]) -> tuple[list[Expr], dict[Expr, tuple]]:
    """Return expressions without the names of their parts, and what each part was called first.

    >>> from gradwork.expr import scalar
    >>> x = scalar("x")
    >>> (bare,), labels = unnamed([name("t", x * 2) + 1])
    >>> bare is x * 2 + 1, labels[x * 2][0]
    (True, 't')
    """
    bare: dict[Expr, Expr] = {}
    labels: dict[Expr, tuple] = {}
    for node in walk(*roots):
        if node.op is NAME:
            bare[node] = bare[node.args[0]]
            labels.setdefault(bare[node], node.params)
        else:
            bare[node] = rebuild(node, tuple(bare[a] for a in node.args)) if node.args else node
    return [bare[r] for r in roots], labels


def renamed(
    roots: Sequence[Expr], labels: Mapping[Expr, tuple], changed: Mapping[Expr, Expr] | None = None
) -> list[Expr]:
    """Return expressions with the names of `unnamed` put back, each on what has come in its part's place.

    changed: parts, and what stands for them now; those may hold further parts that change.
    """
    changed = changed or {}
    done: dict[Expr, Expr] = {}
    for root in roots:
        stack = [root]
        while stack:
            node = stack[-1]
            start = changed.get(node, node)
            waiting = [a for a in start.args if a not in done]
            if waiting and node not in done:
                stack.extend(waiting)
                continue
            stack.pop()
            if node not in done:
                new = rebuild(start, tuple(done[a] for a in start.args)) if start.args else start
                label = labels.get(node) if new.args else None
                done[node] = new if label is None else name(label[0], new, label[1])
    return [done[r] for r in roots]
