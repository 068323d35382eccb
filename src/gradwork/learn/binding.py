"""From the arrays that are given to the sizes of every symbol, each mistake one clear line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.errors import GradworkError, ShapeError
from gradwork.expr.dims import Dim, shape_text
from gradwork.expr.node import Expr, facts, plain


def by_name(given: Mapping[Any, Any] | None, symbols: Mapping[str, Expr], what: str) -> dict[str, Any]:
    """Return the entries of a mapping by the names of symbols of the formula.

    Keys are symbols or names. `what` is "parameter" or "data". Raises GradworkError for a key that the
    formula does not hold (the nearest name is said), and for a symbol that is another one of the same name.

    >>> from gradwork.expr import scalar
    >>> x = scalar("x")
    >>> by_name({x: 1.0, "y": 2.0}, {"x": x, "y": scalar("y")}, "data")
    {'x': 1.0, 'y': 2.0}
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise GradworkError("is mapping from symbols to values", what=what, kind=type(given).__name__)
    found: dict[str, Any] = {}
    for key, value in given.items():
        key = plain(key)
        name = key.params[0] if isinstance(key, Expr) and key.op.name == "symbol" else key
        if not isinstance(name, str):
            raise GradworkError("neither symbol nor name", what=what, key=key)
        if name not in symbols:
            near = difflib.get_close_matches(name, symbols, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"its symbols are {', '.join(symbols)}"
            raise GradworkError("not in the formula", what=what, name=name, hint=hint)
        if isinstance(key, Expr) and key is not symbols[name]:
            ours, theirs = symbols[name], key
            if ours.shape != theirs.shape:
                detail = f"shape {shape_text(theirs.shape)}, in the formula {shape_text(ours.shape)}"
            else:
                detail = f"facts {sorted(facts(theirs))}, in the formula {sorted(facts(ours))}"
            raise GradworkError("another symbol of that name", what=what, name=name, detail=detail)
        if name in found:
            raise GradworkError("given twice", what=what, name=name)
        found[name] = value
    return found


def as_array(symbol: Expr, value: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return a value for a symbol as a C-contiguous array of the right kind and number of axes.

    Symbols declared `integer` keep whole numbers (they index); everything else becomes `dtype`. An array
    that already is what is wanted is not copied.
    """
    name = symbol.params[0]
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ShapeError("rows of different lengths", name=name) from error
    if array.dtype.kind == "O":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError):
            array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        what = (
            "text"
            if array.dtype.kind in "US"
            else "complex numbers"
            if array.dtype.kind == "c"
            else "objects"
        )
        raise GradworkError("holds formula needs numbers", name=name, what=what)
    if array.ndim != symbol.ndim:
        raise ShapeError("is given with shape", name=name, shape=array.shape, symbol_shape=symbol.shape)
    if "integer" in facts(symbol):
        if array.dtype.kind == "f" and not (array == np.round(array)).all():
            raise GradworkError(
                "not integer as declared", name=name, array=array[array != np.round(array)][0]
            )
        return np.asarray(array, dtype=np.int64, order="C")
    return np.asarray(array, dtype=dtype, order="C")


def check_finite(name: str, array: NDArray[Any]) -> None:
    """Raise GradworkError, naming row and column counted from 1, for the first value that is not finite."""
    if array.dtype.kind != "f":
        return
    # A sum is finite if all is, and costs one pass without temporaries; only if it is not we look closer.
    with np.errstate(invalid="ignore", over="ignore"):
        if np.isfinite(array.sum()):
            return
    bad = np.argwhere(~np.isfinite(array))
    if not len(bad):
        return
    at = bad[0]
    value = array[tuple(at)]
    place = "" if not len(at) else f" in row {at[0] + 1}" + (f", column {at[1] + 1}" if len(at) > 1 else "")
    more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
    raise GradworkError("is loss needs finite numbers", name=name, value=value, where=place, more=more)


def check_facts(symbol: Expr, array: NDArray[Any]) -> None:
    """Raise GradworkError where the data are not what their symbol declares: rules rely on it."""
    name, declared = symbol.params[0], facts(symbol)
    if "positive" in declared and not (array > 0).all():
        at = tuple(int(i) for i in np.argwhere(~(array > 0))[0])
        place = f" in row {at[0] + 1}" if at else ""
        raise GradworkError("is declared positive but", name=name, array=array[at], where=place)
    if "onehot" in declared:
        rows = np.atleast_2d(array)
        wrong = (((rows != 0) & (rows != 1)).any(axis=1)) | (rows.sum(axis=1) != 1)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise GradworkError("not one-hot as declared", name=name, row=row + 1)
    if "diagonal" in declared and np.count_nonzero(array - np.diag(np.diag(array))):
        raise GradworkError("is declared diagonal but has entries", name=name)
    if "symmetric" in declared and not np.array_equal(array, array.T):
        raise GradworkError("is declared symmetric but differs", name=name)
    if "orthogonal" in declared and not np.allclose(array.T @ array, np.eye(len(array)), atol=1e-8):
        raise GradworkError("is declared orthogonal but its columns", name=name)


def bind_sizes(
    arrays: Iterable[tuple[Expr, tuple[int, ...]]], given: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Return the integer of every named size, from the shapes of the arrays that are given.

    Sizes such as n − k + 1 are solved for the one name in them that is not known yet. Raises ShapeError
    where two arrays disagree, naming both.

    >>> from gradwork.expr import dims, matrix, vector
    >>> n, d = dims("n", "d")
    >>> bind_sizes([(matrix("X", n, d), (5, 3)), (vector("y", n), (5,))])
    {'n': 5, 'd': 3}
    """
    known: dict[str, int] = {}
    source: dict[str, str] = {}
    for name, value in (given or {}).items():
        known[str(name)], source[str(name)] = int(value), "as given"
    waiting = [(s, axis, dim, shape[axis]) for s, shape in arrays for axis, dim in enumerate(s.shape)]
    while waiting:
        rest = []
        for s, axis, dim, length in waiting:
            unknown = [name for name in sorted(dim.names) if name not in known]
            if len(unknown) > 1:
                rest.append((s, axis, dim, length))
                continue
            if unknown:
                known[unknown[0]] = _solve(s, dim, unknown[0], length, known)
                source[unknown[0]] = f"in {s.params[0]}"
            elif dim.evaluate(known) != length:
                raise ShapeError(_disagreement(s, dim, length, known, source))
        if len(rest) == len(waiting):
            break
        waiting = rest
    return known


def _solve(symbol: Expr, dim: Dim, name: str, length: int, known: dict[str, int]) -> int:
    at0, at1 = (dim.evaluate({**known, name: v}) for v in (0, 1))
    if at1 != at0:
        value, rest = divmod(length - at0, at1 - at0)
        if not rest and value >= 0 and dim.evaluate({**known, name: value}) == length:
            return value
    raise ShapeError("has axis of length which cannot", params=symbol.params[0], length=length, dim=dim)


def _disagreement(symbol: Expr, dim: Dim, length: int, known: dict[str, int], source: dict[str, str]) -> str:
    name = symbol.params[0]
    if dim.value is not None:
        return f"{name} has an axis of length {length}, the formula takes it as {dim.value}"
    (first,) = list(dim.names)[:1]
    if str(dim) == first:
        return f"the size {first} is {known[first]} {source[first]}, but {length} in {name}"
    parts = ", ".join(f"{n} = {known[n]}" for n in sorted(dim.names))
    return f"{name} has an axis of length {length}, but {dim} is {dim.evaluate(known)} ({parts})"


def shape_of(symbol: Expr, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Return the shape of a symbol as integers; ShapeError for a size that nothing determines."""
    for dim in symbol.shape:
        for name in sorted(dim.names):
            if name not in sizes:
                raise ShapeError("size in no data", name=name, params=symbol.params[0])
    return tuple(dim.evaluate(sizes) for dim in symbol.shape)
