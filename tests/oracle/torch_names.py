"""What PyTorch calls the operations of Gradwork, and how its arguments are theirs.

One function for each operator of PyTorch's own list of samples: it gets the sample's arguments, tensors replaced by
expressions, and returns the expression. An argument that Gradwork has no counterpart of raises `Missing`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import gradwork as gw
from gradwork.errors import GradworkError
from gradwork.expr.node import Expr, constant


class Missing(GradworkError):
    """The sample asks for something that Gradwork does not have."""


NAMES: dict[str, Callable[..., Any]] = {}


def named(*names: str) -> Callable:
    """Declare what operators of these names are in Gradwork."""

    def declare(function: Callable) -> Callable:
        NAMES.update(dict.fromkeys(names, function))
        return function

    return declare


def only(options: dict, *known: str) -> dict:
    """Return the options, of which only those named are known."""
    for key, value in options.items():
        if key not in known and value not in (None, False):
            raise Missing(f"no option {key}={value!r}")
    return {k: v for k, v in options.items() if k in known}


def axes(dim: Any) -> Any:
    """Return an axis or several as NumPy has them; PyTorch's empty list means all."""
    if isinstance(dim, (list, tuple)):
        return tuple(dim) or None
    return dim


# --- elementwise ------------------------------------------------------------------------------------------

_SAME = {
    "abs": "abs", "acos": "arccos", "acosh": "acosh", "asin": "arcsin", "asinh": "asinh", "atan": "arctan",
    "atanh": "atanh", "ceil": "ceil", "cos": "cos", "cosh": "cosh", "digamma": "digamma",
    "erf": "erf", "erfc": "erfc", "erfinv": "erfinv", "exp": "exp", "exp2": "exp2", "expm1": "expm1",
    "floor": "floor", "lgamma": "lgamma", "log": "log", "log10": "log10", "log1p": "log1p", "log2": "log2",
    "sigmoid": "sigmoid", "sign": "sign", "sgn": "sign", "sin": "sin",
    "sinh": "sinh", "sqrt": "sqrt", "tan": "tan", "tanh": "tanh", "trunc": "trunc",
    "nn.functional.relu": "relu", "nn.functional.silu": "swish", "nn.functional.mish": "mish",
    "nn.functional.softsign": "softsign", "nn.functional.logsigmoid": "log_sigmoid",
    "nn.functional.relu6": "relu6", "nn.functional.hardsigmoid": "hardsigmoid",
    "nn.functional.hardswish": "hardswish", "nn.functional.selu": "selu",
    "special.ndtr": "normal_cdf", "special.log_ndtr": "log_normal_cdf", "special.ndtri": "normal_ppf",
}  # fmt: skip
for _theirs, _ours in _SAME.items():
    NAMES[_theirs] = lambda x, *a, _ours=_ours, **k: getattr(gw, _ours)(x, *a, **only(k))

NAMES["deg2rad"] = lambda x: np.deg2rad(constant(x))
NAMES["rad2deg"] = lambda x: np.rad2deg(constant(x))
NAMES["neg"] = lambda x: -x
NAMES["positive"] = lambda x: +x
NAMES["square"] = lambda x: x**2
NAMES["reciprocal"] = lambda x: 1 / x
NAMES["rsqrt"] = lambda x: 1 / gw.sqrt(x)
NAMES["frac"] = lambda x: x - gw.trunc(x)
NAMES["sinc"] = lambda x: gw.sinc(np.pi * x)
NAMES["nn.functional.tanhshrink"] = lambda x: x - gw.tanh(x)
NAMES["special.entr"] = lambda x: -gw.xlogy(x, x)
NAMES["special.xlog1py"] = lambda x, y: gw.xlog1py(x, y)


@named("logit")
def _logit(x: Any, eps: Any = None) -> Any:
    x = x if eps is None else gw.clip(x, eps, 1 - eps)
    return gw.logit(x)


@named("round", "round/decimals_0", "round/decimals_3", "round/decimals_neg_3")
def _round(x: Any, decimals: int = 0) -> Any:
    return gw.round(x, decimals=decimals) if decimals else gw.round(x)


