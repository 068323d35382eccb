"""Helper functions of the generated source for convolutions: windows and a product in NumPy, tiles for XLA.

XLA's own convolution gradients are 10 to 50 times slower on processors. Here a tile of t×t output places is one
row of a matrix product: its patch is made of (q×q) neighbouring blocks of t×t input places, q = ⌈(k+t−1)/t⌉, and the
kernel is written into all t×t positions of that patch. Large t saves copying, small t saves multiplying by zeros;
`tile` weighs the two. Where the patches of a whole batch would not fit into the caches, it goes in parts.
"""

from __future__ import annotations

import inspect

from gradwork.ops.correlation import tile
from gradwork.run.helper import Helper

_CORRELATE = '''
def correlate(x, w):
    """Images (n×h×w×c) correlated with a kernel (kh×kw×c×f)."""
    return np.tensordot(window(x, 1, w.shape[:2], (1, 1), (1, 1)), w, ([3, 4, 5], [0, 1, 2]))
'''

_CORRELATE_KERNEL = '''
def correlate_kernel(x, g):
    """Images (n×h×w×c) correlated with an adjoint (n×oh×ow×f): the adjoint of the kernel."""
    sizes = (x.shape[1] - g.shape[1] + 1, x.shape[2] - g.shape[2] + 1)
    return np.tensordot(window(x, 1, sizes, (1, 1), (1, 1)), g, ([0, 1, 2], [0, 1, 2]))
'''

_CORRELATE_INPUT = '''
def correlate_input(g, w):
    """An adjoint (n×oh×ow×f) spread by the kernel (kh×kw×c×f): the adjoint of the images."""
    lengths = (g.shape[1] + w.shape[0] - 1, g.shape[2] + w.shape[1] - 1)
    return fold(np.tensordot(g, w, ([3], [3])), 1, lengths, (1, 1), (1, 1))
'''

_TILE = f"\n{inspect.getsource(tile)}"

_PARTS = '''
def parts(n, numbers):
    """How many parts a batch goes in, so that `numbers` of each sample stay in the caches: a divisor of n."""
    if n * numbers <= 4_000_000:
        return 1
    most = max(1, 1_000_000 // numbers)
    return n // max(d for d in range(1, n + 1) if n % d == 0 and d <= most)
'''

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
def patches(x, t, p, q, rows, columns):
    """For each block the p×q blocks from it on, side by side: n×rows×columns×(p q t t c)."""
    blocks = tiles(x, t, rows + p - 1, columns + q - 1)
    found = [blocks[:, i : i + rows, j : j + columns] for i in range(p) for j in range(q)]
    return found[0] if len(found) == 1 else jnp.concatenate(found, 3)
'''

_SPREAD = '''
def spread_kernel(w, t, p, q):
    """The kernel at each of the t×t places of a tile, as a matrix (p q t t c)×(t t f)."""
    kh, kw, c, f = w.shape
    placed = jnp.stack([
        jnp.pad(w, ((i, p * t - kh - i), (j, q * t - kw - j), (0, 0), (0, 0))) for i in range(t) for j in range(t)
    ], 3)
    return placed.reshape(p, t, q, t, c, t * t * f).transpose(0, 2, 1, 3, 4, 5).reshape(-1, t * t * f)
