"""`gradwork fit`: from a table to a fitted, explained and saved model."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from gradwork.cli.networks import (
    check_network_options,
    is_arrays,
    learn_network,
    network_page,
    read_data,
)
from gradwork.cli.output import note, out, text_width, write_file
from gradwork.errors import GradworkError
from gradwork.words.say import say

WIDTH = 96  # of the diagnosis, where the terminal is no narrower


@dataclass(frozen=True)
class Request:
    """What `gradwork fit` was asked for."""

    table: Path
    target: str | None
    features: list[str] | None = None
    model: str | None = None
    loss: str | None = None
    formula: str | None = None
    params: str | None = None
    solver: str = "auto"
    optimizer: str | None = None
    learning_rate: float | None = None
    epochs: int | None = None
    batch_size: int | None = None
    patience: int | None = None
    validation: float | None = None
    scale: bool = True
    intercept: bool = True
    missing: str = "error"
    leave_out: bool = False
    errors: str | None = None
    level: float = 0.95
    seed: int = 0
    folder: Path | None = None
    overwrite: bool = False
    resume: bool = False
    page: bool = True
    quiet: bool = False
    command: str = ""
    task: str | None = None
    activation: str | None = None
    image: str | None = None
    sequence: list[str] | None = None
    normalise: str | None = None
    l2: float | None = None
    script: Path | None = None

    @property
    def network(self) -> bool:
        """Whether the model is a network."""
        from gradwork.models.networks.names import names_network

        return names_network(self.model)

    @property
    def descends(self) -> bool:
        """Whether an optimizer descends, so that there is a run to resume."""
        # The rows that --validation holds out are scored whichever way the others are learned.
        asked = (self.optimizer, self.learning_rate, self.epochs, self.batch_size)
        return self.network or any(value is not None for value in asked)


class Diverged(GradworkError):
    """A run that ended with a loss that grew or left the numbers: explained, and not saved."""

    label = ""


def run_fit(request: Request) -> None:
    """Fit, print the summary, save the folder; GradworkError for bad input."""
    from gradwork.data import read_table
    from gradwork.store.folder import check_free

    check_options(request)
    if request.folder is not None:
        check_free(request.folder, request.overwrite)
    arrays = is_arrays(request.table)
    table = read_data(request) if arrays else read_table(request.table)
    if request.target is not None and not arrays:
        table[request.target]
    folder = request.folder or Path(default_folder(request, table))
    check_free(folder, request.overwrite)
    began = time.time()
    try:
        _learn_and_save(request, table, folder)
    except KeyboardInterrupt:  # after the descent, which heeds it by itself
        kept = checkpoint_of(folder)
        if not request.descends or not kept.exists() or kept.stat().st_mtime < began:
            raise
        note(say("interrupted fit", path=kept))
        raise typer.Exit(130) from None


def _learn_and_save(request: Request, table: Any, folder: Path) -> None:
    fitted = learn(request, table, folder)
    found = explain(fitted)
    if _diverged(fitted):
        checkpoint_of(folder).unlink(missing_ok=True)  # there is nothing to go on with
        raise Diverged(fitted.fit.reason if found is None else found.text(width=min(WIDTH, text_width())))
    saved: list[str] = []
    try:  # before anything is printed: the reader of the output may have gone
        saved.append(save(request, fitted, table, folder, fitted.summary(), _advice(found)))
        if request.script is not None:
            write_file(request.script, fitted.script().encode())
            saved.append(say("script", path=request.script, table=request.table))
    finally:  # what was learned is shown also where it cannot be saved
        out(fitted.summary(text_width()))
        if _advice(found) and not fitted.fit.converged:
            out("\n" + _advice(found, text_width()))
        for sentence in saved:
            out(sentence)
    if _kind(fitted) == "interrupted":
        if request.descends:  # a solver leaves no run to go on with
            note(say("interrupted fit", path=checkpoint_of(folder)))
        raise typer.Exit(130)


def check_options(request: Request) -> None:
    """Raise GradworkError for options that contradict each other or make no sense, before anything is read."""
    check_network_options(request)
    if request.formula is None and request.target is None and not is_arrays(request.table):
        raise GradworkError("target or formula")
    if request.formula is not None:
        for name, value in (
            ("--target", request.target), ("--features", request.features), ("--model", request.model),
            ("--loss", request.loss),
        ):  # fmt: skip
            if value is not None:
                raise GradworkError("not with formula", option=name)
        if not request.params:
            raise GradworkError("no params")
    elif request.params is not None:
        raise GradworkError("params without formula")
    rate = request.learning_rate
    if rate is not None and not 0 < rate < float("inf"):
        raise GradworkError("learning rate", rate=f"{rate:g}")
    for option, count in (
        ("--epochs", request.epochs),
        ("--batch-size", request.batch_size),
        ("--patience", request.patience),
    ):
        if count is not None and count < 1:
            raise GradworkError("count", option=option, count=count)
    if request.validation is not None and not (
        0 < request.validation < 1 or request.network and request.validation == 0
    ):
        raise GradworkError("share", share=f"{request.validation:g}")
    if not 0 < request.level < 1:
        raise GradworkError("level bounds", level=f"{request.level:g}")
    if request.seed < 0:
        raise GradworkError("seed", seed=request.seed)
    if request.script is not None:
        if request.network:
            raise GradworkError("no network script")
        if not request.descends:
            raise GradworkError("no script")
        if request.table.suffix.lower() in (".parquet", ".pq"):
            raise GradworkError("script reads csv", table=request.table)
        if request.script.exists() and not request.overwrite:
            raise GradworkError("file exists", path=request.script, option="--script")
    if request.resume and not request.descends:
        raise GradworkError("nothing to resume")
    if request.patience is not None and not request.descends:
        raise GradworkError("patience needs descent")


def default_folder(request: Request, table: Any) -> str:
    """Return the name of the folder: that of the table and that of the model, by the target where none is named."""
    stem = stem_of(request.table)
    if request.formula is not None:
        return f"{stem}-formula"
    name = (request.model or "").strip().lower().split(":")[0]
    if not name:
        from gradwork.data import target
        from gradwork.models.fit import BY_KIND

        assert request.target is not None
        column = table[request.target]
        part = table.take(~column.missing) if column.missing.any() and not column.missing.all() else table
        try:
            name = BY_KIND[target(part, request.target).kind]
        except GradworkError:
            name = "model"  # the fit says what is wrong with the target, and no folder comes of it
    return f"{stem}-{name}"


def stem_of(path: Path) -> str:
    """Return the name of a table without its endings.

    >>> stem_of(Path("data/houses.csv.gz"))
    'houses'
    """
    stem = path.name
    for ending in (".npz", ".gz", ".csv", ".tsv", ".txt", ".parquet", ".pq"):
        stem = stem.removesuffix(ending)
    return stem


def learn(request: Request, table: Any, folder: Path) -> Any:
    """Return the fitted model; a descent is shown as it goes, and leaves a checkpoint until it is saved."""
    from gradwork.cli.progress import view
    from gradwork.models.fit import fit

    checkpoint = checkpoint_of(folder) if request.descends else None
    if checkpoint is not None and checkpoint.exists() and not request.resume:
        note(say("checkpoint is there", path=checkpoint))
    if checkpoint is not None and request.resume and not checkpoint.exists():
        raise GradworkError("no checkpoint", path=checkpoint)
    if checkpoint is not None:
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
    watching = view(request.quiet)
    try:
        if request.network:
            run = {"callbacks": watching, "checkpoint": checkpoint, "resume": request.resume}
            return learn_network(request, table, run)
        return fit(
            table,
            request.target,
            request.model,
            features=request.features,
            formula=request.formula,
            params=request.params,
            loss=request.loss,
            intercept=request.intercept,
            solver=request.solver,
            optimizer=request.optimizer,
            learning_rate=request.learning_rate,
            epochs=request.epochs,
            batch_size=request.batch_size,
            scale=request.scale,
            validation=request.validation,
            patience=request.patience,
            seed=request.seed,
            missing=request.missing,
            unusable="leave out" if request.leave_out else "error",
            cov=request.errors,
            level=request.level,
            callbacks=watching,
            checkpoint=checkpoint,
            resume=request.resume,
        )
    finally:
        if watching is not None:
            getattr(watching, "close", lambda: None)()


def checkpoint_of(folder: Path) -> Path:
    """Return the file beside a model's folder that holds an unfinished run."""
    return folder.absolute().parent / f"{folder.name}.checkpoint"


