"""The primitives by subject, and the table of functions that the formula language and Python share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradwork.expr.dims import Dim
from gradwork.expr.node import METHODS, UFUNCS, Expr, eye
from gradwork.ops import (
    arithmetic,
    batch,  # noqa: F401  (for its operations)
    contraction,
    convolution,
    correlation,  # noqa: F401  (its operations are what programs are lowered to)
    elementwise,
    indexing,
    linalg,
    numpy_calls,
    pooling,
    reduction,
    sequence,  # noqa: F401  (for its operation)
    windows,
)

# The functions by the name under which people call them, in formulas and as `gradwork.name`.
FUNCTIONS: dict[str, Callable[..., Expr]] = {
    "sum": contraction.sum_,
    "mean": contraction.mean,
    "prod": reduction.prod,
    "max": reduction.max_,
    "min": reduction.min_,
    "cumsum": reduction.cumsum,
    "var": reduction.var,
    "std": reduction.std,
    "norm": reduction.norm,
    "dot": contraction.dot,
    "matmul": contraction.matmul,
    "outer": contraction.outer,
    "trace": contraction.trace,
    "tr": contraction.trace,
    "diag": contraction.diag,
    "kron": contraction.kron,
    "transpose": contraction.transpose,
    "matrix_power": contraction.matrix_power,
    "det": linalg.det,
    "logdet": linalg.logdet,
    "inv": linalg.inv,
    "solve": linalg.solve,
    "cholesky": linalg.cholesky,
    "exp": elementwise.exp,
    "log": elementwise.log,
    "log1p": elementwise.log1p,
    "expm1": elementwise.expm1,
    "sqrt": elementwise.sqrt,
    "abs": elementwise.absolute,
    "sign": elementwise.sign,
    "floor": elementwise.floor,
    "round": elementwise.round_,
    "mod": elementwise.mod,
    "sin": elementwise.sin,
    "cos": elementwise.cos,
    "tan": elementwise.tan,
    "sinh": elementwise.sinh,
    "cosh": elementwise.cosh,
    "tanh": elementwise.tanh,
    "arcsin": elementwise.arcsin,
    "arccos": elementwise.arccos,
    "arctan": elementwise.arctan,
    "arctan2": elementwise.arctan2,
    "hypot": elementwise.hypot,
    "sinc": elementwise.sinc,
    "erf": elementwise.erf,
    "normal_cdf": elementwise.normal_cdf,
    "log_normal_cdf": elementwise.log_normal_cdf,
    "lgamma": elementwise.lgamma,
    "digamma": elementwise.digamma,
    "polygamma": elementwise.polygamma,
    "sigmoid": elementwise.sigmoid,
    "softplus": elementwise.softplus,
    "log_sigmoid": elementwise.log_sigmoid,
    "relu": elementwise.relu,
    "leaky_relu": elementwise.leaky_relu,
    "elu": elementwise.elu,
    "gelu": elementwise.gelu,
    "step": elementwise.step,
    "xlogy": elementwise.xlogy,
    "softmax": reduction.softmax,
    "log_softmax": reduction.log_softmax,
    "logsumexp": reduction.logsumexp,
    "maximum": elementwise.maximum,
    "minimum": elementwise.minimum,
    "clip": elementwise.clip,
    "where": elementwise.where,
    "greater": elementwise.greater,
    "greater_equal": elementwise.greater_equal,
    "less": elementwise.less,
    "less_equal": elementwise.less_equal,
    "equal": elementwise.equal,
    "not_equal": elementwise.not_equal,
    "multiply": contraction.multiply,
    "divide": arithmetic.divide,
    "power": arithmetic.power,
    "reshape": indexing.reshape,
    "concatenate": indexing.concatenate,
    "stack": indexing.stack,
    "gather": indexing.gather,
    "take": indexing.gather,
    "broadcast_to": indexing.broadcast_to,
    "window": windows.window,
    "pad": windows.pad,
    "flip": windows.flip,
    "conv1d": convolution.conv1d,
    "conv2d": convolution.conv2d,
    "maxpool": pooling.maxpool,
    "avgpool": pooling.avgpool,
    "global_maxpool": pooling.global_maxpool,
    "global_avgpool": pooling.global_avgpool,
    "ones": indexing.ones,
    "zeros": indexing.zeros_,
    "eye": eye,
}

CONSTANTS: dict[str, Expr] = {"pi": elementwise.pi}

# A size is a number too: gw.sum(x) / n, 1 / n.
Dim.__truediv__ = lambda self, other: arithmetic.divide(self, other)  # type: ignore[attr-defined]
Dim.__rtruediv__ = lambda self, other: arithmetic.divide(other, self)  # type: ignore[attr-defined]

METHODS.update(
    add=arithmetic.add,
    subtract=arithmetic.subtract,
    multiply=contraction.multiply,
    divide=arithmetic.divide,
    power=arithmetic.power,
    matmul=contraction.matmul,
    negative=contraction.negative,
    transpose=contraction.transpose,
    abs=elementwise.absolute,
    getitem=indexing.getitem,
    sum=contraction.sum_,
    mean=contraction.mean,
    less=elementwise.less,
    less_equal=elementwise.less_equal,
    greater=elementwise.greater,
    greater_equal=elementwise.greater_equal,
    numpy=numpy_calls.call,
)


def _stacked(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda parts, axis=0: function(list(parts), axis=axis)


# What NumPy calls its own functions, so that np.exp(x) and gw.exp(x) are the same expression.
UFUNCS.update(
    FUNCTIONS,
    add=arithmetic.add,
    subtract=arithmetic.subtract,
    true_divide=arithmetic.divide,
    float_power=arithmetic.power,
    negative=contraction.negative,
    positive=lambda x: x,
    square=lambda x: arithmetic.power(x, 2),
    reciprocal=lambda x: arithmetic.power(x, -1),
    absolute=elementwise.absolute,
    fabs=elementwise.absolute,
    rint=elementwise.round_,
    logaddexp=lambda a, b: reduction.logsumexp(indexing.stack([a, b], axis=0), axis=0),
    concatenate=_stacked(indexing.concatenate),
    stack=_stacked(indexing.stack),
)
