"""The names of a formula over a table: its parameters with their starts, its columns with their numbers.

A column whose name is no symbol stands in backquotes, `petal width (cm)`; in the expression it is spelled as one,
petal_width_cm.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.data.tables import Table
from gradwork.errors import FormulaError, GradworkError, TableError
from gradwork.expr import Dim, Expr, scalar, vector
from gradwork.words.notes import Caution, Line

Array = NDArray[Any]


def parse_params(params: Any) -> dict[str, float]:
    """Return the starts of parameters from "a=1, k=0.1", or from a mapping.

    >>> parse_params("a=1, k = 0.1")
    {'a': 1.0, 'k': 0.1}
    """
    if isinstance(params, Mapping):
        pairs = list(params.items())
    elif isinstance(params, str) and params.strip():
        pairs = []
        for part in params.split(","):
            name, sign, value = part.partition("=")
            if not sign:
                raise GradworkError("parameter is given with its start", strip=part.strip())
            pairs.append((name.strip(), value.strip()))
    else:
        raise GradworkError("name parameters of formula with their")
    found: dict[str, float] = {}
    for name, value in pairs:
        if not isinstance(name, str) or not name.isidentifier():
            raise GradworkError("name of a parameter", name=name)
        if name in found:
            raise GradworkError("parameter is given twice", name=name)
        try:
            found[name] = float(value)
        except (TypeError, ValueError) as error:
            raise GradworkError("start not a number", name=name, value=value) from error
        if not np.isfinite(found[name]):
            raise GradworkError("start not finite, formula", name=name, found=found[name])
    return found


def parse_columns(formula: str, columns: Iterable[str], parameters: Iterable[str]) -> Expr:
    """Return a formula whose names are columns (vectors of size n) and parameters (numbers)."""
    from gradwork.formula import parse

    symbols = [*columns, *parameters]
    size = Dim.of("n" if "n" not in symbols else "rows_")
    shapes = {name: vector(name, size) for name in columns} | {name: scalar(name) for name in parameters}
    return parse(formula, symbols=shapes)


@dataclass(frozen=True)
class Named:
    """A formula that was read over a table, and its columns by the symbols that stand for them."""

    expression: Expr
    columns: dict[str, str]


def read_formula(formula: str, table: Table, starts: Mapping[str, float]) -> Named:
    """Return a formula over the columns of a table; GradworkError for a name that is neither column nor parameter.

    >>> table = Table.from_any({"petal width": [1.0, 2.0]})
    >>> read_formula("mean((`petal width` - m)^2)", table, {"m": 0.0}).columns
    {'petal_width': 'petal width'}
    >>> read_formula("mean((petal width - m)^2)", table, {"m": 0.0})
    Traceback (most recent call last):
        ...
    gradwork.errors.FormulaError: a column whose name is no symbol stands in backquotes: `petal width`
      mean((petal width - m)^2)
            ^^^^^^^^^^^
    """
    try:
        columns = {
            symbol: name
            for symbol, name in symbols_of(formula).items()
            if name in table and symbol not in starts
        }
        expression = parse_columns(formula, columns, starts)
        _check_names(expression, table, starts, columns)
    except GradworkError as error:
        raise _unquoted(formula, table) or error from None
    return Named(expression, columns)


def symbols_of(formula: str) -> dict[str, str]:
    """Return the names in a formula by the symbols that they are read as.

    >>> symbols_of("mean((`log price` - x₁)^2)")
    {'mean': 'mean', 'log_price': 'log price', 'x1': 'x1'}
    """
    from gradwork.formula.lexer import quoted_names, tokenize

    return {t.text: t.text for t in tokenize(formula) if t.kind == "name"} | quoted_names(formula)


def spelled(column: str) -> str:
    """Return a column's name as a formula holds it, in backquotes where it must be.

    >>> spelled("price"), spelled("petal width (cm)"), spelled("log-price")
    ('price', '`petal width (cm)`', '`log-price`')
    """
    return column if _is_symbol(column) else f"`{column}`"


def _is_symbol(column: str) -> bool:
    from gradwork.formula.lexer import tokenize
    from gradwork.ops import FUNCTIONS

    try:
        tokens = tokenize(column)
    except FormulaError:
        return False
    return (
        [t.kind for t in tokens] == ["name", "end"] and tokens[0].text == column and column not in FUNCTIONS
    )


def _unquoted(formula: str, table: Table) -> FormulaError | None:
    """Return the error that a column's name needs backquotes, if one stands in the formula without them."""
    from gradwork.formula.lexer import fail

    # What is in backquotes already does not count; blanks keep the places.
    bare = "".join(part if i % 2 == 0 else " " * (len(part) + 2) for i, part in enumerate(formula.split("`")))
    for name in sorted((n for n in table.names if not _is_symbol(n) and n.strip()), key=len, reverse=True):
        at = bare.find(name)
        while at >= 0:
            before, after = bare[at - 1 : at], bare[at + len(name) : at + len(name) + 1]
            inside = (name[0].isalnum() and (before.isalnum() or before == "_")) or (
                name[-1].isalnum() and (after.isalnum() or after == "_")
            )
            if not inside and not (name.isidentifier() and after == "("):
                message = f"a column whose name is no symbol stands in backquotes: `{name}`"
                return fail(formula, message, (at, at + len(name), "^"))
            at = bare.find(name, at + 1)
    return None


