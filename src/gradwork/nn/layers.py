"""The layers. Each is a few lines: it declares its parameters and builds an expression of what comes in.

The first axis is the batch; the last is the features or channels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

from gradwork.errors import GradworkError, ShapeError
from gradwork.expr.dims import Dim
from gradwork.expr.node import Expr, facts
from gradwork.nn.scope import Layer, Scope, described
from gradwork.ops import FUNCTIONS as f
from gradwork.ops.batch import batchmean, dropmask
from gradwork.ops.contraction import mean
from gradwork.ops.windows import per_axis

ACTIVATIONS: dict[str, Callable[[Any], Expr]] = {
    **{
        name: f[name]
        for name in ("relu", "leaky_relu", "elu", "gelu", "tanh", "sigmoid", "softplus", "softmax")
    },
    "linear": lambda x: x,
}
# The start that fits an activation: He for those that drop half of their input, Glorot for the others.
_HE = {"relu", "leaky_relu", "elu", "gelu"}


def chosen(given: Any) -> tuple[str, Callable[[Any], Expr]]:
    """Return the name and the function of an activation, given by name or as a function of an expression."""
    if given is None:
        return "", ACTIVATIONS["linear"]
    if callable(given):
        return getattr(given, "__name__", "function"), cast(Callable[[Any], Expr], given)
    if not isinstance(given, str) or given not in ACTIVATIONS:
        raise GradworkError("unknown activation", activations=ACTIVATIONS, given=given)
    return ("" if given == "linear" else given), ACTIVATIONS[given]


def _title(name: str, *parts: Any) -> str:
    return f"{name}({', '.join(str(p) for p in parts if p != '')})"


def _start(given: Any, activation: str) -> Any:
    return given if given is not None else "he" if activation in _HE else "glorot"


def _features(x: Expr, rank: int, what: str) -> Dim:
    if x.ndim != rank:
        raise ShapeError("input of layer", what=what, shape=x.shape)
    return x.shape[-1]


def _count(value: Any, what: str) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < 1:
        raise GradworkError("not a whole number from 1", what=what, value=value)
    return value.__index__()


@described
def Dense(units: int, activation: Any = None, *, bias: bool = True, start: Any = None) -> Layer:
    """Return the layer H = φ(XW + b). X: n×d (or n×…×d), W: d×u, b: u.

    start: of W; He for relu and its kin, else Glorot.
    """
    name, phi = chosen(activation)
    units = _count(units, "the number of units")

    def build(x: Expr, scope: Scope) -> Expr:
        if x.ndim < 2:
            raise ShapeError("it takes batch of vectors n")
        if x.ndim > 2 and x.ndim != 3:
            raise ShapeError("it takes n d or n", shape=x.shape)
        W = scope.parameter("W", (x.shape[-1], units), _start(start, name))
        z = x @ W
        return phi(z + scope.parameter("b", (units,), "zeros") if bias else z)

    return Layer(_title("Dense", units, name), build)


def _conv(rank: int) -> Callable[..., Layer]:
    what = {1: "a batch of signals, n×length×channels", 2: "a batch of images, n×height×width×channels"}[rank]

    def layer(
        filters: int, kernel: Any, activation_: Any = None, *, stride: Any = 1, padding: Any = "valid",
        dilation: Any = 1, bias: bool = True, start: Any = None,
    ) -> Layer:  # fmt: skip
        name, phi = chosen(activation_)
        filters = _count(filters, "the number of filters")
        sizes = per_axis(kernel, rank, "the kernel")

        def build(x: Expr, scope: Scope) -> Expr:
            channels = _features(x, rank + 2, what)
            W = scope.parameter("W", (*sizes, channels, filters), _start(start, name))
            z = f[f"conv{rank}d"](x, W, stride=stride, padding=padding, dilation=dilation)
            scope.remark(_size_remark(x, z, sizes, stride, padding, dilation))
            return phi(z + scope.parameter("b", (filters,), "zeros") if bias else z)

        given = (("stride", stride, 1), ("padding", padding, "valid"), ("dilation", dilation, 1))
        options = [f"{k}={v}" for k, v, usual in given if v != usual]
        return Layer(_title(f"Conv{rank}D", filters, "×".join(map(str, sizes)), name, *options), build)

    layer.__name__ = layer.__qualname__ = f"Conv{rank}D"
    return layer


def _size_remark(x: Expr, z: Expr, sizes: tuple, stride: Any, padding: Any, dilation: Any) -> str:
    if padding != "valid" or dilation != 1 or x.shape[1].value is None:
        return ""
    if stride == 1:
        return f"{z.shape[1]} = {x.shape[1]} − {sizes[0]} + 1"
    return f"{z.shape[1]} = ⌊({x.shape[1]} − {sizes[0]})/{stride}⌋ + 1" if isinstance(stride, int) else ""


_conv1d, _conv2d = _conv(1), _conv(2)


@described
def Conv1D(
    filters: int, kernel: int, activation: Any = None, *, stride: int = 1, padding: Any = "valid", dilation: int = 1,
    bias: bool = True, start: Any = None,
) -> Layer:  # fmt: skip
    """Return the layer H = φ(X ⋆ W + b) along signals. X: n×l×c, W: k×c×filters, H: n×(l − k + 1)×filters."""
    return _conv1d(
        filters, kernel, activation, stride=stride, padding=padding, dilation=dilation, bias=bias, start=start
    )


@described
def Conv2D(
    filters: int, kernel: Any, activation: Any = None, *, stride: Any = 1, padding: Any = "valid", dilation: Any = 1,
    bias: bool = True, start: Any = None,
) -> Layer:  # fmt: skip
    """Return the layer H = φ(X ⋆ W + b) over images. X: n×h×w×c, W: kh×kw×c×filters.

    Without padding H has the height h − kh + 1 (⌊(h − kh)/s⌋ + 1 with a stride s), and so its width.
    """
    return _conv2d(
        filters, kernel, activation, stride=stride, padding=padding, dilation=dilation, bias=bias, start=start
    )


def _pool(name: str, op: str, rank: int, size: Any, stride: Any, padding: Any = "valid") -> Layer:
    sizes = per_axis(size, rank, "the window")

    def build(x: Expr, scope: Scope) -> Expr:
        _features(x, rank + 2, "n×height×width×channels" if rank == 2 else "n×length×channels")
        return f[op](x, sizes, stride=stride, axis=1, **({} if padding == "valid" else {"padding": padding}))

    more = ["" if stride is None else f"stride={stride}", "" if padding == "valid" else f"padding={padding}"]
    return Layer(_title(name, "×".join(map(str, sizes)), *more), build)


@described
def MaxPool2D(size: Any = 2, stride: Any = None, *, padding: Any = "valid") -> Layer:
    """Return the layer of the largest entry in each window. Ties: the first has the derivative, as in PyTorch.

    padding: "valid", "same", a width or one for each axis, of −∞: no window takes an entry of it.
    """
    return _pool("MaxPool2D", "maxpool", 2, size, stride, padding)


@described
def AvgPool2D(size: Any = 2, stride: Any = None) -> Layer:
    """Return the layer of the mean of each window."""
    return _pool("AvgPool2D", "avgpool", 2, size, stride)


@described
def MaxPool1D(size: int = 2, stride: Any = None, *, padding: Any = "valid") -> Layer:
    """Return the layer of the largest entry in each window of a signal; the options are those of `MaxPool2D`."""
    return _pool("MaxPool1D", "maxpool", 1, size, stride, padding)


@described
def AvgPool1D(size: int = 2, stride: Any = None) -> Layer:
    """Return the layer of the mean of each window of a signal."""
    return _pool("AvgPool1D", "avgpool", 1, size, stride)


@described
def GlobalAvgPool() -> Layer:
    """Return the layer of the mean over all places: n×h×w×c → n×c."""
    return Layer("GlobalAvgPool()", lambda x, scope: f["global_avgpool"](x))


@described
def GlobalMaxPool() -> Layer:
    """Return the layer of the largest entry over all places: n×h×w×c → n×c."""
    return Layer("GlobalMaxPool()", lambda x, scope: f["global_maxpool"](x))


@described
def Flatten() -> Layer:
    """Return the layer that lays the axes after the batch one after the other: n×h×w×c → n×hwc."""

    def build(x: Expr, scope: Scope) -> Expr:
        count = Dim.of(1)
        for d in x.shape[1:]:
            count = count * d
        return f["reshape"](x, x.shape[0], count)

    return Layer("Flatten()", build)


@described
def Activation(function: Any) -> Layer:
    """Return the layer that applies an activation, by name or as a function."""
    name, phi = chosen(function)
    return Layer(f"Activation({name or 'linear'})", lambda x, scope: phi(x))


@described
def Embedding(vocabulary: int, units: int, *, start: Any = "normal") -> Layer:
    """Return the layer that looks up a row of E for each whole number: n×t → n×t×u, E: vocabulary×u."""
    vocabulary = _count(vocabulary, "the size of the vocabulary")
    units = _count(units, "the number of units")

    def build(x: Expr, scope: Scope) -> Expr:
        if "integer" not in facts(x):
            raise ShapeError("it takes whole numbers")
        return f["gather"](scope.parameter("E", (vocabulary, units), start), x)

    return Layer(_title("Embedding", vocabulary, units), build, integer=True)


@described
def LayerNorm(epsilon: float = 1e-5) -> Layer:
    """Return the layer γ (x − m)/√(v + ε) + β with mean and variance over the last axis: Ba et al. (2016)."""
    _check_epsilon(epsilon)

    def build(x: Expr, scope: Scope) -> Expr:
        centred = x - mean(x, -1, keepdims=True)
        return _scaled(centred, mean(centred**2, -1, keepdims=True), epsilon, scope)

    return Layer("LayerNorm()", build)


@described
def BatchNorm(epsilon: float = 1e-5) -> Layer:
    """Return the layer γ (x − m)/√(v + ε) + β for each channel: Ioffe and Szegedy (ICML 2015).

    In training m and v are the mean and variance of the batch (over places, too); in prediction those of the
    training data, computed once after learning rather than as running means.
    """
    _check_epsilon(epsilon)

    def build(x: Expr, scope: Scope) -> Expr:
        axes = tuple(range(x.ndim - 1))
        centred = x - batchmean(x, axes)
        if scope.training:
            y = _scaled(centred, batchmean(centred**2, axes), epsilon, scope)
            scope.statistic("m", mean(x, axes))
            scope.statistic("v", mean(centred**2, axes))
            return y
        gamma, beta = (
            scope.parameter("gamma", x.shape[-1:], "ones"),
            scope.parameter("beta", x.shape[-1:], "zeros"),
        )
        m, v = (scope.statistic(letter, mean(x, axes)) for letter in "mv")
        return gamma * (x - m) / f["sqrt"](v + epsilon) + beta

    return Layer("BatchNorm()", build)


@described
def Dropout(share: float = 0.5) -> Layer:
    """Return the layer that leaves out a share of its entries in each step of training: Srivastava et al. (2014).

    What is kept is divided by 1 − share, so that prediction, which leaves nothing out, sees the same mean. The
    entries are drawn from the model's seed and the number of the step.
    """
    if not isinstance(share, (int, float)) or isinstance(share, bool) or not 0 <= share < 1:
        raise GradworkError("share that is dropped lies", share=share)

    def build(x: Expr, scope: Scope) -> Expr:
        return x * dropmask(x, *_drawn(scope, share)) if scope.training and share else x

    return Layer(_title("Dropout", share), build)


def _check_epsilon(epsilon: Any) -> None:
    if isinstance(epsilon, bool) or not isinstance(epsilon, (int, float)) or not 0 < epsilon < math.inf:
        raise GradworkError("is positive number which keeps root", epsilon=epsilon)


def _drawn(scope: Scope, share: float) -> tuple[Expr, float, int]:
    step, stream = scope.step()
    return step, share, stream


def _scaled(centred: Expr, variance: Expr, epsilon: float, scope: Scope) -> Expr:
    units = centred.shape[-1:]
    normal = centred / f["sqrt"](variance + epsilon)
    return scope.parameter("gamma", units, "ones") * normal + scope.parameter("beta", units, "zeros")
