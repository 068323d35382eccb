"""Helper functions of the generated source for convolutions: windows and a product in NumPy, tiles or runs for XLA.

XLA's own convolution gradients are 10 to 50 times slower on processors. Where the channels are few, a tile of t×t
output places is one row of a matrix product: the row holds the (k+t−1)×(k+t−1) input places that the tile sees, copied
by one gather, and the kernel is written into all t×t positions of that patch. Large t saves copying, small t saves
multiplying by zeros; `tile` weighs the two. Where the patches of a whole batch would not fit into the caches, it goes
in parts. Where the channels are many, and with strides and dilations, runs are faster (run_helpers).
"""

from __future__ import annotations

import inspect

from gradwork.ops.correlation import tile
from gradwork.run.library.helper import Helper
from gradwork.run.library.runs import RUN_HELPERS

_CORRELATE = '''
def correlate(x, w, strides=(1, 1), dilations=(1, 1)):
    """Images (n×h×w×c) correlated with a kernel (kh×kw×c×f), or signals (n×w×c) with one (k×c×f)."""
    k = w.ndim - 2
    windows = window(x, 1, w.shape[:k], strides[:k], dilations[:k])
    return np.tensordot(windows, w, (list(range(1 + k, 2 + 2 * k)), list(range(1 + k))))
'''

_CORRELATE_KERNEL = '''
def correlate_kernel(x, g, sizes, strides=(1, 1), dilations=(1, 1)):
    """Images (n×h×w×c) or signals correlated with an adjoint (n×oh×ow×f): the adjoint of the kernel."""
    k = len(sizes)
    places = list(range(1 + k))
    return np.tensordot(window(x, 1, sizes, strides[:k], dilations[:k]), g, (places, places))
'''

_CORRELATE_INPUT = '''
def correlate_input(g, w, first, lengths, strides=(1, 1), dilations=(1, 1)):
    """An adjoint (n×oh×ow×f) spread by the kernel (kh×kw×c×f): the adjoint of the images, from `first` on."""
    k = w.ndim - 2
    spread = np.tensordot(g, w, ([k + 1], [k + 1]))
    whole = [
        max(f + m, (n - 1) * s + (a - 1) * d + 1)
        for f, m, n, a, s, d in zip(first, lengths, g.shape[1:], w.shape, strides, dilations)
    ]
    part = tuple(slice(f, f + m) for f, m in zip(first, lengths))
    return fold(spread, 1, whole, strides[:k], dilations[:k])[(slice(None), *part)]
'''

_TILE = f"\n{inspect.getsource(tile)}"

_TILES = '''
def tiles(x, t, rows, columns):
    """Images as blocks of t×t places, n×rows×columns×(t t c), with zeros where they end."""
    n, h, w, c = x.shape
    high, wide = rows * t, columns * t
    x = jnp.pad(x, ((0, 0), (0, max(0, high - h)), (0, max(0, wide - w)), (0, 0)))[:, :high, :wide]
    return x.reshape(n, rows, t, columns, t, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, rows, columns, t * t * c)
'''

_UNTILES = '''
def untiles(x, t, h, w):
    """Blocks of t×t places as images n×h×w×c."""
    n, rows, columns, size = x.shape
    x = x.reshape(n, rows, columns, t, t, size // (t * t)).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(n, rows * t, columns * t, size // (t * t))[:, :h, :w]
'''

_PATCHES = '''
def patches(x, t, high, wide, rows, columns):
    """For each tile of t×t places the high×wide places that it sees, as one row each, with zeros where images end."""
    n, h, w, c = x.shape
    x = jnp.pad(x, ((0, 0), (0, max(0, t * (rows - 1) + high - h)), (0, max(0, t * (columns - 1) + wide - w)), (0, 0)))
    at = numpy.arange(n)[:, None, None], t * numpy.arange(rows)[:, None], t * c * numpy.arange(columns)
    at = numpy.stack(numpy.broadcast_arrays(*at), -1).reshape(-1, 3).astype(numpy.int32)
    axes = jax.lax.GatherDimensionNumbers((1, 2), (0,), (0, 1, 2))
    x = jax.lax.gather(x.reshape(*x.shape[:2], x.shape[2] * c), at, axes, (1, high, wide * c), mode="promise_in_bounds")
    return x.reshape(len(at), high * wide * c)
'''

