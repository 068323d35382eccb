"""NumPy's own functions called with expressions: np.sum(x) is gw.sum(x), and never something else."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from gradwork.errors import GradworkError
from gradwork.expr.node import UFUNCS, Expr, constant

_ALIASES = {"amax": "max", "amin": "min", "around": "round"}
# What NumPy has another default for than Gradwork: the first two axes, all axes.
_EXPLICIT = frozenset({"np.trace", "np.diagonal"})
# What NumPy's signatures call optional, and is an argument all the same.
_INPUTS = {"clip": ("a_min", "a_max", "min", "max"), "where": ("x", "y")}


@lru_cache(maxsize=500)
def _parameters(function: Callable) -> inspect.Signature:
    return inspect.signature(function)


def call(function: Any, args: tuple, kwargs: Mapping[str, Any]) -> Expr:
    """Return what one of NumPy's functions is of expressions; refuse options that Gradwork does not have."""
    name = function.__name__
    spelled = f"{function.__module__}.{name}".replace("numpy", "np", 1)
    ours = UFUNCS.get(str(_ALIASES.get(name, name)))
    if ours is None:
        raise GradworkError("not an operation", spelled=spelled)
    try:
        given = _parameters(function).bind(*args, **kwargs)
    except TypeError as error:
        raise GradworkError(f"{spelled}: {error}") from None
    inputs, options = [], {}
    if spelled in _EXPLICIT:
        given.apply_defaults()
    for key, parameter in _parameters(function).parameters.items():
        if key not in given.arguments or parameter.kind is inspect.Parameter.VAR_KEYWORD:
            continue
        value = given.arguments[key]
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            inputs.extend(value)
        elif parameter.default is inspect.Parameter.empty or key in _INPUTS.get(name, ()):
            inputs.append(value)
        elif spelled in _EXPLICIT and key in _parameters(ours).parameters:
            options[key] = value
        elif value is parameter.default or (type(value) in (int, str, bool) and value == parameter.default):
            continue
        elif key in _parameters(ours).parameters and value is not None:
            options[key] = value
        else:
            raise GradworkError("option of NumPy not taken", spelled=spelled, key=key, value=value)
    extra = dict(given.arguments.get("kwargs", ()))
    if name == "pad" and "constant_values" in extra:
        options["value"] = extra.pop("constant_values")
    more = next(iter(extra), None)
    if more is not None:
        raise GradworkError("argument of NumPy not taken", spelled=spelled, more=more)
    if name in ("cumsum", "cumprod") and "axis" not in options and constant(inputs[0]).ndim > 1:
        raise GradworkError("matrix needs an axis", spelled=spelled)
    if name == "take" and "axis" not in options and constant(inputs[0]).ndim > 1:
        raise GradworkError("matrix needs an axis", spelled=spelled)
    try:
        _parameters(ours).bind(*inputs, **options)
    except TypeError as error:
        raise GradworkError("NumPy call failed", spelled=spelled, error=error) from None
    return ours(*inputs, **options)