@named("nn.functional.gelu")
def _gelu(x: Any, approximate: str = "none") -> Any:
    return gw.gelu(x) if approximate == "none" else gw.gelu(x, approximate=approximate)


@named("nn.functional.elu", "nn.functional.celu")
def _elu(x: Any, alpha: Any = 1.0, inplace: bool = False) -> Any:
    return gw.elu(x, alpha)


@named("nn.functional.leaky_relu")
def _leaky(x: Any, negative_slope: Any = 0.01, inplace: bool = False) -> Any:
    return gw.leaky_relu(x, negative_slope)


@named("nn.functional.hardtanh")
def _hardtanh(x: Any, min_val: Any = -1.0, max_val: Any = 1.0, inplace: bool = False) -> Any:
    return gw.hardtanh(x, min_val, max_val)


@named("nn.functional.softplus")
def _softplus(x: Any, beta: Any = 1, threshold: Any = 20) -> Any:
    return gw.where(beta * x > threshold, x, gw.softplus(beta * x) / beta)


@named("clamp", "clamp_min", "clamp_max")
def _clamp(x: Any, min: Any = None, max: Any = None) -> Any:
    x = x if min is None else gw.maximum(x, min)
    return x if max is None else gw.minimum(x, max)


NAMES["clamp_max"] = lambda x, high: gw.minimum(x, high)
NAMES["polygamma/polygamma_n_0"] = NAMES["polygamma/polygamma_n_1"] = lambda n, x: gw.polygamma(n, x)
for _k in range(5):
    NAMES[f"polygamma/polygamma_n_{_k}"] = lambda x, n: gw.polygamma(n if isinstance(n, int) else x, x)
for _k in (1, 3, 5):
    NAMES[f"mvlgamma/mvlgamma_p_{_k}"] = lambda x, p: gw.multigammaln(x, p)


@named("add", "__radd__")
def _add(a: Any, b: Any, alpha: Any = 1) -> Any:
    return a + alpha * constant(b)


@named("sub")
def _sub(a: Any, b: Any, alpha: Any = 1) -> Any:
    return a - alpha * constant(b)


@named("rsub", "__rsub__")
def _rsub(a: Any, b: Any, alpha: Any = 1) -> Any:
    return b - alpha * constant(a)


@named("div/no_rounding_mode", "true_divide", "div/trunc_rounding", "div/floor_rounding", "floor_divide")
def _divide(a: Any, b: Any, rounding_mode: Any = "") -> Any:
    q = constant(a) / b
    return {"": lambda x: x, None: lambda x: x, "trunc": lambda x: gw.trunc(x), "floor": gw.floor}[
        rounding_mode
    ](q)


NAMES["floor_divide"] = lambda a, b: gw.floor(constant(a) / b)
NAMES["mul"] = NAMES["__rmul__"] = lambda a, b: constant(a) * b
NAMES["__rdiv__"] = lambda a, b: b / constant(a)
NAMES["pow"] = NAMES["float_power"] = lambda a, b: constant(a) ** b
NAMES["__rpow__"] = lambda a, b: b ** constant(a)
NAMES["__rmod__"] = lambda a, b: gw.mod(b, a)
NAMES["remainder"] = lambda a, b: gw.mod(a, b)
NAMES["fmod"] = lambda a, b: a - b * gw.trunc(constant(a) / b)
NAMES["atan2"] = lambda a, b: gw.arctan2(a, b)
NAMES["hypot"] = lambda a, b: gw.hypot(a, b)
NAMES["xlogy"] = lambda a, b: gw.xlogy(a, b)
NAMES["logaddexp"] = lambda a, b: np.logaddexp(constant(a), b)
NAMES["logaddexp2"] = lambda a, b: np.logaddexp2(constant(a), b)
NAMES["ldexp"] = lambda a, b: a * 2 ** constant(b)
NAMES["heaviside"] = lambda a, b: gw.where(gw.equal(a, 0), b, gw.step(a))
for _name in ("maximum", "max/binary", "fmax"):
    NAMES[_name] = lambda a, b: gw.maximum(a, b)
for _name in ("minimum", "min/binary", "fmin"):
    NAMES[_name] = lambda a, b: gw.minimum(a, b)
