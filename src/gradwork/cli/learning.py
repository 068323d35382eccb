"""The commands that learn from tables, and their options: fit, predict, show, race, optimizers."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

Table = Annotated[
    Path, typer.Argument(metavar="TABLE", help="A CSV (also .gz) or Parquet file; for a network also .npz.")
]
Target = Annotated[str | None, typer.Option(metavar="COLUMN", help="The column to predict.")]
Features = Annotated[
    str | None,
    typer.Option(metavar="COLUMNS", help="The columns to predict from, with commas; all others by default."),
]
ModelName = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        help="linear, poly:3, poly:2:interactions, ridge:0.1, logistic, softmax, poisson, gamma, or a network: "
        "mlp:64,32, conv:8,16, rnn:64, gru:64, lstm:64; by the target by default.",
    ),
]
Loss = Annotated[
    str | None, typer.Option(help="Of a linear model: mse, mae, rmse, huber, huber:1.5 or pinball:0.9.")
]
Rate = Annotated[float | None, typer.Option("--learning-rate", help="The step of a descent.")]
Epochs = Annotated[int | None, typer.Option(help="Passes over the data.")]
BatchSize = Annotated[int | None, typer.Option("--batch-size", help="Rows of a step; all by default.")]
Scale = Annotated[bool, typer.Option("--scale/--no-scale", help="Standardise columns inside for a descent.")]
Seed = Annotated[int, typer.Option(help="Makes a run repeat exactly.")]
Validation = Annotated[float | None, typer.Option(help="Hold out this share of the rows, such as 0.2.")]
LeaveOut = Annotated[
    bool, typer.Option("--leave-out", help="Leave out columns that cannot be used (constant, dates, names).")
]
Missing = Annotated[str, typer.Option(help="Missing values: error, drop the rows, or fill in the mean.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (fit, predict, show, race, optimizers):
        app.command(short_help=command.__doc__)(command)  # else the list of commands cuts it short


def fit(
    context: typer.Context,
    table: Table,
    target: Target = None,
    features: Features = None,
    model: ModelName = None,
    loss: Loss = None,
    formula: Annotated[
        str | None,
        typer.Option(
            help="Any formula over the columns: 'mean((y - (a*exp(-k*x) + c))^2)'; `odd names` in backquotes."
        ),
    ] = None,
    params: Annotated[
        str | None, typer.Option(help='Its parameters with their starts: "a=1, k=0.1, c=0".')
    ] = None,
    solver: Annotated[str, typer.Option(help="auto, closed, gd, lbfgs, newton or lm.")] = "auto",
    optimizer: Annotated[
        str | None, typer.Option(help="Descend by sgd, momentum, nesterov, adagrad, rmsprop, adam or adamw.")
    ] = None,
    learning_rate: Rate = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    patience: Annotated[
        int | None, typer.Option(help="Stop after so many epochs without a better validation loss.")
    ] = None,
    validation: Validation = None,
    scale: Scale = True,
    intercept: Annotated[
        bool, typer.Option("--intercept/--no-intercept", help="With or without a constant.")
    ] = True,
    missing: Missing = "error",
    leave_out: LeaveOut = False,
    errors: Annotated[
        str | None, typer.Option("--std-errors", help="observed (by the Hessian), or HC0 or HC1 (sandwich).")
    ] = None,
    level: Annotated[float, typer.Option(help="Of the intervals.")] = 0.95,
    seed: Seed = 0,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the model goes; TABLE-MODEL/ by default.")
    ] = None,
    overwrite: Overwrite = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a descent that was cut off.")] = False,
    page: Annotated[bool, typer.Option("--page/--no-page", help="Make report.html.")] = True,
    task: Annotated[
        str | None, typer.Option(help="Of a network: classes or numbers; by the target by default.")
    ] = None,
    activation: Annotated[
        str | None, typer.Option(help="Of mlp and conv: relu, tanh, sigmoid, gelu, …")
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Of conv: the columns are the pixels of images, 28x28 or 32x32x3."),
    ] = None,
    sequence: Annotated[
        str | None,
        typer.Option(
            metavar="ID,TIME", help="Of rnn, gru, lstm: one row for each step; these name id and time."
        ),
    ] = None,
    normalise: Annotated[
        str | None,
        typer.Option(
            metavar="HOW",
            help="Of a network: features, channels, or means/deviations such as 0.5,0.4/0.2,0.2.",
        ),
    ] = None,
    l2: Annotated[float | None, typer.Option("--l2", help="Of a network: the penalty λ of λ Σ W².")] = None,
    script: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a descent down as a program that needs no Gradwork."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Fit a model to a table: say what was done, print the summary, leave a model and a page."""
    from gradwork.cli.fit import Request, run_fit

    # A run that was resumed is the run as it would have been: the same command without --resume makes it again.
    words = ["gradwork", *(word for word in context.find_root().obj if word != "--resume")]
    run_fit(
        Request(
            table, target, _listed(features), model, loss, formula, params, solver, optimizer, learning_rate, epochs,
            batch_size, patience, validation, scale, intercept, missing, leave_out, errors, level, seed, out, overwrite,
            resume, page, quiet, shlex.join(words), task, activation, image,
            _listed(sequence), normalise, l2, script,
        )
    )  # fmt: skip


def predict(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A model's folder, as fit leaves it.")],
    table: Table,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="The probability of each class too.")
    ] = False,
    intervals: Annotated[
        bool, typer.Option("--intervals", help="The interval of each prediction too.")
    ] = False,
    level: Annotated[float | None, typer.Option(help="Of the intervals; that of the fit by default.")] = None,
) -> None:
    """Predict the rows of a table: CSV on standard output, the column `prediction` first."""
    from gradwork.cli.predict import run_predict

    run_predict(folder, table, probabilities, intervals, level)


def show(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A model's folder.")]) -> None:
    """Print the summary of a fitted model again."""
    from gradwork.cli.predict import run_show

    run_show(folder)


def race(
    table: Table,
    target: Target = None,
    features: Features = None,
    model: ModelName = None,
    loss: Loss = None,
    optimizers: Annotated[
        str, typer.Option(metavar="NAMES", help="With commas; each may have a rate: adam:0.01.")
    ] = "sgd,momentum,adagrad,rmsprop,adam",
    learning_rate: Rate = None,
    epochs: Annotated[int, typer.Option(help="Passes over the data.")] = 50,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", help="Rows of a step; 32 by default.")
    ] = None,
    validation: Validation = None,
    scale: Scale = True,
    missing: Missing = "error",
    leave_out: LeaveOut = False,
    seeds: Annotated[int, typer.Option(help="How many orders of the rows.")] = 5,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The picture (.svg, .png, .pdf); TABLE-race.svg by default."),
    ] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Race optimizers on a table: the same start and the same batches for all, a table and a picture."""
    from gradwork.cli.race import Race, run_race

    run_race(
        Race(
            table, target, _listed(features), model, loss, _listed(optimizers) or [], learning_rate, epochs, batch_size,
            validation, scale, missing, leave_out, seeds, seed, out, overwrite, quiet,
        )
    )  # fmt: skip


def optimizers(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One in full.")] = None,
) -> None:
    """List the optimizers, with their update and when to use which."""
    from gradwork.cli.optimizers import show_optimizers

    show_optimizers(name)


def _listed(text: str | None) -> list[str] | None:
    """Return names separated by commas; a name with a comma stands in double quotes.

    >>> _listed('a, "b, c",d')
    ['a', 'b, c', 'd']
    """
    if text is None:
        return None
    import csv

    return [part.strip() for part in next(csv.reader([text], skipinitialspace=True), []) if part.strip()]
