"""Helper functions of the generated source for windows, padding and pooling."""

from __future__ import annotations

from gradwork.run.library.helper import Helper

_WINDOW = '''
def window(x, axis, sizes, strides, dilations):
    """Every window of the given sizes over the axes from `axis` on; the axes of the windows follow those."""
    k, spans = len(sizes), tuple((m - 1) * d + 1 for m, d in zip(sizes, dilations))
    view = np.lib.stride_tricks.sliding_window_view(x, spans, tuple(range(axis, axis + k)))
    places = (slice(None),) * axis + tuple(slice(None, None, s) for s in strides)
    view = view[places + (slice(None),) * (x.ndim - axis - k) + tuple(slice(None, None, d) for d in dilations)]
    return np.moveaxis(view, tuple(range(-k, 0)), tuple(range(axis + k, axis + 2 * k)))
'''

_JAX_WINDOW = '''
def window(x, axis, sizes, strides, dilations):
    """Every window of the given sizes over the axes from `axis` on; the axes of the windows follow those."""
    k, counts = len(sizes), [
        (x.shape[axis + a] - (m - 1) * d - 1) // s + 1 for a, (m, s, d) in enumerate(zip(sizes, strides, dilations))
    ]
    parts = [
        x[(slice(None),) * axis + tuple(
            slice(o * d, o * d + (n - 1) * s + 1, s) for o, n, s, d in zip(offset, counts, strides, dilations)
        )]
        for offset in itertools.product(*map(range, sizes))
    ]
    stacked = jnp.stack(parts, axis + k)
    return stacked.reshape(stacked.shape[: axis + k] + tuple(sizes) + stacked.shape[axis + k + 1 :])
'''

_TORCH_WINDOW = '''
def window(x, axis, sizes, strides, dilations):
    """Every window of the given sizes over the axes from `axis` on; the axes of the windows follow those."""
    k = len(sizes)
    for a, (m, s, d) in enumerate(zip(sizes, strides, dilations)):
        x = x.unfold(axis + a, (m - 1) * d + 1, s)[..., ::d]
    return torch.movedim(x, tuple(range(-k, 0)), tuple(range(axis + k, axis + 2 * k)))
'''

_FOLD = '''
def fold(x, axis, lengths, strides, dilations):
    """The windows of x added back at their places, in an array with axes of the given lengths."""
    k = len(lengths)
    result = np.zeros(x.shape[:axis] + tuple(lengths) + x.shape[axis + 2 * k :], x.dtype)
    for offset in itertools.product(*map(range, x.shape[axis + k : axis + 2 * k])):
        places = tuple(
            slice(o * d, o * d + (n - 1) * s + 1, s)
            for o, n, s, d in zip(offset, x.shape[axis : axis + k], strides, dilations)
        )
        result[(slice(None),) * axis + places] += x[(slice(None),) * (axis + k) + offset]
    return result
'''

_JAX_FOLD = '''
def fold(x, axis, lengths, strides, dilations):
    """The windows of x added back at their places, in an array with axes of the given lengths."""
    k, result = len(lengths), None
    for offset in itertools.product(*map(range, x.shape[axis + k : axis + 2 * k])):
        part = x[(slice(None),) * (axis + k) + offset]
        widths = [(0, 0, 0)] * part.ndim
        for a, (o, n, m, s, d) in enumerate(zip(offset, part.shape[axis:], lengths, strides, dilations)):
            widths[axis + a] = (o * d, m - o * d - (n - 1) * s - 1, s - 1)
        moved = jax.lax.pad(part, jnp.zeros((), part.dtype), widths)
        result = moved if result is None else result + moved
    return result
'''

_EDGED = '''
def edged(x, axis, ends, fill=-np.inf):
    """The array with −∞ around the axes from `axis` on: for each how many before and after."""
    if not ends:
        return x
    around = [(0, 0)] * axis + list(ends) + [(0, 0)] * (x.ndim - axis - len(ends))
    return np.pad(x, around, constant_values=fill)
'''

