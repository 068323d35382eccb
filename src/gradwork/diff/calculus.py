"""The two calculus rules. A derivative that is still to be taken is a node; a rule replaces it.

pull(g; node, i)   the adjoint of argument i of `node`, given the adjoint g of its result
push(t; node, i)   the tangent of the result of `node`, given the tangent t of its argument i
"""

from __future__ import annotations

from gradwork.errors import DerivativeError
from gradwork.expr.node import NAME, Expr, definition, is_zero, make, zeros
from gradwork.expr.notation import Call
from gradwork.expr.op import Op
from gradwork.expr.reason import Reason
from gradwork.rewrite import SIMPLIFY
from gradwork.rewrite.engine import Rule

# params: (node, y = the node under its name, i)
PULL = Op(
    "pull",
    shape=lambda a, p: (*p[0].args[p[2]].shape, *a[0].shape[p[0].ndim :]),
    notation=lambda node, args: Call("adjoint", tuple(args), (("through", node.params[0].op.name),)),
    summary="the adjoint of an argument, still to be taken",
)
PUSH = Op(
    "push",
    shape=lambda a, p: (*p[0].shape, *a[0].shape[p[0].args[p[2]].ndim :]),
    notation=lambda node, args: Call("tangent", tuple(args), (("through", node.params[0].op.name),)),
    summary="the tangent of a result, still to be taken",
)


def pull(g: Expr, node: Expr, y: Expr, i: int) -> Expr:
    """Return the adjoint of argument i as a derivative still to be taken."""
    return make(PULL, (g,), (node, y, i))


def push(t: Expr, node: Expr, y: Expr, i: int) -> Expr:
    """Return the tangent through argument i as a derivative still to be taken."""
    return make(PUSH, (t,), (node, y, i))


def _missing(node: Expr) -> DerivativeError:
    return DerivativeError("no derivative", name=node.op.name, shape=node.shape)


def _apply_pull(node: Expr) -> Expr:
    (g,), (inner, y, i) = node.args, node.params
    if inner.op.pullback is None:
        raise _missing(inner)
    if is_zero(g):
        return zeros(node.shape)
    result = inner.op.pullback(g, y, inner, i)
    return zeros(node.shape) if result is None else result


def _apply_push(node: Expr) -> Expr:
    (t,), (inner, y, i) = node.args, node.params
    if inner.op.pushforward is None:
        raise _missing(inner)
    if is_zero(t):
        return zeros(node.shape)
    result = inner.op.pushforward(t, y, inner, i)
    return zeros(node.shape) if result is None else result


def _about(node: Expr) -> dict:
    inner, y, i = node.params
    return {
        "op": inner.op.name,
        "node": inner,
        "y": y,
        "i": i,
        "named": y.op is NAME,
        "of": definition(y).op.name,
    }


def _why(node: Expr) -> Reason:
    # What is derived is its operation's to say; nothing comes through where nothing comes in.
    inner, _, i = node.params
    return Reason.of("times zero") if is_zero(node.args[0]) else inner.op.why(inner, i)


DERIVATIVE_RULES = (
    Rule("pull back", "calculus", (PULL,), _apply_pull, board=True, facts=_about, reason=_why),
    Rule("push forward", "calculus", (PUSH,), _apply_push, board=True, facts=_about, reason=_why),
)
RULES: tuple[Rule, ...] = (*DERIVATIVE_RULES, *SIMPLIFY)
FIRST: tuple[Rule, ...] = (*DERIVATIVE_RULES, *(r for r in SIMPLIFY if r.group == "canonical"))
