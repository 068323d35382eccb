"""sin(x)/x with every derivative of it: no cancellation near 0."""

from __future__ import annotations

from typing import Any

from gradwork.expr.node import Expr, constant, definition, make
from gradwork.expr.notation import Call, Either
from gradwork.expr.op import Op
from gradwork.ops.arithmetic import elementwise_pullback, elementwise_pushforward, same_shape

_next_sinc = (lambda y, x: make(SINC, (x,), (definition(y).params[0] + 1,)),)

# The k-th derivative of sin(x)/x, the integral of tᵏ cos(xt + kπ/2) over t from 0 to 1. params: (k,)
SINC = Op(
    "sinc",
    shape=same_shape,
    pullback=elementwise_pullback(_next_sinc),
    pushforward=elementwise_pushforward(_next_sinc),
    elementwise=True,
    code=lambda w, node, args: w.helper("sinc", args, node.params[0]),
    notation=lambda node, args: Either(
        Call("sinc", tuple(args))
        if not node.params[0]
        else Call("sinc", tuple(args), (("order", str(node.params[0])),)),
        Call(
            "sinc",
            tuple(args),
            latex=r"\operatorname{sinc}" + (f"^{{({node.params[0]})}}" if node.params[0] else ""),
            unicode="sinc"
            + (f"⁽{''.join('⁰¹²³⁴⁵⁶⁷⁸⁹'[int(d)] for d in str(node.params[0]))}⁾" if node.params[0] else ""),
        ),
    ),
    law=r"\operatorname{sinc}'(x) = (x \cos x - \sin x)/x^2, \quad 0 \text{ at } 0",
    summary="sin(x)/x, and 1 at 0",
    example=(((3,),), (0,)),
)


def sinc(x: Any) -> Expr:
    """Return sin(x)/x, and 1 at 0, elementwise; exact near 0, with all of its derivatives.

    sinc⁽ᵏ⁾(x) = ∫₀¹ tᵏ cos(xt + kπ/2) dt
    """
    return make(SINC, (constant(x),), (0,))
