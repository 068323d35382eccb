"""Small functions that the generated source defines above itself, where no library has the operation."""

from __future__ import annotations

from gradwork.run.library.helper import Helper
from gradwork.run.library.special import SPECIAL_HELPERS
from gradwork.run.library.spectra import SPECTRA_HELPERS
from gradwork.run.library.tiles import TILE_HELPERS
from gradwork.run.library.windows import WINDOW_HELPERS

_RECIPROCAL0 = '''
def reciprocal0(x):
    """1 / x, and 0 where x is 0."""
    return np.where(x == 0, 0.0, 1 / np.where(x == 0, 1.0, x))
'''

# NumPy's own logaddexp(0, x) takes three times as long. Where x > 0, m is x itself, also for a complex step.
_SOFTPLUS = '''
def softplus(x):
    """log(1 + e^x) without overflow."""
    m = np.maximum(x, 0)
    return m + np.log1p(np.exp(x - 2 * m))
'''

# cosh z = 1 + 2 sinh²(z/2) keeps the digits near 0; e⁻²ᶻ further out.
_LOG_COSH = '''
def log_cosh(x):
    """log cosh(x) without overflow, and with all digits near 0."""
    m = np.maximum(x, -x)
    near = np.log1p(2 * np.sinh(np.minimum(m, 1) / 2) ** 2)
    return np.where(np.real(m) < 1, near, m + np.log1p(np.exp(-2 * m)) - np.log(2))
'''

_TORCH_LOG_COSH = '''
def log_cosh(x):
    """log cosh(x) without overflow, and with all digits near 0."""
    m = torch.abs(x)
    near = torch.log1p(2 * torch.sinh(torch.clamp(m, max=1) / 2) ** 2)
    return torch.where(m < 1, near, m + torch.log1p(torch.exp(-2 * m)) - 0.6931471805599453)
'''

_SHARES = '''
def shares(x, axes, extremum):
    """1 where x is the extremum along the axes, shared equally between ties, else 0."""
    hit = x == extremum(x, axis=axes, keepdims=True)
    return hit / np.sum(hit, axis=axes, keepdims=True)
'''

_TORCH_SHARES = '''
def shares(x, axes, extremum):
    """1 where x is the extremum along the axes, shared equally between ties, else 0."""
    hit = (x == extremum(x, dim=axes, keepdim=True)).to(x.dtype)
    return hit / torch.sum(hit, dim=axes, keepdim=True)
'''

_PRODUCT_WITHOUT = '''
def product_without(x, places):
    """The product over the last axis of all but `places` distinct components, each left-out place an axis."""
    m = x.shape[-1]
    left_out, distinct = np.zeros((m,) * (places + 1), dtype=bool), 0
    for axis in range(places):
        shape = [1] * (places + 1)
        shape[axis] = shape[-1] = m
        left_out = left_out | np.eye(m, dtype=bool).reshape(shape)
    distinct = np.sum(left_out, axis=-1) == places
    rest = np.where(left_out, 1.0, x.reshape((*x.shape[:-1], *(1,) * places, m)))
    return np.prod(rest, axis=-1) * distinct
'''

_COFACTOR = '''
def cofactor(a):
    """det(A) A^-T, from the singular value decomposition: right for singular matrices too."""
    u, s, vt = np.linalg.svd(a)
    others = np.prod(np.where(np.eye(s.shape[-1], dtype=bool), 1.0, s[..., None, :]), axis=-1)
    signs = np.linalg.det(u) * np.linalg.det(vt)
    return signs[..., None, None] * ((u * others[..., None, :]) @ vt)
'''

_PLACE = '''
def place(x, index, shape):
    """Zeros of the given shape with x at the index."""
    result = np.zeros(shape, x.dtype)
    result[index] = x
    return result
'''

_JAX_PLACE = '''
def place(x, index, shape):
    """Zeros of the given shape with x at the index."""
    return jnp.zeros(shape, x.dtype).at[index].set(x)
'''

_TORCH_PLACE = '''
def place(x, index, shape):
    """Zeros of the given shape with x at the index."""
    backwards = [axis for axis, part in enumerate(index) if isinstance(part, slice) and (part.step or 1) < 0]
    integers = [axis for axis, part in enumerate(index) if not isinstance(part, slice)]
    for axis in backwards:  # PyTorch has no negative steps: place the reversed array at the reversed slice
        x = torch.flip(x, (axis - sum(a < axis for a in integers),))
        taken = range(*index[axis].indices(shape[axis]))
        part = slice(taken[-1], taken[0] + 1, -taken.step)
        index = (*index[:axis], part, *index[axis + 1 :])
    result = torch.zeros(shape, dtype=x.dtype)
    result[index] = x
    return result
'''

_SCATTER = '''
def scatter(x, positions, axis, size):
    """Zeros with x added at the positions along an axis of the given size."""
    result = np.zeros((*x.shape[:axis], size, *x.shape[axis + positions.ndim :]), x.dtype)
    np.add.at(result, (slice(None),) * axis + (positions,), x)
    return result
'''

_JAX_SCATTER = '''
def scatter(x, positions, axis, size):
    """Zeros with x added at the positions along an axis of the given size."""
    result = jnp.zeros((*x.shape[:axis], size, *x.shape[axis + positions.ndim :]), x.dtype)
    return result.at[(slice(None),) * axis + (positions,)].add(x)
'''

