"""Helpers for eigenvalues, singular values, functions of matrices, order and recurrences."""

from __future__ import annotations

from gradwork.run.library.helper import Helper

_GAPS = '''
def gaps(x):
    """1/(x_j - x_i) for every pair i, j of the last axis, and 0 where the two are equal up to rounding."""
    d = x[..., None, :] - x[..., :, None]
    scale = np.sum(np.abs(x), axis=-1)[..., None, None]
    tied = np.abs(d) <= 4 * np.finfo(x.dtype).eps * scale
    return np.where(tied, 0.0, 1 / np.where(tied, 1.0, d))
'''

# A vector is as good as its opposite; that whose largest component is positive is taken, so that all targets agree.
_UPRIGHT = '''
def upright(v):
    """1 or -1 for each column, so that its largest component becomes positive."""
    top, bottom = np.max(v, axis=-2, keepdims=True, initial=0), np.min(v, axis=-2, keepdims=True, initial=0)
    return np.where(top >= -bottom, 1.0, -1.0)
'''

_EIGENVECTORS = '''
def eigenvectors(a):
    """The eigenvectors of a symmetric matrix as columns, the largest component of each positive."""
    v = np.linalg.eigh(a)[1]
    return v * upright(v)
'''

_SINGULAR_VECTORS = '''
def singular_vectors(a, left):
    """The left or right singular vectors as columns, the largest component of each left one positive."""
    u, _, vt = np.linalg.svd(a, full_matrices=False)
    return (u if left else np.swapaxes(vt, -1, -2)) * upright(u)
'''

_EXPM = '''
def expm(a):
    """The exponential of a matrix, or of each of a stack."""
    return scipy.linalg.expm(a)
'''

_TORCH_EXPM = '''
def expm(a):
    """The exponential of a matrix, or of each of a stack."""
    return torch.linalg.matrix_exp(a)
'''

# Denman and Beavers' iteration; the determinants scale the first steps, after which it converges quadratically.
_SQRTM = '''
def sqrtm(a):
    """The square root of a matrix, or of each of a stack."""
    n = a.shape[-1]
    y, z = a, np.eye(n, dtype=a.dtype) + np.zeros_like(a)
    for step in range(24):
        size = np.abs(np.linalg.det(y) * np.linalg.det(z)) ** (-1 / (2 * max(n, 1)))
        scale = size[..., None, None] if step < 8 else 1.0
        y, z = scale * y, scale * z
        y, z = (y + np.linalg.inv(z)) / 2, (z + np.linalg.inv(y)) / 2
    return y
'''

_ALONG = '''
def along(a, e, f):
    """The derivative of a matrix function f at A along E: the upper right of f([[A, E], [0, A]])."""
    k, n, rank = a.ndim - 2, a.shape[-1], e.ndim
    forth = (*range(k), *range(k + 2, rank), k, k + 1)
    back = (*range(k), rank - 2, rank - 1, *range(k, rank - 2))
    e = np.transpose(e, forth)
    a = np.broadcast_to(a.reshape((*a.shape[:k], *(1,) * (rank - k - 2), n, n)), e.shape)
    top = np.concatenate((a, e), axis=-1)
    bottom = np.concatenate((np.zeros_like(a), a), axis=-1)
    whole = f(np.concatenate((top, bottom), axis=-2))
    return np.transpose(whole[..., :n, n:], back)
'''

_UNSORT = '''
def unsort(g, x, axis):
    """Each entry put where sorting x takes its entry from."""
    order = np.argsort(x, axis=axis, kind="stable")
    rank = np.argsort(order, axis=axis, kind="stable").reshape((*x.shape, *(1,) * (g.ndim - x.ndim)))
    return np.take_along_axis(g, rank, axis)
'''

_RESORT = '''
def resort(t, x, axis):
    """The entries in the order that sorts x."""
    order = np.argsort(x, axis=axis, kind="stable").reshape((*x.shape, *(1,) * (t.ndim - x.ndim)))
    return np.take_along_axis(t, order, axis)
'''


def _jax(text: str) -> str:
    return text.replace(', kind="stable"', "").replace("np.", "jnp.")


def _torch(text: str) -> str:
    text = text.replace('axis=axis, kind="stable"', "dim=axis, stable=True")
    return text.replace("np.take_along_axis", "torch.take_along_dim").replace("np.", "torch.")


_RECURRENCE = '''
def recurrence(a, b, axis, reverse):
    """s_i = a_i s_(i-1) + b_i along an axis (from the other end if `reverse`)."""
    a = np.moveaxis(a.reshape((*a.shape, *(1,) * (b.ndim - a.ndim))), axis, 0)
    b = np.moveaxis(b, axis, 0)
    places = range(len(b))[:: -1 if reverse else 1]
    states, last = [b[0]] * len(b), 0.0
    for i in places:
        states[i] = last = a[i] * last + b[i]
    return np.moveaxis(np.stack(states), 0, axis)
'''

_JAX_RECURRENCE = '''
def recurrence(a, b, axis, reverse):
    """s_i = a_i s_(i-1) + b_i along an axis (from the other end if `reverse`)."""
    a = jnp.broadcast_to(a.reshape((*a.shape, *(1,) * (b.ndim - a.ndim))), b.shape)
    join = lambda first, then: (first[0] * then[0], then[0] * first[1] + then[1])
    return jax.lax.associative_scan(join, (a, b), reverse=reverse, axis=axis)[1]
'''

_POWER_NORM = '''
def power_norm(x, p, axes):
    """(sum |x|^p)^(1/p) over the axes."""
    return np.sum(np.abs(x) ** p, axis=axes) ** (1 / p)
'''

SPECTRA_HELPERS: dict[str, Helper] = {
    "gaps": Helper(_GAPS),
    "upright": Helper(
        _UPRIGHT,
        {
            "torch": _UPRIGHT.replace(", initial=0", "")
            .replace("np.max", "torch.amax")
            .replace("np.min", "torch.amin")
            .replace("np.", "torch.")
        },
    ),
    "eigenvectors": Helper(_EIGENVECTORS, needs=("upright",)),
    "singular_vectors": Helper(_SINGULAR_VECTORS, needs=("upright",)),
    "expm": Helper(_EXPM, {"jax": _EXPM.replace("scipy.", "jax.scipy."), "torch": _TORCH_EXPM}),
    "sqrtm": Helper(_SQRTM),
    "along": Helper(_ALONG),
    "unsort": Helper(_UNSORT, {"jax": _jax(_UNSORT), "torch": _torch(_UNSORT)}),
    "resort": Helper(_RESORT, {"jax": _jax(_RESORT), "torch": _torch(_RESORT)}),
    "recurrence": Helper(_RECURRENCE, {"jax": _JAX_RECURRENCE}),
    "power_norm": Helper(_POWER_NORM),
}