_SPREAD = '''
def spread_kernel(w, t, high, wide):
    """The kernel at each of the t×t places of a tile, in what the tile sees: high×wide×c×(t t f)."""
    kh, kw, c, f = w.shape
    i, j, a, p, q = numpy.ogrid[:high, :wide, :c, :t, :t]
    inside = (p <= i) & (i < p + kh) & (q <= j) & (j < q + kw)
    at = numpy.where(inside, ((i - p) * kw + j - q) * c + a, kh * kw * c).astype(numpy.int32)
    rows = jnp.pad(w.reshape(-1, f), ((0, 1), (0, 0)))
    return rows.at[at].get(mode="promise_in_bounds").reshape(high, wide, c, t * t * f)
'''

_JAX_CORRELATE = '''
def correlate(x, w, strides=(1, 1), dilations=(1, 1)):
    """Images (n×h×w×c) correlated with a kernel (kh×kw×c×f), a tile of places in each row of one product."""
    if w.ndim == 3:
        return correlate(x[:, None], w[None], (1, *strides)[:2], (1, *dilations)[:2])[:, 0]
    (n, h, wide, c), (kh, kw, _, f) = x.shape, w.shape
    t = tile(kh, kw, c, f) if max(*strides, *dilations) == 1 else 1
    if t == 1:
        return correlate_runs(x, w, strides, dilations)
    oh, ow = h - kh + 1, wide - kw + 1
    sees, rows, columns = (kh + t - 1, kw + t - 1), -(-oh // t), -(-ow // t)
    kernel = spread_kernel(w, t, *sees).reshape(-1, t * t * f)

    def some(x):
        product = patches(x, t, *sees, rows, columns) @ kernel
        return untiles(product.reshape(len(x), rows, columns, t * t * f), t, oh, ow)

    count = parts(n, rows * columns * len(kernel), 1_000_000)
    if count == 1:
        return some(x)
    return jax.lax.map(some, x.reshape(count, n // count, h, wide, c)).reshape(n, oh, ow, f)
'''

_JAX_CORRELATE_KERNEL = '''
def correlate_kernel(x, g, sizes, strides=(1, 1), dilations=(1, 1)):
    """Images (n×h×w×c) correlated with an adjoint (n×oh×ow×f): the adjoint of the kernel."""
    if g.ndim == 3:
        return correlate_kernel(x[:, None], g[:, None], (1, *sizes), (1, *strides)[:2], (1, *dilations)[:2])[0]
    (n, h, wide, c), (_, oh, ow, f), (kh, kw) = x.shape, g.shape, sizes
    t = tile(kh, kw, c, f) if max(*strides, *dilations) == 1 else 1
    if t == 1:
        return kernel_runs(x, g, sizes, strides, dilations)
    high, broad, rows, columns = kh + t - 1, kw + t - 1, -(-oh // t), -(-ow // t)

    def some(x, g):
        adjoints = tiles(g, t, rows, columns).reshape(-1, t * t * f)
        return jax.lax.dot_general(patches(x, t, high, broad, rows, columns), adjoints, (((0,), (0,)), ((), ())))

    count = parts(n, rows * columns * high * broad * c, 1_000_000)
    if count == 1:
        spread = some(x, g)
    else:
        split = (x.reshape(count, n // count, h, wide, c), g.reshape(count, n // count, oh, ow, f))
        start = jnp.zeros((high * broad * c, t * t * f), x.dtype)
        spread, _ = jax.lax.scan(lambda total, pair: (total + some(*pair), None), start, split)
    spread = spread.reshape(high, broad, c, t, t, f)
    return sum(spread[i : i + kh, j : j + kw, :, i, j] for i in range(t) for j in range(t))
'''