_TORCH_EDGED = '''
def edged(x, axis, ends, fill=-torch.inf):
    """The array with −∞ around the axes from `axis` on: for each how many before and after."""
    if not ends:
        return x
    around = [(0, 0)] * axis + list(ends) + [(0, 0)] * (x.ndim - axis - len(ends))
    return torch.nn.functional.pad(x, [w for pair in around[::-1] for w in pair], value=fill)
'''

_PAD = '''
def pad(x, axis, widths):
    """Zeros around the axes from `axis` on: for each how many before, after, and between its entries."""
    shape, index = list(x.shape), [slice(None)] * x.ndim
    for a, (low, high, gap) in enumerate(widths, axis):
        last = low + (x.shape[a] - 1) * (gap + 1) + 1
        shape[a], index[a] = last + high, slice(low, last, gap + 1)
    result = np.zeros(shape, x.dtype)
    result[tuple(index)] = x
    return result
'''

_JAX_PAD = '''
def pad(x, axis, widths):
    """Zeros around the axes from `axis` on: for each how many before, after, and between its entries."""
    every = ((0, 0, 0),) * axis + tuple(widths) + ((0, 0, 0),) * (x.ndim - axis - len(widths))
    return jax.lax.pad(x, jnp.zeros((), x.dtype), every)
'''

_FIRST_LARGEST = '''
def first_largest(x, axis, sizes, strides):
    """1 at the first largest entry of each window of x, else 0."""
    k = len(sizes)
    windows = window(x, axis, sizes, strides, (1,) * k)
    flat = windows.reshape(windows.shape[: axis + k] + (-1,) + windows.shape[axis + 2 * k :])
    best = np.argmax(flat, axis + k)
    best = best.reshape(best.shape[: axis + k] + (1,) + best.shape[axis + k :])
    entries = np.arange(flat.shape[axis + k]).reshape((-1,) + (1,) * (x.ndim - axis - k))
    return (best == entries).reshape(windows.shape)
'''

_MAXPOOL = '''
def maxpool(x, axis, sizes, strides, ends=()):
    """The largest entry of each window."""
    x = edged(x, axis, ends)
    k = len(sizes)
    return np.amax(window(x, axis, sizes, strides, (1,) * k), tuple(range(axis + k, axis + 2 * k)))
'''

_JAX_SLICES = '''
def slices(x, axis, sizes, strides):
    """The entries of each window of x, one array for each offset, row by row."""
    counts = [(n - m) // s + 1 for n, m, s in zip(x.shape[axis:], sizes, strides)]
    return [
        x[(slice(None),) * axis + tuple(slice(o, o + (n - 1) * s + 1, s) for o, n, s in zip(offset, counts, strides))]
        for offset in itertools.product(*map(range, sizes))
    ]
'''

_JAX_CELLS = '''
def cells(x, axis, sizes, strides):
    """The windows of x with their entries along one axis, row by row, if they tile the axes; otherwise None."""
    k, lengths = len(sizes), x.shape[axis : axis + len(sizes)]
    if tuple(sizes) != tuple(strides) or any(n % m for n, m in zip(lengths, sizes)):
        return None
    split = [d for n, m in zip(lengths, sizes) for d in (n // m, m)]
    x = x.reshape(*x.shape[:axis], *split, *x.shape[axis + k :])
    x = jnp.moveaxis(x, range(axis, axis + 2 * k, 2), range(axis, axis + k))
    return x.reshape(*x.shape[: axis + k], -1, *x.shape[axis + 2 * k :])
'''

_JAX_UNCELLS = '''
def uncells(x, axis, sizes):
    """The array whose windows, tiling the axes, have their entries along one axis of x."""
    k = len(sizes)
    lengths = [n * m for n, m in zip(x.shape[axis:], sizes)]
    x = x.reshape(*x.shape[: axis + k], *sizes, *x.shape[axis + k + 1 :])
    x = jnp.moveaxis(x, range(axis, axis + k), range(axis, axis + 2 * k, 2))
    return x.reshape(*x.shape[:axis], *lengths, *x.shape[axis + 2 * k :])
'''

