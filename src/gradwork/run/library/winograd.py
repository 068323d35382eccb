"""Helper functions of the generated source for kernels of three rows: half the multiplications, by Winograd.

Winograd's algorithm F(4, 3) gives four outputs of a filter of three entries by six multiplications instead of twelve:
y = Aᵀ[(G w) ∘ (Bᵀ x)], with x at six places. Its adjoint by w is Gᵀ[(A δ) ∘ (Bᵀ x)]. Here each place is an image row:
Bᵀ and A combine whole runs of numbers, and the six products ∘ are matrix products over the samples, columns and
blocks of four rows. Parts of the batch are larger than elsewhere: small products use the processor badly.

The weights, up to 8, cost about five times the rounding error of plain products: some 2e-6 of the largest entry in
single precision, where this is used; not in double precision, which asks for accuracy.
"""

from __future__ import annotations

import inspect

from gradwork.ops.correlation import winograd
from gradwork.run.library.helper import Helper

_WINOGRAD = f"\n{inspect.getsource(winograd)}"

_COMBINED = '''
def combined(weights, row):
    """The rows, added with their weights."""
    return sum(w * row(a) for a, w in enumerate(weights) if w)
'''

_SIX_ROWS = '''
def six_rows(x, first, n, blocks, columns, size):
    """Bᵀx of Winograd's F(4, 3): of n images (lines, from the first on) the runs of each block of four rows and two."""
    weights = (
        (4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0),
        (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0), (0, 4, 0, -5, 0, 1),
    )
    starts = 4 * numpy.arange(blocks)
    return jnp.stack([combined(w, lambda a: runs(x, first, n, a + starts, columns, size)) for w in weights])
'''

_CORRELATE_WINOGRAD = '''
def correlate_winograd(x, w, across=1, apart=1):
    """Images correlated with a kernel of three rows (3×kw×c×f) by Winograd's F(4, 3): four rows at a time."""
    (n, h, wide, c), (_, kw, _, f) = x.shape, w.shape
    oh, ow, size = h - 2, (wide - apart * (kw - 1) - 1) // across + 1, kw * c
    blocks = -(-oh // 4)
    x = lines(jnp.pad(x, ((0, 0), (0, 4 * blocks - oh), (0, 0), (0, 0))), apart)
    columns, count = starts(ow, wide, c, across, apart), parts(n, 6 * blocks * ow * (size + f), 2_000_000)
    given = (6, 0, 0), (-4, -4, -4), (-4, 4, -4), (1, 2, 4), (1, -2, 4), (0, 0, 24)
    made = (1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1)
    kernel = jnp.stack([combined(weights, lambda a: w[a].reshape(size, f)) / 24 for weights in given])

    def some(k):
        rows = six_rows(x, k * (n // count), n // count, blocks, columns, size)
        y = jax.lax.dot_general(rows, kernel, (((2,), (1,)), ((0,), (0,)))).reshape(6, n // count, blocks, ow, f)
        y = jnp.stack([combined(weights, lambda a: y[a]) for weights in made], 2)
        return y.reshape(n // count, 4 * blocks, ow, f)[:, :oh]

    if count == 1:
        return some(0)
    return jax.lax.map(some, jnp.arange(count, dtype=jnp.int32)).reshape(n, oh, ow, f)
'''

_KERNEL_WINOGRAD = '''
def kernel_winograd(x, g, kw, across=1, apart=1):
    """The adjoint of a kernel of three rows (3×kw×c×f) by Winograd's F(4, 3): four rows of g, six of x at a time."""
    (n, _, wide, c), (_, oh, ow, f) = x.shape, g.shape
    blocks, size = -(-oh // 4), kw * c
    rest = (0, 0), (0, 4 * blocks - oh), (0, 0), (0, 0)
    x, g = lines(jnp.pad(x[:, : oh + 2], rest), apart), jnp.pad(g, rest)
    columns, count = starts(ow, wide, c, across, apart), parts(n, 6 * blocks * ow * (size + f), 2_000_000)
    g = g.reshape(count, n // count, blocks, 4, ow, f)
    given = (1, 0, 0, 0), (1, 1, 1, 1), (1, -1, 1, -1), (1, 2, 4, 8), (1, -2, 4, -8), (0, 0, 0, 1)
    made = (6, -4, -4, 1, 1, 0), (0, -4, 4, 2, -2, 0), (0, -4, -4, 4, 4, 24)

    def some(k, total):
        rows = six_rows(x, k * (n // count), n // count, blocks, columns, size)
        adjoints = jnp.stack([combined(weights, lambda a: g[k][:, :, a].reshape(-1, f)) for weights in given])
        return total + jax.lax.dot_general(rows, adjoints, (((1,), (1,)), ((0,), (0,))))

    start = jnp.zeros((6, size, f), x.dtype)
    total = some(0, start) if count == 1 else jax.lax.fori_loop(0, count, some, start)
    return jnp.stack([combined(weights, lambda a: total[a]) / 24 for weights in made]).reshape(3, kw, c, f)
'''

WINOGRAD_HELPERS: dict[str, Helper] = {
    name: Helper("", {"jax": text})
    for name, text in {
        "winograd": _WINOGRAD, "combined": _COMBINED, "six_rows": _SIX_ROWS,
        "correlate_winograd": _CORRELATE_WINOGRAD, "kernel_winograd": _KERNEL_WINOGRAD,
    }.items()
}  # fmt: skip
