"""Helper functions of the generated source for convolutions by XLA where the channels are many: runs of numbers.

In an image row whose channels lie side by side, the kw columns under a kernel row are one run of kw·c numbers. So
copying runs, one for each output place, makes the rows of a matrix product; XLA copies them with one gather, four
times faster than it joins shifted slices. With stride 1 every image row is multiplied by all kernel rows at once, and
the kh results are added where they belong; otherwise the runs of all kernel rows go side by side. A batch goes in
parts that stay in the caches.

The adjoint of the images is a correlation with the reversed kernel again. With a stride s it falls apart into s×s
of them, one for each place modulo s, each with the kernel entries that reach it: no multiplication by zeros.
"""

from __future__ import annotations

from gradwork.run.library.helper import Helper
from gradwork.run.library.winograd import WINOGRAD_HELPERS

_PARTS = '''
def parts(n, numbers, most):
    """How many parts a batch goes in, so that `most` numbers or fewer of it are worked on at once: a divisor of n."""
    if n * numbers <= 2_000_000:
        return 1
    return n // max(d for d in range(1, n + 1) if n % d == 0 and d <= max(1, most // numbers))
'''

_LINES = '''
def lines(x, d):
    """Images n×h×w×c as n×h×(w c), the columns d apart side by side."""
    n, h, wide, c = x.shape
    if d > 1:
        x = jnp.pad(x, ((0, 0), (0, 0), (0, -wide % d), (0, 0))).reshape(n, h, -(-wide // d), d, c).swapaxes(2, 3)
    return x.reshape(n, h, -(-wide // d) * d * c)
'''

_STARTS = '''
def starts(count, wide, c, stride, d):
    """Where in a line of `wide` columns, those d apart side by side, the windows of `count` outputs begin."""
    column = stride * numpy.arange(count)
    return (column % d * -(-wide // d) + column // d) * c
'''

_RUNS = '''
def runs(x, first, n, rows, columns, size):
    """Of n images (lines, from the first on) the `size` numbers from each of the columns on, in each of the rows."""
    places = numpy.stack(numpy.broadcast_arrays(numpy.arange(n)[:, None, None], rows[:, None], columns), -1)
    places = places.reshape(-1, 3).astype(numpy.int32) + first * numpy.array([1, 0, 0], numpy.int32)
    axes = jax.lax.GatherDimensionNumbers((1,), (0, 1), (0, 1, 2))
    return jax.lax.gather(x, places, axes, (1, 1, size), mode="promise_in_bounds")
'''

_CORRELATE_RUNS = '''
def correlate_runs(x, w, strides=(1, 1), dilations=(1, 1)):
    """Images (n×h×w×c) correlated with a kernel (kh×kw×c×f), a run of numbers for each place and kernel row."""
    (n, h, wide, c), (kh, kw, _, f), (s, across), (d, apart) = x.shape, w.shape, strides, dilations
    if kh == kw == 1:
        return x[:, ::s, ::across] @ w[0, 0]
    oh, ow = (h - d * (kh - 1) - 1) // s + 1, (wide - apart * (kw - 1) - 1) // across + 1
    if winograd(kh, kw, c, f, oh, s, d) and x.dtype == jnp.float32:
        return correlate_winograd(x, w, across, apart)
    x, columns, size = lines(x, apart), starts(ow, wide, c, across, apart), kw * c
    added = s == 1 and kh > 1 and size >= 48 and h <= 1.3 * oh
    if added:
        kernel, numbers = w.transpose(1, 2, 0, 3).reshape(size, kh * f), h * ow * (size + kh * f)
    else:
        kernel, numbers = w.reshape(kh * size, f), oh * ow * (2 * kh * size + f)
    count = parts(n, numbers, 700_000)

    def some(k):
        first = k * (n // count)
        if added:
            y = runs(x, first, n // count, numpy.arange(h), columns, size) @ kernel
            y = y.reshape(n // count, h, ow, kh, f)
            return sum(y[:, a * d : a * d + oh, :, a] for a in range(kh))
        rows = [runs(x, first, n // count, a * d + s * numpy.arange(oh), columns, size) for a in range(kh)]
        return (jnp.concatenate(rows, 1) @ kernel).reshape(n // count, oh, ow, f)

    if count == 1:
        return some(0)
    return jax.lax.map(some, jnp.arange(count, dtype=jnp.int32)).reshape(n, oh, ow, f)
'''

