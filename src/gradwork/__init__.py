"""Gradwork: the gradient that shows its work.

Write a model or an objective as mathematics; read its derivative line by line; run exactly that.

>>> import gradwork as gw
>>> n, d = gw.dims("n", "d")
>>> X, y, b = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("b", d)
>>> print(gw.grad(gw.mean((y - X @ b) ** 2), b))
−2/n Xᵀ(y − Xb)
"""

from __future__ import annotations

from gradwork import interrupt as _interrupt

if _interrupt.is_command():
    _interrupt.install()  # before the rest is imported, for that takes a tenth of a second

# isort: split
import builtins
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
_PACKAGES = frozenset({"data", "families", "learn", "models", "nn", "stats"})


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


def _later(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f"gradwork.{name}")
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module 'gradwork' has no attribute {name!r}")
    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


if not TYPE_CHECKING:  # a type checker sees the names below, and no others
    __getattr__ = _later


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, *_PACKAGES})


# The same names with their signatures, for editors: written by `python -m tests.test_front_door`.
if TYPE_CHECKING:
    from gradwork import data as data
    from gradwork import families as families
    from gradwork import learn as learn
    from gradwork import models as models
    from gradwork import nn as nn
    from gradwork import stats as stats
    from gradwork.check.certificate import certify as certify
    from gradwork.expr.node import eye as eye
    from gradwork.formula import parse as parse
    from gradwork.learn.front import maximize as maximize
    from gradwork.learn.front import minimize as minimize
    from gradwork.learn.objective import Objective as Objective
    from gradwork.learn.optimizers.named import SGD as SGD
    from gradwork.learn.optimizers.named import Adagrad as Adagrad
    from gradwork.learn.optimizers.named import Adam as Adam
    from gradwork.learn.optimizers.named import AdamW as AdamW
    from gradwork.learn.optimizers.named import Momentum as Momentum
    from gradwork.learn.optimizers.named import Nesterov as Nesterov
    from gradwork.learn.optimizers.named import RMSprop as RMSprop
    from gradwork.learn.stopping import Stopping as Stopping
    from gradwork.models.fit import fit as fit
    from gradwork.ops.activations import elu as elu
    from gradwork.ops.activations import gelu as gelu
    from gradwork.ops.activations import hardsigmoid as hardsigmoid
    from gradwork.ops.activations import hardswish as hardswish
    from gradwork.ops.activations import hardtanh as hardtanh
    from gradwork.ops.activations import leaky_relu as leaky_relu
    from gradwork.ops.activations import mish as mish
    from gradwork.ops.activations import relu6 as relu6
    from gradwork.ops.activations import selu as selu
    from gradwork.ops.activations import softsign as softsign
    from gradwork.ops.activations import swish as swish
    from gradwork.ops.arithmetic import divide as divide
    from gradwork.ops.arithmetic import power as power
    from gradwork.ops.cardinal_sine import sinc as sinc
    from gradwork.ops.contraction import dot as dot
    from gradwork.ops.contraction import matmul as matmul
    from gradwork.ops.contraction import mean as mean
    from gradwork.ops.contraction import multiply as multiply
    from gradwork.ops.contraction import outer as outer
    from gradwork.ops.contraction import sum_ as sum
    from gradwork.ops.contraction import transpose as transpose
    from gradwork.ops.convolution import conv1d as conv1d
    from gradwork.ops.convolution import conv2d as conv2d
    from gradwork.ops.convolution import conv3d as conv3d
    from gradwork.ops.convolution import convolve as convolve
    from gradwork.ops.distributions import normal_logpdf as normal_logpdf
    from gradwork.ops.distributions import normal_pdf as normal_pdf
    from gradwork.ops.distributions import t_logcdf as t_logcdf
    from gradwork.ops.distributions import t_logpdf as t_logpdf
    from gradwork.ops.distributions import t_pdf as t_pdf
    from gradwork.ops.elementwise import abs as abs
    from gradwork.ops.elementwise import acosh as acosh
    from gradwork.ops.elementwise import arccos as arccos
    from gradwork.ops.elementwise import arcsin as arcsin
    from gradwork.ops.elementwise import arctan as arctan
    from gradwork.ops.elementwise import arctan2 as arctan2
    from gradwork.ops.elementwise import asinh as asinh
    from gradwork.ops.elementwise import atanh as atanh
    from gradwork.ops.elementwise import ceil as ceil
    from gradwork.ops.elementwise import clip as clip
    from gradwork.ops.elementwise import cos as cos
    from gradwork.ops.elementwise import cosh as cosh
    from gradwork.ops.elementwise import digamma as digamma
    from gradwork.ops.elementwise import equal as equal
    from gradwork.ops.elementwise import erf as erf
    from gradwork.ops.elementwise import erfc as erfc
    from gradwork.ops.elementwise import erfinv as erfinv
    from gradwork.ops.elementwise import exp as exp
    from gradwork.ops.elementwise import expm1 as expm1
    from gradwork.ops.elementwise import floor as floor
    from gradwork.ops.elementwise import gamma_function as gamma_function
    from gradwork.ops.elementwise import greater as greater
    from gradwork.ops.elementwise import greater_equal as greater_equal
    from gradwork.ops.elementwise import hypot as hypot
    from gradwork.ops.elementwise import less as less
    from gradwork.ops.elementwise import less_equal as less_equal
    from gradwork.ops.elementwise import lgamma as lgamma
    from gradwork.ops.elementwise import log as log
    from gradwork.ops.elementwise import log1p as log1p
    from gradwork.ops.elementwise import log2 as log2
    from gradwork.ops.elementwise import log10 as log10
    from gradwork.ops.elementwise import log_cosh as log_cosh
    from gradwork.ops.elementwise import log_normal_cdf as log_normal_cdf
    from gradwork.ops.elementwise import log_sigmoid as log_sigmoid
    from gradwork.ops.elementwise import logaddexp as logaddexp
    from gradwork.ops.elementwise import maximum as maximum
    from gradwork.ops.elementwise import minimum as minimum
    from gradwork.ops.elementwise import normal_cdf as normal_cdf
    from gradwork.ops.elementwise import normal_hazard as normal_hazard
    from gradwork.ops.elementwise import normal_ppf as normal_ppf
    from gradwork.ops.elementwise import not_equal as not_equal
    from gradwork.ops.elementwise import pi as pi
    from gradwork.ops.elementwise import polygamma as polygamma
    from gradwork.ops.elementwise import relu as relu
    from gradwork.ops.elementwise import sigmoid as sigmoid
    from gradwork.ops.elementwise import sign as sign
    from gradwork.ops.elementwise import sin as sin
    from gradwork.ops.elementwise import sinh as sinh
    from gradwork.ops.elementwise import softplus as softplus
    from gradwork.ops.elementwise import sqrt as sqrt
    from gradwork.ops.elementwise import step as step
    from gradwork.ops.elementwise import t_cdf as t_cdf
    from gradwork.ops.elementwise import t_ppf as t_ppf
    from gradwork.ops.elementwise import tan as tan
    from gradwork.ops.elementwise import tanh as tanh
    from gradwork.ops.elementwise import trunc as trunc
    from gradwork.ops.elementwise import where as where
    from gradwork.ops.elementwise import xlog1py as xlog1py
    from gradwork.ops.elementwise import xlogy as xlogy
    from gradwork.ops.indexing import broadcast_to as broadcast_to
    from gradwork.ops.indexing import concatenate as concatenate
    from gradwork.ops.indexing import gather as gather
    from gradwork.ops.indexing import gather as take
    from gradwork.ops.indexing import ones as ones
    from gradwork.ops.indexing import reshape as reshape
    from gradwork.ops.indexing import stack as stack
    from gradwork.ops.indexing import zeros_ as zeros
    from gradwork.ops.linalg import adjugate as adjugate
    from gradwork.ops.linalg import cholesky as cholesky
    from gradwork.ops.linalg import det as det
    from gradwork.ops.linalg import inv as inv
    from gradwork.ops.linalg import logdet as logdet
    from gradwork.ops.linalg import solve as solve
    from gradwork.ops.logarithms import exp2 as exp2
    from gradwork.ops.logarithms import logaddexp2 as logaddexp2
    from gradwork.ops.logarithms import logit as logit
    from gradwork.ops.matrix import cross as cross
    from gradwork.ops.matrix import diag as diag
    from gradwork.ops.matrix import diagonal as diagonal
    from gradwork.ops.matrix import einsum as einsum
    from gradwork.ops.matrix import kron as kron
    from gradwork.ops.matrix import matrix_power as matrix_power
    from gradwork.ops.matrix import trace as tr
    from gradwork.ops.matrix import trace as trace
    from gradwork.ops.matrix import tril as tril
    from gradwork.ops.matrix import triu as triu
    from gradwork.ops.norms import matrix_norm as matrix_norm
    from gradwork.ops.norms import norm as norm
    from gradwork.ops.norms import vector_norm as vector_norm
    from gradwork.ops.order import median as median
    from gradwork.ops.order import quantile as quantile
    from gradwork.ops.order import sort as sort
    from gradwork.ops.pooling import avgpool as avgpool
    from gradwork.ops.pooling import global_avgpool as global_avgpool
    from gradwork.ops.pooling import global_maxpool as global_maxpool
    from gradwork.ops.pooling import maxpool as maxpool
    from gradwork.ops.reduction import log_softmax as log_softmax
    from gradwork.ops.reduction import logsumexp as logsumexp
    from gradwork.ops.reduction import max_ as max
    from gradwork.ops.reduction import min_ as min
    from gradwork.ops.reduction import prod as prod
    from gradwork.ops.reduction import softmax as softmax
    from gradwork.ops.reduction import std as std
    from gradwork.ops.reduction import var as var
    from gradwork.ops.rounding import around as round
    from gradwork.ops.rounding import mod as mod
    from gradwork.ops.running import cumprod as cumprod
    from gradwork.ops.running import cumsum as cumsum
    from gradwork.ops.running import recurrence as recurrence
    from gradwork.ops.sequence import scan as scan
    from gradwork.ops.sequence import stop as stop
    from gradwork.ops.sequence import written_out as written_out
    from gradwork.ops.special import beta_function as beta_function
    from gradwork.ops.special import betaln as betaln
    from gradwork.ops.special import binom as binom
    from gradwork.ops.special import factorial as factorial
    from gradwork.ops.special import multigammaln as multigammaln
    from gradwork.ops.spectra import eigh as eigh
    from gradwork.ops.spectra import eigvalsh as eigvalsh
    from gradwork.ops.spectra import expm as expm
    from gradwork.ops.spectra import pinv as pinv
    from gradwork.ops.spectra import sqrtm as sqrtm
    from gradwork.ops.spectra import svd as svd
    from gradwork.ops.spectra import svdvals as svdvals
    from gradwork.ops.windows import flip as flip
    from gradwork.ops.windows import pad as pad
    from gradwork.ops.windows import window as window
    from gradwork.run import compile as compile
    from gradwork.run import function as function
    from gradwork.show.unroll import unroll as unroll
    from gradwork.store.folder import load as load

__all__ = [
    "DerivativeError",
    "Derived",
    "Dim",
    "Expr",
    "FormulaError",
    "GradworkError",
    "ShapeError",
    "certify",
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
# What has the name of a builtin (sum, max, abs, …) stays behind `gw.`, so that `import *` shadows none.
__all__ += [n for n in (*_FUNCTIONS, *_CONSTANTS, *_LATER) if not hasattr(builtins, n) and n not in __all__]