_TORCH_SCATTER = '''
def scatter(x, positions, axis, size):
    """Zeros with x added at the positions along an axis of the given size."""
    rest = x.shape[axis + positions.ndim :]
    result = torch.zeros((*x.shape[:axis], size, *rest), dtype=x.dtype)
    return result.index_add_(axis, positions.reshape(-1), x.reshape((*x.shape[:axis], -1, *rest)))
'''

_SYMMETRIC_PART = '''
def symmetric_part(a):
    """The symmetric part of a square matrix."""
    return (a + np.swapaxes(a, -1, -2)) / 2
'''

_OVER_ROWS = '''
def over_rows(step, *arrays, width):
    """The sum of step(rows of each array) over blocks of rows that stay in the cache."""
    block = max(2**18 // max(width, 1), 256)
    total = step(*(a[:block] for a in arrays))
    for start in range(block, len(arrays[0]), block):
        total += step(*(a[start : start + block] for a in arrays))
    return total
'''

_JAX_OVER_ROWS = '''
def over_rows(step, *arrays, width):
    """The sum of step(rows of each array) over blocks of rows that stay in the cache."""
    block, rows = max(2**18 // max(width, 1), 256), len(arrays[0])
    if rows < 4 * block or jax.default_backend() != "cpu":
        return step(*arrays)
    blocks = rows // block

    def add(i, total):
        return total + step(*(jax.lax.dynamic_slice_in_dim(a, i * block, block) for a in arrays))

    return jax.lax.fori_loop(0, blocks, add, step(*(a[blocks * block :] for a in arrays)))
'''

_SCAN = '''
def scan(step, start, sequences, length, reverse=False):
    """The last state of a recurrence, then what its steps give, stacked over time."""
    state, given = start, [()] * length
    for t in reversed(range(length)) if reverse else range(length):
        state, given[t] = step(*state, *(x[t] for x in sequences))
    return (*state, *map(np.stack, zip(*given)))
'''

_JAX_SCAN = '''
def scan(step, start, sequences, length, reverse=False):
    """The last state of a recurrence, then what its steps give, stacked over time."""
    state, given = jax.lax.scan(lambda s, x: step(*s, *x), start, sequences, length, reverse)
    return (*state, *given)
'''

_NORMAL_HAZARD = '''
def normal_hazard(x):
    """φ(x)/Φ(x): far to the left by the continued fraction t + 1/(t + 2/(t + 3/(t + …))) at t = -x."""
    t = np.maximum(-x, 4.0)
    tail = t
    for k in range(48, 0, -1):
        tail = t + k / tail
    near = np.maximum(x, -4.0)
    return np.where(x < -4, tail, np.exp(-near * near / 2 - special.log_ndtr(near)) / np.sqrt(2 * np.pi))
'''

_TORCH_NORMAL_HAZARD = '''
def normal_hazard(x):
    """φ(x)/Φ(x): far to the left by the continued fraction t + 1/(t + 2/(t + 3/(t + …))) at t = -x."""
    t = torch.clamp(-x, min=4.0)
    tail = t
    for k in range(48, 0, -1):
        tail = t + k / tail
    near = torch.clamp(x, min=-4.0)
    return torch.where(x < -4, tail, torch.exp(-near * near / 2 - torch.special.log_ndtr(near)) / (2 * torch.pi) ** 0.5)
'''

# sin x, cos x, -sin x … divided by x once more for each order; the series where that would cancel.
_SINC = '''
def sinc(x, order):
    """The derivative of sin(x)/x of an order: its series near 0, elsewhere x f_k = sin^(k)(x) - k f_(k-1)."""
    close = 3 + order
    small, series = np.where(abs(x) < close, x, 0.0), 0.0
    for j in range((order + 1) // 2, order + 24):
        # (-1)^j x^(2j - k) / ((2j + 1) (2j - k)!)
        power, sign = 2 * j - order, 1 - 2 * (j % 2)
        factor = 1.0
        for m in range(1, power + 1):
            factor = factor * small / m
        series = series + sign * factor / (2 * j + 1)
    large = np.where(abs(x) < close, 1.0, x)
    value = np.sin(large) / large
    for k in range(1, order + 1):
        turned = (np.sin, np.cos)[k % 2](large) * (1 - k // 2 % 2 * 2 if k % 2 == 0 else 1 - (k - 1) // 2 % 2 * 2)
        value = (turned - k * value) / large
    return np.where(abs(x) < close, series, value)
'''

HELPERS: dict[str, Helper] = {
    "normal_hazard": Helper(_NORMAL_HAZARD, {"torch": _TORCH_NORMAL_HAZARD}),
    "sinc": Helper(_SINC),
    "scan": Helper(_SCAN, {"jax": _JAX_SCAN}),
    "reciprocal0": Helper(_RECIPROCAL0),
    "softplus": Helper(_SOFTPLUS),
    "log_cosh": Helper(_LOG_COSH, {"torch": _TORCH_LOG_COSH}),
    "shares": Helper(_SHARES, {"torch": _TORCH_SHARES}),
    "product_without": Helper(_PRODUCT_WITHOUT),
    "cofactor": Helper(_COFACTOR),
    "place": Helper(_PLACE, {"jax": _JAX_PLACE, "torch": _TORCH_PLACE}),
    "scatter": Helper(_SCATTER, {"jax": _JAX_SCATTER, "torch": _TORCH_SCATTER}),
    "over_rows": Helper(_OVER_ROWS, {"jax": _JAX_OVER_ROWS}),
    "symmetric_part": Helper(_SYMMETRIC_PART),
    **SPECIAL_HELPERS,
    **SPECTRA_HELPERS,
    **WINDOW_HELPERS,
    **TILE_HELPERS,
}