_JAX_CORRELATE_INPUT = '''
def correlate_input(g, w, first, lengths, strides=(1, 1), dilations=(1, 1)):
    """An adjoint (n×oh×ow×f) spread by the kernel (kh×kw×c×f): the adjoint of the images, from `first` on."""
    if w.ndim == 3:
        found = correlate_input(
            g[:, None], w[None], (0, *first), (1, *lengths), (1, *strides)[:2], (1, *dilations)[:2]
        )
        return found[:, 0]
    (n, oh, ow, f), (kh, kw, c, _) = g.shape, w.shape
    back = lengths[0] * lengths[1] / (oh * ow)
    t = tile(kh, kw, c, f, back) if max(*strides, *dilations) == 1 else 1
    if t == 1:
        return input_runs(g, w, first, lengths, strides, dilations)
    p, q, rows, columns = (kh + 2 * t - 2) // t, (kw + 2 * t - 2) // t, -(-oh // t), -(-ow // t)
    kernel = spread_kernel(w, t, p * t, q * t).reshape(p, t, q, t, c, t * t * f)
    kernel = kernel.transpose(0, 2, 1, 3, 4, 5).reshape(-1, t * t * f)

    def some(g):
        shares = jax.lax.dot_general(tiles(g, t, rows, columns), kernel, (((3,), (1,)), ((), ())))
        shares = shares.reshape(len(g), rows, columns, p, q, t * t * c)
        moved = sum(
            jnp.pad(shares[:, :, :, i, j], ((0, 0), (i, p - 1 - i), (j, q - 1 - j), (0, 0)))
            for i in range(p) for j in range(q)
        )
        return untiles(moved, t, oh + kh - 1, ow + kw - 1)

    count = parts(n, rows * columns * len(kernel), 1_000_000)
    if count == 1:
        found = some(g)
    else:
        found = jax.lax.map(some, g.reshape(count, n // count, oh, ow, f))
        found = found.reshape(n, oh + kh - 1, ow + kw - 1, c)
    widths = [(-f, f + m - k, 0) for f, m, k in zip(first, lengths, found.shape[1:])]
    return jax.lax.pad(found, jnp.zeros((), found.dtype), [(0, 0, 0), *widths, (0, 0, 0)])
'''

_FORWARD = (
    "tile",
    "parts",
    "tiles",
    "untiles",
    "patches",
    "spread_kernel",
    "lines",
    "starts",
    "runs",
    "correlate_runs",
    "winograd",
    "combined",
    "six_rows",
    "correlate_winograd",
)

_KERNEL = ("kernel_runs", "winograd", "combined", "six_rows", "kernel_winograd")

TILE_HELPERS: dict[str, Helper] = {
    "correlate": Helper(_CORRELATE, {"jax": _JAX_CORRELATE}, ("window",), {"jax": _FORWARD}),
    "correlate_kernel": Helper(
        _CORRELATE_KERNEL,
        {"jax": _JAX_CORRELATE_KERNEL},
        ("window",),
        {"jax": ("tile", "parts", "tiles", "patches", "lines", "starts", "runs", *_KERNEL)},
    ),
    "correlate_input": Helper(
        _CORRELATE_INPUT,
        {"jax": _JAX_CORRELATE_INPUT},
        ("fold",),
        {"jax": (*_FORWARD, "input_runs", "input_phases")},
    ),
    **{
        name: Helper("", {"jax": text})
        for name, text in {
            "tile": _TILE, "tiles": _TILES, "untiles": _UNTILES, "patches": _PATCHES, "spread_kernel": _SPREAD,
        }.items()
    },
    **RUN_HELPERS,
}  # fmt: skip
