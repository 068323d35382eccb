"""What stands for `np` and `special` when a program runs on complex numbers: analytic continuations.

NumPy and SciPy lack some functions for complex arguments, and have others that are not analytic there (a norm
takes absolute values). With these, f(x + ih) carries the derivative of f in its imaginary part.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np


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
    special = importlib.import_module("scipy.special")
    return special.erfc(-np.asarray(z, dtype=complex) / np.sqrt(2)) / 2


def _log_ndtr(z: Any) -> Any:
    # Φ(z) = ½ e^(−z²/2) w(−iz/√2) with the Faddeeva function w: no underflow in the left tail.
    special = importlib.import_module("scipy.special")
    z = np.asarray(z, dtype=complex)
    left = np.where(z.real < 0, z, -z)
    tail = -left * left / 2 + np.log(special.wofz(-1j * left / np.sqrt(2)) / 2)
    return np.where(z.real < 0, tail, _log1p(-np.exp(tail)))


def _sign(z: Any) -> Any:
    return np.sign(np.real(z))


def _heaviside(z: Any, middle: Any) -> Any:
    return np.heaviside(np.real(z), middle)


def _slogdet(a: Any) -> Any:
    # log |det| continues to log(± det), with the sign of the real part.
    sign, size = np.linalg.slogdet(a)
    return np.sign(np.real(sign)), size + 1j * np.arctan(np.imag(sign) / np.real(sign))


def _gammaln(z: Any) -> Any:
    return importlib.import_module("scipy.special").loggamma(np.asarray(z, dtype=complex))


class _Module:
    """A module with some of its functions replaced; it is imported when another of its functions is wanted.

    Importing scipy.special costs more than checking a derivative does.
    """

    def __init__(self, module: str, **replaced: Any):
        self._module = module
        self.__dict__.update(replaced)

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self._module), name)


_NUMPY = _Module(
    "numpy",
    linalg=_Module("numpy.linalg", norm=_norm, slogdet=_slogdet),
    log1p=_log1p,
    logaddexp=_logaddexp,
    sign=_sign,
    heaviside=_heaviside,
)

_SPECIAL = _Module(
    "scipy.special",
    expit=_expit,
    log_expit=lambda z: -_log1p_exp(-z),
    gammaln=_gammaln,
    ndtr=_ndtr,
    log_ndtr=_log_ndtr,
    logsumexp=_logsumexp,
    softmax=lambda x, axis=None: np.exp(_log_softmax(x, axis)),
    log_softmax=_log_softmax,
)


# The import lines of a generated text, and what stands for what they import.
CONTINUATIONS = {"import numpy as np": ("np", _NUMPY), "from scipy import special": ("special", _SPECIAL)}


def complex_safe(text: str) -> tuple[str, dict[str, Any]]:
    """Return a generated text without its imports, and the names that stand for what they imported."""
    lines = text.splitlines()
    names = dict(CONTINUATIONS[line] for line in lines if line in CONTINUATIONS)
    return "\n".join("" if line in CONTINUATIONS else line for line in lines), names