'''

_JAX_CORRELATE = '''
def correlate(x, w):
    """Images (n×h×w×c) correlated with a kernel (kh×kw×c×f), a tile of places in each row of one product."""
    (n, h, wide, c), (kh, kw, _, f) = x.shape, w.shape
    oh, ow = h - kh + 1, wide - kw + 1
    t = tile(kh, kw, c, f)
    p, q, rows, columns = (kh + 2 * t - 2) // t, (kw + 2 * t - 2) // t, -(-oh // t), -(-ow // t)
    kernel = spread_kernel(w, t, p, q)

    def some(x):
        rows_of_tiles = patches(x, t, p, q, rows, columns)
        return untiles(jnp.matmul(rows_of_tiles, kernel), t, oh, ow)

    count = parts(n, rows * columns * len(kernel))
    if count == 1:
        return some(x)
    return jax.lax.map(some, x.reshape(count, n // count, h, wide, c)).reshape(n, oh, ow, f)
'''

_JAX_CORRELATE_KERNEL = '''
def correlate_kernel(x, g):
    """Images (n×h×w×c) correlated with an adjoint (n×oh×ow×f): the adjoint of the kernel."""
    (n, h, wide, c), (_, oh, ow, f) = x.shape, g.shape
    kh, kw = h - oh + 1, wide - ow + 1
    t = tile(kh, kw, c, f)
    p, q, rows, columns = (kh + 2 * t - 2) // t, (kw + 2 * t - 2) // t, -(-oh // t), -(-ow // t)

    def some(x, g):
        inputs = patches(x, t, p, q, rows, columns)
        adjoints = tiles(g, t, rows, columns)
        inputs, adjoints = inputs.reshape(-1, inputs.shape[3]), adjoints.reshape(-1, adjoints.shape[3])
        return jax.lax.dot_general(inputs, adjoints, (((0,), (0,)), ((), ())))

    count = parts(n, rows * columns * p * q * t * t * c)
    if count == 1:
        spread = some(x, g)
    else:
        split = (x.reshape(count, n // count, h, wide, c), g.reshape(count, n // count, oh, ow, f))
        start = jnp.zeros((p * q * t * t * c, t * t * f), x.dtype)
        spread, _ = jax.lax.scan(lambda total, pair: (total + some(*pair), None), start, split)
    spread = spread.reshape(p, q, t, t, c, t, t, f).transpose(0, 2, 1, 3, 4, 5, 6, 7)
    spread = spread.reshape(p * t, q * t, c, t, t, f)
    return sum(spread[i : i + kh, j : j + kw, :, i, j] for i in range(t) for j in range(t))
'''

_JAX_CORRELATE_INPUT = '''
def correlate_input(g, w):
    """An adjoint (n×oh×ow×f) spread by the kernel (kh×kw×c×f): the adjoint of the images."""
    (n, oh, ow, f), (kh, kw, c, _) = g.shape, w.shape
    t = tile(kh, kw, c, f)
    p, q, rows, columns = (kh + 2 * t - 2) // t, (kw + 2 * t - 2) // t, -(-oh // t), -(-ow // t)
    kernel = spread_kernel(w, t, p, q)

    def some(g):
        shares = jax.lax.dot_general(tiles(g, t, rows, columns), kernel, (((3,), (1,)), ((), ())))
        shares = shares.reshape(len(g), rows, columns, p, q, t * t * c)
        moved = sum(
            jnp.pad(shares[:, :, :, i, j], ((0, 0), (i, p - 1 - i), (j, q - 1 - j), (0, 0)))
            for i in range(p) for j in range(q)
        )
        return untiles(moved, t, oh + kh - 1, ow + kw - 1)

    count = parts(n, rows * columns * len(kernel))
    if count == 1:
        return some(g)
    found = jax.lax.map(some, g.reshape(count, n // count, oh, ow, f))
    return found.reshape(n, oh + kh - 1, ow + kw - 1, c)
'''

_NEEDS = {
    "correlate": ("tile", "parts", "tiles", "untiles", "patches", "spread_kernel"),
    "correlate_kernel": ("tile", "parts", "tiles", "patches"),
    "correlate_input": ("tile", "parts", "tiles", "untiles", "spread_kernel"),
}

TILE_HELPERS: dict[str, Helper] = {
    "correlate": Helper(_CORRELATE, {"jax": _JAX_CORRELATE}, ("window",), {"jax": _NEEDS["correlate"]}),
    "correlate_kernel": Helper(
        _CORRELATE_KERNEL, {"jax": _JAX_CORRELATE_KERNEL}, ("window",), {"jax": _NEEDS["correlate_kernel"]}
    ),
    "correlate_input": Helper(
        _CORRELATE_INPUT, {"jax": _JAX_CORRELATE_INPUT}, ("fold",), {"jax": _NEEDS["correlate_input"]}
    ),
    **{
        name: Helper("", {"jax": text})
        for name, text in {
            "tile": _TILE, "parts": _PARTS, "tiles": _TILES, "untiles": _UNTILES, "patches": _PATCHES,
            "spread_kernel": _SPREAD,
        }.items()
    },
}  # fmt: skip