for _theirs, _ours in {
    "eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal",
}.items():  # fmt: skip
    NAMES[_theirs] = lambda a, b, _ours=_ours: getattr(gw, _ours)(a, b)
NAMES["where"] = lambda a, c, b: gw.where(c, a, b)
NAMES["lerp"] = lambda a, b, w: a + w * (b - a)
NAMES["addcmul"] = lambda x, a, b, value=1: x + value * a * b
NAMES["addcdiv"] = lambda x, a, b, value=1: x + value * (a / b)
NAMES["masked_fill"] = lambda x, mask, value: gw.where(mask, value, x)
NAMES["nn.functional.mse_loss"] = lambda a, b, reduction="mean": _reduced((a - b) ** 2, reduction)
NAMES["nn.functional.l1_loss"] = lambda a, b, reduction="mean": _reduced(abs(a - b), reduction)


def _reduced(x: Any, how: str) -> Any:
    return {"mean": gw.mean, "sum": gw.sum, "none": lambda y: y}[how](x)


@named("nn.functional.glu")
def _glu(x: Any, dim: int = -1) -> Any:
    half = x.shape[dim].value // 2
    before = (slice(None),) * (dim % x.ndim)
    return x[(*before, slice(None, half))] * gw.sigmoid(x[(*before, slice(half, None))])


# --- reductions -------------------------------------------------------------------------------------------


def _over(name: str) -> Callable:
    def call(x: Any, dim: Any = None, keepdim: bool = False, **options: Any) -> Any:
        only(options)
        return getattr(gw, name)(x, axis=axes(dim), keepdims=keepdim)

    return call


for _theirs, _ours in {
    "sum": "sum", "mean": "mean", "prod": "prod", "amax": "max", "amin": "min", "logsumexp": "logsumexp",
    "max/reduction_no_dim": "max", "min/reduction_no_dim": "min",
}.items():  # fmt: skip
    NAMES[_theirs] = _over(_ours)
NAMES["max/reduction_with_dim"] = lambda x, dim, keepdim=False: gw.max(x, axis=dim, keepdims=keepdim)
NAMES["min/reduction_with_dim"] = lambda x, dim, keepdim=False: gw.min(x, axis=dim, keepdims=keepdim)