_KERNEL_RUNS = '''
def kernel_runs(x, g, sizes, strides=(1, 1), dilations=(1, 1)):
    """Images (n×h×w×c) correlated with an adjoint (n×oh×ow×f): the adjoint of the kernel, a run for each place."""
    (n, _, wide, c), (_, oh, ow, f) = x.shape, g.shape
    (kh, kw), (s, across), (d, apart) = sizes, strides, dilations
    if kh == kw == 1:
        x, g = x[:, ::s, ::across].reshape(-1, c), g.reshape(-1, f)
        return jax.lax.dot_general(x, g, (((0,), (0,)), ((), ())))[None, None]
    if winograd(kh, kw, c, f, oh, s, d) and x.dtype == jnp.float32:
        return kernel_winograd(x, g, kw, across, apart)
    x, columns, size = lines(x, apart), starts(ow, wide, c, across, apart), kw * c
    count = parts(n, oh * ow * (kh * size + f), 700_000)
    g = jnp.asarray(g).reshape(count, -1, f)

    def some(k):
        rows = [
            runs(x, k * (n // count), n // count, a * d + s * numpy.arange(oh), columns, size) for a in range(kh)
        ]
        rows = rows if size >= 48 else [jnp.concatenate(rows, 1)]
        return [jax.lax.dot_general(r, g[k], (((0,), (0,)), ((), ()))) for r in rows]

    if count == 1:
        found = some(0)
    else:
        start = [jnp.zeros((size, f), x.dtype)] * kh if size >= 48 else [jnp.zeros((kh * size, f), x.dtype)]
        found = jax.lax.fori_loop(0, count, lambda k, total: [a + b for a, b in zip(total, some(k))], start)
    return jnp.concatenate(found).reshape(kh, kw, c, f)
'''

_INPUT_RUNS = '''
def input_runs(g, w, first, lengths, strides=(1, 1), dilations=(1, 1)):
    """An adjoint (n×oh×ow×f) spread by the kernel: the adjoint of the images, from the first row and column on."""
    if max(strides) > 1 and max(dilations) == 1:
        return input_phases(g, w, first, lengths, strides)
    widths = [(0, 0, 0)]
    for a, (k, d, s, n) in enumerate(zip(w.shape, dilations, strides, g.shape[1:3])):
        reach = d * (k - 1)
        widths.append((reach - first[a], first[a] + lengths[a] - (n - 1) * s - 1, s - 1))
    g = jax.lax.pad(g, jnp.zeros((), g.dtype), [*widths, (0, 0, 0)])
    return correlate_runs(g, jnp.flip(w, (0, 1)).swapaxes(2, 3), (1, 1), dilations)
'''

_INPUT_PHASES = '''
def input_phases(g, w, first, lengths, strides):
    """The same with strides: the places that are equal modulo the strides meet the same entries of the kernel."""
    (s, across), (n, c) = strides, (len(g), w.shape[2])
    low = [f // k for f, k in zip(first, strides)]
    many = [-(-(f + m) // k) - l for f, m, k, l in zip(first, lengths, strides, low)]

    def phase(i, j):
        part = w[i::s, j::across]
        return jnp.zeros((n, *many, c), g.dtype) if 0 in part.shape else input_runs(g, part, low, many)

    found = jnp.stack([jnp.stack([phase(i, j) for j in range(across)], 3) for i in range(s)], 2)
    start = [f - k * l for f, k, l in zip(first, strides, low)]
    found = found.reshape(n, many[0] * s, many[1] * across, c)
    return found[:, start[0] : start[0] + lengths[0], start[1] : start[1] + lengths[1]]
'''

RUN_HELPERS: dict[str, Helper] = {
    name: Helper("", {"jax": text})
    for name, text in {
        "parts": _PARTS, "lines": _LINES, "starts": _STARTS, "runs": _RUNS, "correlate_runs": _CORRELATE_RUNS,
        "kernel_runs": _KERNEL_RUNS, "input_runs": _INPUT_RUNS, "input_phases": _INPUT_PHASES,
    }.items()
} | WINOGRAD_HELPERS  # fmt: skip