_JAX_MAXPOOL = '''
def maxpool(x, axis, sizes, strides, ends=()):
    """The largest entry of each window."""
    x = edged(x, axis, ends)
    entries = cells(x, axis, sizes, strides)
    if entries is not None:
        return jnp.max(entries, axis + len(sizes))
    first, *others = slices(x, axis, sizes, strides)
    for part in others:
        first = jnp.maximum(first, part)
    return first
'''

_JAX_AVGPOOL = '''
def avgpool(x, axis, sizes, strides):
    """The mean of each window."""
    parts = slices(x, axis, sizes, strides)
    return sum(parts) / len(parts)
'''

_JAX_UNPOOL = '''
def unpool(g, x, axis, sizes, strides, ends=()):
    """Each entry of g put at the first largest entry of its window of x, sums where windows overlap."""
    if ends:
        lengths = x.shape[axis : axis + len(sizes)]
        inside = tuple(slice(a, a + n) for (a, _), n in zip(ends, lengths))
        return unpool(g, edged(x, axis, ends), axis, sizes, strides)[(slice(None),) * axis + inside]
    k, tail, entries = len(sizes), (1,) * (g.ndim - x.ndim), cells(x, axis, sizes, strides)
    if entries is not None:
        at = axis + k
        order = jax.lax.broadcasted_iota(jnp.int32, entries.shape, at)
        equal = entries == jnp.max(entries, at, keepdims=True)
        first = jnp.min(jnp.where(equal, order, entries.shape[at]), at)
        first = first.reshape(*first.shape, *tail)
        put = jnp.stack([jnp.where(first == i, g, 0) for i in range(entries.shape[at])], at)
        return uncells(put, axis, sizes)
    largest, taken, found = maxpool(x, axis, sizes, strides), False, []
    for part in slices(x, axis, sizes, strides):
        hit = (part == largest) & ~jnp.asarray(taken)
        taken = taken | hit
        found.append(jnp.where(hit.reshape(hit.shape + tail), g, 0))
    spread = jnp.stack(found, axis + k).reshape(g.shape[: axis + k] + tuple(sizes) + g.shape[axis + k :])
    return fold(spread, axis, x.shape[axis : axis + k], strides, (1,) * k)
'''

_UNPOOL = '''
def unpool(g, x, axis, sizes, strides, ends=()):
    """Each entry of g put at the first largest entry of its window of x, sums where windows overlap."""
    if ends:
        lengths = x.shape[axis : axis + len(sizes)]
        inside = tuple(slice(a, a + n) for (a, _), n in zip(ends, lengths))
        return unpool(g, edged(x, axis, ends), axis, sizes, strides)[(slice(None),) * axis + inside]
    k = len(sizes)
    first = first_largest(x, axis, sizes, strides)
    first = first.reshape(first.shape + (1,) * (g.ndim - x.ndim))
    g = g.reshape(g.shape[: axis + k] + (1,) * k + g.shape[axis + k :])
    return fold(first * g, axis, x.shape[axis : axis + k], strides, (1,) * k)
'''

_REPOOL = '''
def repool(t, x, axis, sizes, strides, ends=()):
    """Of each window of t the entry where x is first largest."""
    t, x = (edged(y, axis, ends, fill) for y, fill in ((t, 0.0), (x, -np.inf)))
    k = len(sizes)
    first = first_largest(x, axis, sizes, strides)
    first = first.reshape(first.shape + (1,) * (t.ndim - x.ndim))
    windows = window(t, axis, sizes, strides, (1,) * k)
    return np.sum(first * windows, tuple(range(axis + k, axis + 2 * k)))
'''

_AVGPOOL = '''
def avgpool(x, axis, sizes, strides):
    """The mean of each window."""
    k = len(sizes)
    return np.mean(window(x, axis, sizes, strides, (1,) * k), tuple(range(axis + k, axis + 2 * k)))
'''