def _check_names(
    expression: Expr, table: Table, starts: Mapping[str, float], columns: Mapping[str, str]
) -> None:
    held = expression.symbols
    for name in starts:
        if name not in held:
            raise GradworkError("parameter is not in formula", name=name)
    unknown = [name for name in held if name not in starts and name not in columns]
    shown = ", ".join(spelled(name) for name in table.names[:30])
    if unknown:
        near = difflib.get_close_matches(unknown[0], [*table.names, *starts], 1)
        shown_near = [f"'{name}'" if spelled(name) == name else spelled(name) for name in near]
        hint = f"; did you mean {shown_near[0]}?" if near else ""
        raise GradworkError(
            "formula names which is neither column", unknown=unknown[0], hint=hint, shown=shown
        )
    if not columns:
        raise GradworkError("formula names no column", source=table.source, shown=shown)


def numbers_of(
    table: Table, columns: Mapping[str, str], missing: str
) -> tuple[dict[str, Array], NDArray[np.int64], list[Line]]:
    """Return the numbers of columns by symbol, which rows they are, and what is to be said of rows left out."""
    values = {symbol: table.numbers(name) for symbol, name in columns.items()}
    gone = np.logical_or.reduce([np.isnan(v) for v in values.values()])
    if not gone.any():
        return values, np.arange(table.rows), []
    rows = table.row_numbers(np.flatnonzero(gone))
    if missing == "error":
        first = next(columns[symbol] for symbol, v in values.items() if np.isnan(v).any())
        raise TableError("values are missing in first column", place=table.source, rows=rows, first=first)
    if missing != "drop":
        raise TableError("for formula missing is error'", missing=missing)
    kept = np.flatnonzero(~gone)
    if len(kept) == 0:
        raise TableError("every row misses value that formula", place=table.source)
    notes: list[Line] = [Caution("rows missing values", dropped=int(gone.sum()), rows=table.rows)]
    return {symbol: v[kept] for symbol, v in values.items()}, kept, notes


def as_table(data: Any) -> Table:
    """Return new rows as a table: a path, a data frame, a dict of columns."""
    if isinstance(data, str) or hasattr(data, "__fspath__"):
        from gradwork.data.reading import read_table

        return read_table(data)
    return Table.from_any(data)


def complete(table: Table, name: str) -> Array:
    """Return the numbers of a column in which none may be missing."""
    values = table.numbers(name)
    if np.isnan(values).any():
        row = int(np.flatnonzero(np.isnan(values))[0])
        raise TableError("step misses a value", where=table.place(row, name))
    return values
