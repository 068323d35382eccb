"""What a layer needs to know of the batch: its mean, and which entries a step of training leaves out."""

from __future__ import annotations

from typing import Any

from gradwork.errors import ShapeError
from gradwork.expr.node import Expr, constant, make
from gradwork.expr.notation import Call, Either
from gradwork.expr.op import Op
from gradwork.ops.arithmetic import same_shape
from gradwork.ops.contraction import axes_of

# The mean over axes, at every place of them: a projection, and so its own derivative. Batches of rows may hold it:
# each row then has the mean of the batch that it is in. params: (axes,)
BATCHMEAN = Op(
    "batchmean",
    shape=lambda a, p: a[0].shape,
    pullback=lambda g, y, node, i: make(BATCHMEAN, (g,), node.params),
    pushforward=lambda t, y, node, i: make(BATCHMEAN, (t,), node.params),
    code=lambda w, node, args: w.helper("batchmean", args, node.params[0]),
    notation=lambda node, args: Call("batchmean", tuple(args), (("axis", str(node.params[0])),)),
    law=r"\partial\,\mathrm{batchmean}(x)/\partial x = \mathrm{batchmean}(g)",
    linear=True,
    summary="the mean over axes, in the place of every entry",
    example=(((4, 3),), ((0,),)),
)

# 0 for a share of the entries, drawn anew for each whole number t, and 1/(1 − share) for the others; 1 for t = 0.
# params: (share, stream)
DROPMASK = Op(
    "dropmask",
    shape=same_shape,
    pullback=lambda g, y, node, i: None,
    pushforward=lambda t, y, node, i: None,
    constant=True,
    elementwise=True,
    code=lambda w, node, args: w.helper("dropmask", args, *node.params),
    notation=lambda node, args: Either(
        Call("dropmask", tuple(args), (("share", str(node.params[0])),)), Call("mask", (args[1],))
    ),
    law=r"\partial = 0",
    analytic=False,
    domain=((-2, 2), (1.2, 1.8)),
    summary="zeros for a share of the entries, drawn by t, and 1/(1 - share) for the others; ones for t = 0",
    example=(((5, 4), ()), (0.5, 1)),
)


def batchmean(x: Any, axis: Any = 0) -> Expr:
    """Return the mean over axes, with the shape of `x`: every entry is replaced by the mean.

    >>> batchmean([[1.0, 2.0], [3.0, 4.0]]).evaluate().tolist()
    [[2.0, 3.0], [2.0, 3.0]]
    """
    x = constant(x)
    return make(BATCHMEAN, (x,), (axes_of(x, axis),))


def dropmask(x: Any, t: Any, share: float, stream: int = 0) -> Expr:
    """Return the mask of dropout for `x` at step t: E[mask] = 1, and at step 0 it is 1 everywhere."""
    x, t = constant(x), constant(t)
    if not 0 <= share < 1:
        raise ShapeError("share that is dropped lies", share=share)
    return make(DROPMASK, (x, t), (float(share), int(stream)))
