"""What stands for `np` and `special` when a program runs on complex numbers: analytic continuations.

NumPy and SciPy lack some functions for complex arguments, and have others that are not analytic there (a norm
takes absolute values). With these, f(x + ih) carries the derivative of f in its imaginary part.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special


def _norm(x: Any, axis: Any = None) -> Any:
    return np.sqrt(np.sum(x * x, axis=axis))


def _expit(z: Any) -> Any:
    z = np.asarray(z, dtype=complex)
    small = np.exp(-np.where(z.real >= 0, z, -z))
    return np.where(z.real >= 0, 1, small) / (1 + small)


def _log1p(z: Any) -> Any:
    # NumPy's loses every digit of the real part near 0: |1 + z|² = 1 + (2x + x² + y²).
    z = np.asarray(z, dtype=complex)
    x, y = z.real, z.imag
    return np.log1p(x * (2 + x) + y * y) / 2 + 1j * np.arctan2(y, 1 + x)


def _log1p_exp(z: Any) -> Any:
    z = np.asarray(z, dtype=complex)
    return np.where(z.real > 0, z, 0) + _log1p(np.exp(-np.where(z.real > 0, z, -z)))


def _logaddexp(a: Any, b: Any) -> Any:
    return a + _log1p_exp(b - a)


def _logsumexp(x: Any, axis: Any = None) -> Any:
    top = np.max(x.real, axis=axis, keepdims=True)
    total = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return np.squeeze(total, axis=axis)


def _log_softmax(x: Any, axis: Any = None) -> Any:
    shifted = x - np.max(x.real, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def _ndtr(z: Any) -> Any:
    return special.erfc(-np.asarray(z, dtype=complex) / np.sqrt(2)) / 2


def _log_ndtr(z: Any) -> Any:
    # Φ(z) = ½ e^(−z²/2) w(−iz/√2) with the Faddeeva function w: no underflow in the left tail.
    z = np.asarray(z, dtype=complex)
    left = np.where(z.real < 0, z, -z)
    tail = -left * left / 2 + np.log(special.wofz(-1j * left / np.sqrt(2)) / 2)
    return np.where(z.real < 0, tail, _log1p(-np.exp(tail)))


def _sign(z: Any) -> Any:
    return np.sign(np.real(z))


def _heaviside(z: Any, middle: Any) -> Any:
    return np.heaviside(np.real(z), middle)


class _Module:
    """A module with some of its functions replaced."""

    def __init__(self, module: Any, **replaced: Any):
        self._module = module
        self.__dict__.update(replaced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


_NUMPY = _Module(
    np,
    linalg=_Module(np.linalg, norm=_norm),
    log1p=_log1p,
    logaddexp=_logaddexp,
    sign=_sign,
    heaviside=_heaviside,
)

_SPECIAL = _Module(
    special,
    expit=_expit,
    log_expit=lambda z: -_log1p_exp(-z),
    ndtr=_ndtr,
    log_ndtr=_log_ndtr,
    logsumexp=_logsumexp,
    softmax=lambda x, axis=None: np.exp(_log_softmax(x, axis)),
    log_softmax=_log_softmax,
)


def complex_safe(namespace: dict[str, Any]) -> dict[str, Any]:
    """Return a namespace of generated functions in which they see the continuations."""
    for name, module in (("np", _NUMPY), ("special", _SPECIAL)):
        if name in namespace:
            namespace[name] = module
    return namespace
