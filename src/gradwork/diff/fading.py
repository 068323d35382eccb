"""The adjoints of the states of a recurrence at every step: where gradients fade, and where they grow."""

from __future__ import annotations

from gradwork.diff.recurrence import backward, reversed_args
from gradwork.diff.reverse import reverse
from gradwork.errors import DerivativeError
from gradwork.expr.node import SYMBOL, Expr, constant, make, substitute, walk
from gradwork.ops.arithmetic import total
from gradwork.ops.sequence import ALL, SCAN


def state_adjoints(f: Expr) -> dict[str, Expr]:
    """Return ∂f/∂hₜ for t = 1 … T as one array, T×(shape of the state), by the letter of each state.

    The norm of its rows shows how far back a loss is felt: with a tanh and small weights it shrinks with every
    step further from the end, by the factors of Πₛ diag(1 − hₛ²) Wₕ. Recurrences of the same letters are numbered.

    >>> import gradwork as gw
    >>> x, w = gw.vector("x", 3), gw.scalar("w")
    >>> f = gw.scan(lambda h, x: w * h + x, 0, x).last ** 2
    >>> state_adjoints(f)["h"].evaluate(x=[1, 1, 1], w=0.5)
    array([0.875, 1.75 , 3.5  ])
    """
    f = constant(f)
    if f.ndim:
        raise DerivativeError("adjoints of states are of scalar", shape=f.shape)
    groups: dict[tuple, list[Expr]] = {}
    for node in walk(f):
        if node.op is SCAN:
            groups.setdefault((node.args, node.params[0]), []).append(node)
    found: dict[str, Expr] = {}
    for number, ((_, recurrence), nodes) in enumerate(groups.items()):
        stands = {n: make(SYMBOL, (), (f"state[{i}]", frozenset()), n.shape) for i, n in enumerate(nodes)}
        outer = substitute(f, stands)
        adjoints = reverse(outer, list(stands.values())).results
        back_again = {s: n for n, s in stands.items()}
        for k, letter in enumerate(recurrence.letters):
            parts = [_of_state(substitute(g, back_again), n, k) for g, n in zip(adjoints, nodes, strict=True)]
            label = letter if letter not in found else f"{letter}_{number + 1}"
            found[label] = total(parts, parts[0].shape)
    return found


def _of_state(g: Expr, node: Expr, k: int) -> Expr:
    recurrence, kind, what = node.params
    back = backward(recurrence, kind, what, ())
    passed = back.recurrence.carries[k]
    whole = passed
    if kind == ALL and what is recurrence.after[k]:
        # What f takes from the state at this step itself comes beside what later steps pass back.
        whole = total([passed, back.recurrence.steps[0]], passed.shape)
    return make(SCAN, reversed_args(g, node, back), (back.recurrence, ALL, whole))
