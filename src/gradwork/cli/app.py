"""The commands and their options. A command's work is in a module of its own, imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gradwork.cli import learning

app = typer.Typer(
    name="gradwork",
    help="The gradient that shows its work: write mathematics, read its derivative line by line, fit it to data.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from gradwork import __version__

        print(f"gradwork {__version__}")
        raise typer.Exit()


@app.callback()
def start(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The gradient that shows its work."""


@app.command(short_help="Derive a formula: its gradient, line by line, checked, as mathematics or as code.")
def derive(
    formula: Annotated[
        str, typer.Argument(metavar="FORMULA", help='What to derive, such as "mean((y - X@b)^2)".')
    ],
    wrt: Annotated[
        list[str] | None,
        typer.Option("--wrt", metavar="NAME", help="The variable; several times for several."),
    ] = None,
    shapes: Annotated[
        str | None, typer.Option(metavar="SHAPES", help='Shapes and facts: "X: n d, Y: n k onehot".')
    ] = None,
    order: Annotated[int, typer.Option(help="1 for the gradient, 2 for the Hessian, and so on.")] = 1,
    jacobian: Annotated[
        bool, typer.Option("--jacobian", help="The Jacobian, for a formula that is no scalar.")
    ] = False,
    steps: Annotated[bool, typer.Option("--steps", help="The derivation, line by line.")] = False,
    detail: Annotated[
        str | None,
        typer.Option(
            help="The derivation for a class (board), for a pupil (slow), or every rewrite (engine)."
        ),
    ] = None,
    manner: Annotated[
        str | None,
        typer.Option(help="The derivation by adjoints (backprop) or by differentials (differential)."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT",
            help="Only the result, as text, unicode, latex, mathml, numpy, jax, torch or json.",
        ),
    ] = None,
    expand: Annotated[bool, typer.Option("--expand", help="Multiply products of sums out.")] = False,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Check the result numerically.")] = True,
    structure: Annotated[
        str,
        typer.Option(help="By a symmetric, diagonal, … symbol: within its structure, free or by entries."),
    ] = "within",
) -> None:
    """Derive a formula: its gradient, line by line, checked, as mathematics or as code."""
    from gradwork.cli.derive import Request, derive

    shown = steps or detail is not None or manner is not None  # how to show the lines asks for them
    chosen = "engine" if detail == "full" else detail or "board"
    manner = manner or "backprop"
    derive(
        Request(
            formula, wrt or [], shapes, order, jacobian, shown, chosen, manner, to, expand, check, structure
        )
    )


@app.command(short_help="Evaluate a formula at given values: softmax([1, 2, 3]).")
def evaluate(
    formula: Annotated[str, typer.Argument(metavar="FORMULA", help='What to compute: "softmax([1, 2, 3])".')],
    values: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help='Values: "X=[1 2; 3 4]" k=27.')
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="VALUES", help='Several values: "x=[.05, .1], k=27".')
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option("--with", metavar="TABLE", help="A table whose columns are vectors by name."),
    ] = None,
    shapes: Annotated[
        str | None, typer.Option(metavar="SHAPES", help='Shapes and facts: "X: n d, Y: n k onehot".')
    ] = None,
) -> None:
    """Evaluate a formula at given values; the values of names are numbers, vectors and matrices."""
    from gradwork.cli.evaluate import evaluate as run

    run(formula, values or [], at, table, shapes)


@app.command(short_help="List the operations that formulas are made of, with their laws.")
def ops(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One operation in full.")] = None,
) -> None:
    """List the operations that formulas are made of, with their laws."""
    from gradwork.cli.ops import show_operations

    show_operations(name)


learning.register(app)