def explain(fitted: Any) -> Any:
    """Return the diagnosis of a descent; None where it has nothing to say, as of a solver that arrived."""
    run = fitted.fit
    if run.converged and "optimizer" not in run.details:
        return None
    found = fitted.diagnosis(flags=True)
    return found if found.why or found.do else None


def _advice(found: Any, width: int = WIDTH) -> str:
    # What ended the run is said in the summary.
    return "" if found is None else found.text(width=min(WIDTH, width)).partition("\n\n")[2]


def _kind(fitted: Any) -> str:
    return getattr(fitted.fit.stop, "kind", "")


def _diverged(fitted: Any) -> bool:
    return _kind(fitted) in ("growth", "non-finite")


def save(request: Request, fitted: Any, table: Any, folder: Path, summary: str, diagnosis: str) -> str:
    """Write the folder, and return the sentence that says where it is."""
    from gradwork.store.folder import PAGE, save_folder

    command = request.command
    made = provenance(request, fitted)
    page = _page(request, fitted, table, command, made, diagnosis) if request.page else ""
    text = "\n\n".join(part for part in (summary, diagnosis, f"$ {command}" if command else "") if part)
    about = dict(made) | {"command": command, "seed": request.seed}
    save_folder(
        folder,
        fitted.spec(),
        about=about,
        summary=text,
        page=page,
        history=_history(fitted),
        overwrite=request.overwrite,
    )
    if request.descends and _kind(fitted) != "interrupted":
        checkpoint_of(folder).unlink(missing_ok=True)
    shown = ", ".join([*([PAGE] if page else []), "model.json", "…"])
    return say("saved", folder=folder, files=shown)


