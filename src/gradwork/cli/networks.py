"""`gradwork fit --model mlp|conv|rnn|gru|lstm`: the options of networks, and how one is fitted and described."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradwork.errors import GradworkError
from gradwork.words.say import say

if TYPE_CHECKING:
    from gradwork.cli.fit import Request

NORMALISE = ("features", "channels")


def is_arrays(path: Path) -> bool:
    """Return whether a file is one of arrays, by its name.

    >>> is_arrays(Path("digits.npz")), is_arrays(Path("digits.csv"))
    (True, False)
    """
    return path.suffix.lower() == ".npz"


def check_network_options(request: Request) -> None:
    """Raise GradworkError for options that do not go with the model that is asked for."""
    from gradwork.models.networks.names import NETWORKS, parse_network

    if not request.network:
        for option, value in (
            ("--activation", request.activation), ("--image", request.image), ("--sequence", request.sequence),
            ("--normalise", request.normalise), ("--l2", request.l2), ("--task", request.task),
        ):  # fmt: skip
            if value is not None:
                raise GradworkError("option of networks", option=option, networks=", ".join(NETWORKS))
        if is_arrays(request.table):
            raise GradworkError(
                "arrays need a network", table=request.table.name, networks=", ".join(NETWORKS)
            )
        return
    for option, given in (
        ("--formula", request.formula is not None), ("--loss", request.loss is not None),
        ("--solver", request.solver not in ("auto", "gd")), ("--no-intercept", not request.intercept),
        ("--std-errors", request.errors is not None),
    ):  # fmt: skip
        if given:
            raise GradworkError("not with network", option=option, model=request.model)
    if request.normalise is not None and not request.scale:
        raise GradworkError("normalise without scale")
    if request.task not in (None, "classes", "numbers"):
        raise GradworkError("task", task=request.task)
    if request.l2 is not None and not 0 <= request.l2 < float("inf"):
        raise GradworkError("l2", l2=f"{request.l2:g}")
    # What the options say is read before the table, which may be large.
    assert request.model is not None
    parse_network(request.model)
    normalisation(request.normalise)
    image_of(request)
    sequence_of(request)


def normalisation(text: str | None) -> Any:
    """Return what --normalise asks for: "features", "channels", or means and deviations.

    >>> normalisation("0.5,0.4/0.25,0.2")
    ([0.5, 0.4], [0.25, 0.2])
    """
    if text is None or text in NORMALISE:
        return text
    parts = text.split("/")
    try:
        means, deviations = ([float(v) for v in part.split(",")] for part in parts)
    except ValueError as error:
        raise GradworkError("normalise", given=text) from error
    if len(means) != len(deviations):
        raise GradworkError("normalise lengths", means=len(means), deviations=len(deviations))
    return means, deviations


def image_of(request: Request) -> tuple[int, int, int] | None:
    """Return height, width and channels of the images."""
    from gradwork.data.images import image_shape

    return None if request.image is None else image_shape(request.image)


def sequence_of(request: Request) -> tuple[str, str] | None:
    """Return the columns of the id and of the time."""
    if request.sequence is None:
        return None
    if len(request.sequence) != 2:
        raise GradworkError("sequence", given=",".join(request.sequence))
    return request.sequence[0], request.sequence[1]


def read_data(request: Request) -> Any:
    """Return the arrays of an .npz file."""
    from gradwork.data.images import read_samples

    return read_samples(request.table, request.target or "y")


def learn_network(request: Request, data: Any, run: dict[str, Any]) -> Any:
    """Return the fitted network; `run` holds the callbacks and the checkpoint."""
    from gradwork.models.networks.learn import fit_network

    assert request.model is not None
    validation = 0.1 if request.validation is None else request.validation
    return fit_network(
        data,
        request.target,
        request.model,
        features=request.features,
        task=request.task or "auto",
        activation=request.activation,
        image=image_of(request),
        sequence=sequence_of(request),
        optimizer=request.optimizer,
        learning_rate=request.learning_rate,
        epochs=request.epochs,
        batch_size=request.batch_size,
        validation=validation,
        patience=20 if request.patience is None and validation else request.patience,
        l2=request.l2,
        normalise=normalisation(request.normalise),
        scale=request.scale,
        seed=request.seed,
        missing=request.missing,
        unusable="leave out" if request.leave_out else "error",
        **run,
    )


def network_page(
    request: Request, fitted: Any, data: Any, made: list[tuple[str, str]], diagnosis: str
) -> str:
    """Return the page of a fitted network."""
    from gradwork.report.describe import columns
    from gradwork.report.network import describe_network
    from gradwork.report.page import render_page

    shown = ()
    if fitted.inputs.kind == "sequences" or (fitted.inputs.kind == "rows" and fitted.model.kind != "conv"):
        # The pixels of an image are no columns to read about one by one.
        shown = columns(data, fitted.target, [f.name for f in fitted.inputs.encoding.features])
    title = say("network title", target=fitted.target, source=fitted.source)
    content = describe_network(
        fitted.model, fitted.details["X"], fitted.details["y"], fitted.model.held, title=title, target=fitted.target,
        heading=fitted.heading, notes=fitted.notes, command=request.command, provenance=made, diagnosis=diagnosis,
        columns=shown,
    )  # fmt: skip
    return render_page(content)
