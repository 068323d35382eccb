"""Gradwork: the gradient that shows its work.

Write a model or an objective as mathematics; read its derivative line by line; run exactly that.

>>> import gradwork as gw
>>> n, d = gw.dims("n", "d")
>>> X, y, b = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("b", d)
>>> print(gw.grad(gw.mean((y - X @ b) ** 2), b))
−2/n Xᵀ(y − Xb)
"""

from __future__ import annotations

from gradwork import cli as _cli  # noqa: F401  first: a command heeds Ctrl-C before the rest is imported

# isort: split
import importlib
from typing import TYPE_CHECKING, Any

from gradwork import errors
from gradwork.diff.api import derivative, grad, hessian, hvp, jacobian, jvp, vjp
from gradwork.errors import DerivativeError, FormulaError, GradworkError, ShapeError
from gradwork.expr import Derived, Dim, Expr, constant, dims, matrix, scalar, size, symbol, tensor, vector
from gradwork.expr.node import METHODS
from gradwork.ops import CONSTANTS as _CONSTANTS
from gradwork.ops import FUNCTIONS as _FUNCTIONS
from gradwork.rewrite import normalise as simplify

__version__ = "0.1.0"

# What needs more than the calculus is imported when it is first used, so that `import gradwork` stays light.
_LATER = {
    "parse": "gradwork.formula",
    "function": "gradwork.run",
    "compile": "gradwork.run",
    "certify": "gradwork.check.certificate",
    "unroll": "gradwork.show.unroll",
    "scan": "gradwork.ops.sequence",
    "stop": "gradwork.ops.sequence",
    "written_out": "gradwork.ops.sequence",
    "eigh": "gradwork.ops.spectra",
    "einsum": "gradwork.ops.matrix",
    "svd": "gradwork.ops.spectra",
    "minimize": "gradwork.learn.front",
    "maximize": "gradwork.learn.front",
    "Objective": "gradwork.learn.objective",
    "Stopping": "gradwork.learn.stopping",
    **dict.fromkeys(
        ("SGD", "Momentum", "Nesterov", "Adagrad", "RMSprop", "Adam", "AdamW"),
        "gradwork.learn.optimizers.named",
    ),
    "fit": "gradwork.models.fit",
    "load": "gradwork.store.folder",
}
_PACKAGES = frozenset({"data", "learn", "models", "nn", "stats"})


def _late(module: str, view: str) -> Any:
    def call(*args: Any, **options: Any) -> Any:
        importlib.import_module(module)  # which puts its own function in the place of this one
        return METHODS[view](*args, **options)

    return call


# Views of an expression are made above the calculus; each is imported when it is first asked for.
for _module, _views in {
    "gradwork.run": ("evaluate", "code"),
    "gradwork.show": ("unicode", "text", "latex", "mathml", "whole"),
    "gradwork.show.derivation": ("derivation",),
    "gradwork.check.certificate": ("certify",),
}.items():
    for _view in _views:
        METHODS[_view] = _late(_module, _view)

globals().update(_CONSTANTS)
globals().update({name: f for name, f in _FUNCTIONS.items() if name != "tr"})
tr = _FUNCTIONS["tr"]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f"gradwork.{name}")
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module 'gradwork' has no attribute {name!r}")
    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, *_PACKAGES})


if TYPE_CHECKING:
    from gradwork.check.certificate import certify as certify
    from gradwork.formula import parse as parse
    from gradwork.ops.matrix import einsum as einsum
    from gradwork.ops.sequence import scan as scan
    from gradwork.ops.sequence import stop as stop
    from gradwork.ops.sequence import written_out as written_out
    from gradwork.ops.spectra import eigh as eigh
    from gradwork.ops.spectra import svd as svd
    from gradwork.run import compile as compile
    from gradwork.run import function as function

__all__ = [
    "DerivativeError",
    "Derived",
    "Dim",
    "Expr",
    "FormulaError",
    "GradworkError",
    "ShapeError",
    "certify",
    "compile",
    "constant",
    "derivative",
    "dims",
    "eigh",
    "einsum",
    "errors",
    "function",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "matrix",
    "parse",
    "scalar",
    "scan",
    "simplify",
    "size",
    "stop",
    "svd",
    "symbol",
    "tensor",
    "vector",
    "vjp",
    "written_out",
]
__all__ += [*_FUNCTIONS, *_CONSTANTS]  # noqa: PLE0604  (they are strings)
