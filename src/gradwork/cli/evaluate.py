"""`gradwork evaluate`: the value of a formula."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gradwork.cli.output import note, out
from gradwork.cli.values import gather, missing, written
from gradwork.errors import GradworkError
from gradwork.words.say import say


def evaluate(
    formula: str,
    pairs: Sequence[str] = (),
    at: str | None = None,
    table: Path | None = None,
    shapes: str | None = None,
) -> None:
    """Print the value of a formula; what was assumed goes to standard error."""
    from gradwork.expr.dims import Dim
    from gradwork.formula import parse_shapes, read
    from gradwork.formula.lexer import tokenize

    values = gather(pairs, at, table)
    words = {token.text for token in tokenize(formula) if token.kind == "name"}
    declared = parse_shapes(shapes)
    # A column that the formula does not hold is left alone; a value that was typed is not.
    used = {name: value for name, value in values.items() if name in words}
    known = {name: tuple(Dim.of(k) for k in v.shape) for name, v in used.items() if name not in declared}
    reading = read(formula.strip(), {**declared, **known})
    absent = [name for name in reading.symbols if name not in values]
    if absent:
        raise missing(absent, list(values))
    for line in reading.assumptions:
        note(say("assumed", line=line))
    given = {name: values[name] for name in reading.expr.symbols}
    try:
        out(written(reading.expr.evaluate(**given)))
    except ArithmeticError as error:
        raise GradworkError(str(error)) from None