_BATCHMEAN = '''
def batchmean(x, axes):
    """The mean over axes, in the place of every entry."""
    return np.broadcast_to(np.mean(x, axes, keepdims=True), x.shape)
'''

_TORCH_BATCHMEAN = _BATCHMEAN.replace("np.mean(x, axes, keepdims", "torch.mean(x, axes, keepdim").replace(
    "np.", "torch."
)

# The same bits on every target: a hash of the entry's number and of t (the rounds of lowbias32).
_DROPMASK = '''
def dropmask(x, t, share, stream):
    """0 for a share of the entries, drawn by t, and 1 / (1 - share) for the others; 1 for t = 0."""
    key = np.reshape(t, (1,)).astype(np.uint32) * np.uint32(2654435769) + np.uint32(stream * 40503 % 2**32)
    bits = np.arange(x.size, dtype=np.uint32) * np.uint32(2246822519) + key
    for shift, factor in ((16, 2146121005), (15, 2221713035), (16, 1)):
        bits = (bits ^ (bits >> np.uint32(shift))) * np.uint32(factor)
    kept = np.where(bits >= np.uint32(share * 2**32), 1 / (1 - share), 0.0).reshape(x.shape)
    return np.where(t == 0, 1.0, kept).astype(x.real.dtype)
'''

_TORCH_DROPMASK = '''
def dropmask(x, t, share, stream):
    """0 for a share of the entries, drawn by t, and 1 / (1 - share) for the others; 1 for t = 0."""
    most = 2**32 - 1
    key = t.long().reshape(1) * 2654435769 + stream * 40503
    bits = (torch.arange(x.numel()) * 2246822519 + key) & most
    for shift, factor in ((16, 2146121005), (15, 2221713035), (16, 1)):
        bits = ((bits ^ (bits >> shift)) * factor) & most
    kept = torch.where(bits >= int(share * 2**32), 1 / (1 - share), 0.0).reshape(x.shape)
    return torch.where(t == 0, 1.0, kept).to(x.dtype)
'''


def _typed(text: str) -> str:
    # PyTorch takes the type of new zeros by its name only.
    return text.replace("np.zeros(", "torch.zeros(").replace(", x.dtype)", ", dtype=x.dtype)")


_POOLS = ("window", "edged")
_ENTRIES = ("window", "edged", "first_largest")

WINDOW_HELPERS: dict[str, Helper] = {
    "window": Helper(_WINDOW, {"jax": _JAX_WINDOW, "torch": _TORCH_WINDOW}),
    "fold": Helper(_FOLD, {"jax": _JAX_FOLD, "torch": _typed(_FOLD)}),
    "pad": Helper(_PAD, {"jax": _JAX_PAD, "torch": _typed(_PAD)}),
    "edged": Helper(_EDGED, {"torch": _TORCH_EDGED}),
    "batchmean": Helper(_BATCHMEAN, {"torch": _TORCH_BATCHMEAN}),
    "dropmask": Helper(_DROPMASK, {"torch": _TORCH_DROPMASK}),
    "first_largest": Helper(_FIRST_LARGEST, needs=("window",)),
    "slices": Helper("", {"jax": _JAX_SLICES}),
    "cells": Helper("", {"jax": _JAX_CELLS}),
    "uncells": Helper("", {"jax": _JAX_UNCELLS}),
    "maxpool": Helper(_MAXPOOL, {"jax": _JAX_MAXPOOL}, _POOLS, {"jax": ("slices", "cells", "edged")}),
    "unpool": Helper(
        _UNPOOL,
        {"jax": _JAX_UNPOOL},
        (*_ENTRIES, "fold"),
        {"jax": ("slices", "cells", "uncells", "edged", "maxpool", "fold")},
    ),
    "repool": Helper(_REPOOL, needs=_ENTRIES),
    "avgpool": Helper(_AVGPOOL, {"jax": _JAX_AVGPOOL}, ("window",), {"jax": ("slices",)}),
}  # fmt: skip