@named("var", "std", "var/unbiased", "std/unbiased")
def _var(
    x: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Any:
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    ddof = correction if correction is not None else 1 if unbiased in (None, True) else 0
    return gw.var(x, axis=axes(dim), ddof=ddof, keepdims=keepdim)


NAMES["std"] = NAMES["std/unbiased"] = lambda *a, **k: gw.sqrt(_var(*a, **k))


@named("cumsum", "cumprod")
def _cumulative(x: Any, dim: int, **options: Any) -> Any:
    only(options)
    return gw.cumsum(x, axis=dim)


NAMES["cumprod"] = lambda x, dim, **options: gw.cumprod(x, axis=dim)


@named("softmax", "log_softmax", "nn.functional.softmin")
def _softmax(x: Any, dim: int = -1, **options: Any) -> Any:
    only(options)
    return gw.softmax(x, axis=dim)


NAMES["log_softmax"] = lambda x, dim=-1, **k: gw.log_softmax(x, axis=dim)
NAMES["nn.functional.softmin"] = lambda x, dim=-1, **k: gw.softmax(-x, axis=dim)


@named("norm", "norm/nuc", "norm/fro", "norm/inf", "linalg.norm", "linalg.norm/subgradients_at_zero")
def _norm(x: Any, p: Any = None, dim: Any = None, keepdim: bool = False, **options: Any) -> Any:
    p = options.pop("ord", p)
    only(options)
    return gw.norm(x, ord=p, axis=axes(dim), keepdims=keepdim)


@named("norm")
def _old_norm(x: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, **options: Any) -> Any:
    # PyTorch's old norm takes the components of matrices too, save for "fro" and "nuc".
    only(options)
    if p == "nuc":
        return gw.matrix_norm(x, ord=p, axis=axes(dim) or (-2, -1), keepdims=keepdim)
    return gw.vector_norm(x, ord=2 if p in ("fro", None) else p, axis=axes(dim), keepdims=keepdim)


NAMES["norm/nuc"] = NAMES["norm/fro"] = NAMES["norm/inf"] = _old_norm


@named("linalg.vector_norm")
def _vector_norm(x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, **options: Any) -> Any:
    only(options)
    return gw.vector_norm(x, ord=ord, axis=axes(dim), keepdims=keepdim)


@named("linalg.matrix_norm")
def _matrix_norm(x: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, **options: Any) -> Any:
    only(options)
    return gw.matrix_norm(x, ord=ord, axis=axes(dim), keepdims=keepdim)


@named("sort", "msort")
def _sort(x: Any, dim: int = -1, descending: bool = False, stable: Any = None) -> Any:
    y = gw.sort(x, axis=dim)
    return gw.flip(y, axis=dim) if descending and x.ndim else y


NAMES["msort"] = lambda x: gw.sort(x, axis=0)


@named("quantile")
def _quantile(x: Any, q: Any, dim: Any = None, keepdim: bool = False, interpolation: str = "linear") -> Any:
    return gw.quantile(x, q, axis=dim, keepdims=keepdim, method=interpolation)


@named("median")
def _median(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return gw.quantile(x, 0.5, axis=dim, keepdims=keepdim, method="lower")  # PyTorch's is the lower one


# --- linear algebra ---------------------------------------------------------------------------------------

for _theirs in ("matmul", "mm", "bmm", "mv", "dot", "vdot"):
    NAMES[_theirs] = lambda a, b: gw.matmul(a, b)
NAMES["__rmatmul__"] = lambda a, b: gw.matmul(b, a)
NAMES["outer"] = lambda a, b: gw.outer(a, b)
NAMES["kron"] = lambda a, b: gw.kron(a, b)
for _theirs in ("addmm", "addmm/decomposed", "addmv", "baddbmm"):
    NAMES[_theirs] = lambda c, a, b, beta=1, alpha=1: beta * c + alpha * (a @ b)
NAMES["addbmm"] = lambda c, a, b, beta=1, alpha=1: beta * c + alpha * gw.sum(a @ b, axis=0)
NAMES["addr"] = lambda c, a, b, beta=1, alpha=1: beta * c + alpha * gw.outer(a, b)
NAMES["nn.functional.linear"] = lambda x, w, b=None: x @ w.T if b is None else x @ w.T + b
NAMES["linalg.multi_dot"] = lambda parts: _chain(parts)


def _chain(parts: list) -> Expr:
    result = parts[0]
    for part in parts[1:]:
        result = result @ part
    return result


@named("einsum")
def _einsum(parts: Any, pattern: str) -> Any:
    return gw.einsum(pattern, *parts)


NAMES["trace"] = lambda x: gw.trace(x)
NAMES["linalg.det"] = lambda x: gw.det(x)
NAMES["logdet"] = lambda x: gw.where(gw.greater(gw.det(x), 0), gw.logdet(x), float("nan"))
NAMES["linalg.slogdet"] = lambda x: (gw.sign(gw.det(x)), gw.logdet(x))
NAMES["linalg.inv"] = lambda x: gw.inv(x)
NAMES["linalg.pinv"] = NAMES["pinverse"] = lambda x, **k: gw.pinv(x, **only(k))
NAMES["matrix_exp"] = lambda x: gw.expm(x)
NAMES["linalg.matrix_power"] = lambda x, n: gw.matrix_power(x, n)


@named("linalg.eigvalsh")
def _eigenvalues(x: Any, UPLO: str = "L") -> Any:
    if 0 not in x.shape:
        raise Missing("PyTorch reads one triangle, Gradwork the symmetric part")
    return gw.eigvalsh(x)


NAMES["linalg.svdvals"] = lambda x: gw.svdvals(x)
NAMES["linalg.cross"] = NAMES["cross"] = lambda a, b, dim=-1: gw.cross(a, b, axis=dim)
NAMES["linalg.vecdot"] = lambda a, b, dim=-1: gw.sum(a * b, axis=dim)


@named("cholesky", "linalg.cholesky")
def _cholesky(x: Any, upper: bool = False) -> Any:
    low = gw.cholesky(x)
    return gw.transpose(low, (*range(low.ndim - 2), low.ndim - 1, low.ndim - 2)) if upper else low


@named("linalg.solve")
def _solve(a: Any, b: Any, left: bool = True) -> Any:
    if not left:
        raise Missing("no option left=False")
    if (
        b.ndim == a.ndim - 1 and b.shape == a.shape[:-1] and b.ndim > 1
    ):  # PyTorch's rule for stacks of vectors
        return gw.solve(a, b[..., None])[..., 0]
    return gw.solve(a, b)


@named("diag")
def _diag(x: Any, diagonal: int = 0) -> Any:
    return gw.diag(x, k=diagonal) if diagonal else gw.diag(x)


@named("diagonal", "diagonal_copy", "linalg.diagonal")
def _diagonal(x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    return gw.diagonal(x, offset=offset, axis1=dim1, axis2=dim2)


NAMES["linalg.diagonal"] = lambda x, offset=0, dim1=-2, dim2=-1: _diagonal(x, offset, dim1, dim2)
NAMES["tril"] = lambda x, k=0: gw.tril(x, k=k)
NAMES["triu"] = lambda x, k=0: gw.triu(x, k=k)

# --- parts and shapes -------------------------------------------------------------------------------------

NAMES["__getitem__"] = lambda x, index: x[index]
NAMES["cat"] = lambda parts, dim=0: gw.concatenate(parts, axis=dim)
NAMES["stack"] = lambda parts, dim=0: gw.stack(parts, axis=dim)
NAMES["reshape"] = lambda x, shape: gw.reshape(x, tuple(shape))
NAMES["ravel"] = lambda x: gw.reshape(x, -1)
NAMES["flip"] = lambda x, dims: gw.flip(x, axis=tuple(dims)) if len(dims) else x
NAMES["permute"] = lambda x, dims: gw.transpose(x, tuple(dims))
NAMES["T"] = lambda x: x.T
NAMES["mT"] = lambda x: gw.transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))
NAMES["broadcast_to"] = lambda x, shape: gw.broadcast_to(x, tuple(shape))
NAMES["index_select"] = lambda x, dim, index: gw.take(x, index, axis=dim) if x.ndim else x
NAMES["take"] = lambda x, index: gw.take(gw.reshape(x, -1), index, axis=0)
NAMES["nn.functional.embedding"] = lambda positions, w, **k: gw.take(w, positions, axis=0)
NAMES["select"] = lambda x, dim, at: x[(slice(None),) * (dim % x.ndim) + (at,)]
NAMES["narrow"] = lambda x, dim, start, length: _narrow(x, dim, start, length)


def _narrow(x: Any, dim: int, start: Any, length: int) -> Any:
    start = (
        int(np.asarray(start.params[0].array if isinstance(start, Expr) and start.ndim else start))
        if not isinstance(start, Expr)
        else int(start.params[0])
    )
    start = start % x.shape[dim].value if start < 0 else start
    return x[(slice(None),) * (dim % x.ndim) + (slice(start, start + length),)]


@named("nn.functional.embedding")
def _embedding(w: Any, positions: Any, **options: Any) -> Any:
    padding = options.pop("padding_idx", None)
    only(options)
    if padding is not None:
        raise Missing("no option padding_idx")
    return gw.take(w, positions, axis=0)


# --- windows ----------------------------------------------------------------------------------------------


def _pad_widths(x: Any, widths: Any) -> list:
    pairs = [tuple(widths[i : i + 2]) for i in range(0, len(widths), 2)]
    return [(0, 0)] * (x.ndim - len(pairs)) + pairs[::-1]


@named("nn.functional.pad/constant", "constant_pad_nd", "nn.functional.pad/reflect", "nn.functional.pad/replicate",
       "nn.functional.pad/circular")  # fmt: skip
def _pad(x: Any, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    ends = _pad_widths(x, pad)
    if min((w for pair in ends for w in pair), default=0) < 0:
        raise Missing("no negative padding")
    options: dict = (
        {} if mode == "constant" else {"mode": {"replicate": "edge", "circular": "wrap"}.get(mode, mode)}
    )
    if value:
        options["value"] = value
    return gw.pad(x, ends, **options)


NAMES["constant_pad_nd"] = lambda x, pad, value=0: _pad(x, pad, "constant", value)


def _channels_last(x: Any, rank: int) -> Any:
    lead = x.ndim - rank - 1
    return gw.transpose(x, (*range(lead), *range(lead + 1, x.ndim), lead))


def _channels_first(x: Any, rank: int) -> Any:
    lead = x.ndim - rank - 1
    return gw.transpose(x, (*range(lead), x.ndim - 1, *range(lead, x.ndim - 1)))


def _convolution(rank: int) -> Callable:
    def call(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
        kernel = gw.transpose(w, (*range(2, rank + 2), 1, 0))
        one = lambda v: tuple(v) if isinstance(v, (tuple, list)) else v
        options = {"groups": groups} if groups != 1 else {}
        if padding == "same":
            reach = [(k.value - 1) * d for k, d in zip(w.shape[2:], np.broadcast_to(dilation, rank))]
            padding = tuple((int(r // 2), int(r - r // 2)) for r in reach)
        if isinstance(padding, (tuple, list)) and rank == 1 and not isinstance(padding[0], tuple):
            padding = padding[0]
        y = getattr(gw, f"conv{rank}d")(_channels_last(x, rank), kernel, stride=one(stride), padding=one(padding),
                                        dilation=one(dilation), **options)  # fmt: skip
        return _channels_first(y if bias is None else y + bias, rank)

    return call


def _pool(name: str, rank: int) -> Callable:
    def call(
        x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False, **more
    ):
        one = lambda v: tuple(v) if isinstance(v, (tuple, list)) else (v,) * rank
        options: dict = {}
        if ceil_mode:
            options["ceil"] = True
        if set(one(dilation)) != {1}:
            options["dilation"] = one(dilation)
        if not more.pop("count_include_pad", True):
            options["count_padding"] = False
        if divisor := more.pop("divisor_override", None):
            options["divisor"] = divisor
        if any(one(padding)):
            options["padding"] = tuple((p, p) for p in one(padding))
        only(more)
        stride = None if stride is None or stride == [] or stride == () else one(stride)
        return getattr(gw, name)(x, one(kernel_size), stride=stride, axis=x.ndim - rank, **options)

    return call


for _k in (1, 2, 3):
    NAMES[f"nn.functional.conv{_k}d"] = _convolution(_k)
    NAMES[f"nn.functional.max_pool{_k}d"] = _pool("maxpool", _k)


def _average(rank: int) -> Callable:
    pool = _pool("avgpool", rank)
    return lambda x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None: pool(
        x, kernel_size, stride, padding, 1, ceil_mode,
        count_include_pad=count_include_pad, divisor_override=divisor_override,
    )  # fmt: skip


for _k in (1, 2, 3):
    NAMES[f"nn.functional.avg_pool{_k}d"] = _average(_k)


@named("unfold")
def _unfold(x: Any, dimension: int, size: int, step: int) -> Any:
    if not x.ndim:
        return gw.reshape(x, 1) if size else gw.zeros(0)
    axis = dimension % x.ndim
    y = gw.window(x, size, axis=axis, stride=step)
    order = [a for a in range(y.ndim) if a != axis + 1] + [axis + 1]
    return gw.transpose(y, tuple(order))


@named("nn.functional.scaled_dot_product_attention")
def _attention(q, k, v, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
    if dropout_p or enable_gqa:
        raise Missing("no dropout, no groups of queries")
    turn = lambda x: gw.transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))
    scores = q @ turn(k) * (scale if scale is not None else q.shape[-1].value ** -0.5)
    n, m = (d.value for d in scores.shape[-2:])
    if is_causal:
        scores = gw.where(np.tri(n, m), scores, -np.inf)
    if attn_mask is not None:
        scores = (
            scores + attn_mask
            if isinstance(attn_mask, Expr) and attn_mask.op.name == "symbol"
            else gw.where(attn_mask, scores, -np.inf)
        )
    return gw.softmax(scores, axis=-1) @ v