def _history(fitted: Any) -> Any:
    """Return the record of a run; what is solved directly has none."""
    return fitted.fit.history if fitted.fit.solver != "closed" else None


def _page(
    request: Request, fitted: Any, table: Any, command: str, made: list[tuple[str, str]], diagnosis: str
) -> str:
    from gradwork.report.page import render_page

    if request.network:
        return network_page(request, fitted, table, made, diagnosis)
    if request.formula is not None:
        from gradwork.report.describe import describe_formula

        content = describe_formula(fitted, table, command=command, provenance=made, diagnosis=diagnosis)
    else:
        from gradwork.report.describe import describe

        content = describe(fitted, table, command=command, provenance=made, diagnosis=diagnosis)
    return render_page(content)


def provenance(request: Request, fitted: Any) -> list[tuple[str, str]]:
    """Return what one must know to make the same fit again."""
    import hashlib
    import platform

    import numpy
    import scipy

    from gradwork import __version__

    with open(request.table, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    versions = [
        f"Gradwork {__version__}",
        f"Python {platform.python_version()}",
        f"NumPy {numpy.__version__}",
    ]
    versions.append(f"SciPy {scipy.__version__}")
    if fitted.fit.target == "xla":
        import jax

        versions.append(f"JAX {jax.__version__}")
    size = request.table.stat().st_size
    return [
        (say("made"), time.strftime("%Y-%m-%d %H:%M")),
        (say("seed word"), str(request.seed)),
        (say("time"), f"{fitted.fit.seconds:.2g} s"),
        (say("table word"), say("table facts", name=request.table.name, size=f"{size:,}", digest=digest)),
        (say("versions"), ", ".join(versions)),
    ]
