"""What a fit of a table, of a formula over its columns, or of a network may be asked, beside what every run may be.

The records and what follows from them are explained in `gradwork.learn.settings`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from gradwork.errors import GradworkError
from gradwork.inference.uncertainty import sandwich_kind
from gradwork.learn.front import check_way
from gradwork.learn.settings import (
    ANY,
    COUNT,
    DESCENT,
    MINIMIZE,
    YES_NO,
    Check,
    Door,
    Run,
    Setting,
    Settings,
    number,
    one_of,
)
from gradwork.models.networks.names import NETWORKS as NAMES_OF_NETWORKS

TABLES, FORMULAS, NETWORKS = "of tables", "of formulas", "of networks"


def _texts(value: Any) -> bool:
    return (
        isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(v, str) for v in value)
    )


def _pair(value: Any) -> bool:
    return value in ("features", "channels") or isinstance(value, Sequence) and len(value) == 2


def _errors(value: Any) -> bool:
    try:
        sandwich_kind(value)
    except GradworkError:
        return False
    return isinstance(value, str)


SHARE = Check(lambda v: number(v, 0, 1) or (number(v, 0, ends=True) and v == 0), "expects share")
LEVEL = Check(lambda v: number(v, 0, 1), "expects level")
PENALTY = Check(lambda v: number(v, 0, ends=True), "expects penalty")
NAMES = Check(_texts, "expects names")
TEXT = Check(lambda v: isinstance(v, str), "expects text")
TASK = Check(lambda v: v in ("auto", "classes", "numbers"), "expects task")
IMAGE = Check(
    lambda v: isinstance(v, Sequence) and not isinstance(v, str) and len(v) in (2, 3), "expects image"
)
SEQUENCE = Check(lambda v: _texts(v) and len(v) == 2, "expects sequence")
NORMALISE = Check(_pair, "expects normalise")
MISSING = Check(lambda v: v in ("error", "drop", "mean"), "expects missing")
UNUSABLE = Check(lambda v: v in ("error", "leave out"), "expects unusable")


def read_bounds(text: str) -> dict[str, tuple[float | None, float | None]]:
    """Return bounds by parameter for their text; an end that is left out is none.

    >>> read_bounds("k=0:10, c=0:")
    {'k': (0.0, 10.0), 'c': (0.0, None)}
    """
    found: dict[str, tuple[float | None, float | None]] = {}
    for part in text.split(","):
        name, equals, ends = part.partition("=")
        low, colon, high = ends.partition(":")
        try:
            low, high = (float(end) if end.strip() else None for end in (low, high))
        except ValueError:
            equals = ""
        if not equals or not colon or not name.strip():
            raise GradworkError("bounds text", given=part.strip())
        found[name.strip()] = (low, high)  # type: ignore[assignment]
    return found


class Sharing(Run, total=False):
    """What every fit takes besides."""

    epochs: Annotated[int | None, Setting("help epochs", COUNT, of=(DESCENT,), kind=int, starts=True)]
    validation: Annotated[float | None, Setting("help validation", SHARE, kind=float, none=True)]


class Building(Sharing, total=False):
    """What a network is made with; its other settings say how it learns."""

    task: Annotated[str | None, Setting("help task", TASK, of=(NETWORKS,))]
    normalise: Annotated[Any, Setting("help normalise", NORMALISE, of=(NETWORKS,), metavar="HOW", none=True)]
    l2: Annotated[float | None, Setting("help l2", PENALTY, of=(NETWORKS,), flag="--l2", kind=float)]


class Reading(Building, total=False):
    """What a network that is fitted to a table takes besides."""

    features: Annotated[
        Sequence[str] | None, Setting("help features", NAMES, of=(TABLES, NETWORKS), metavar="COLUMNS")
    ]
    activation: Annotated[str | None, Setting("help activation", ANY, of=(NETWORKS,))]
    image: Annotated[Sequence[int] | None, Setting("help image", IMAGE, of=(NETWORKS,), metavar="SIZE")]
    sequence: Annotated[
        Sequence[str] | None, Setting("help sequence", SEQUENCE, of=(NETWORKS,), metavar="ID,TIME")
    ]
    scale: Annotated[bool, Setting("help scale", YES_NO, True, of=(TABLES, NETWORKS), kind=bool)]
    missing: Annotated[str, Setting("help missing", MISSING, "error")]
    unusable: Annotated[str, Setting("help unusable", UNUSABLE, "error", of=(TABLES, NETWORKS), flag=None)]


class Fitting(Reading, total=False):
    """What `gw.fit` takes."""

    formula: Annotated[str | None, Setting("help formula", TEXT)]
    params: Annotated[Any, Setting("help params", ANY, of=(FORMULAS,))]
    bounds: Annotated[
        Mapping[Any, Any] | None,
        Setting(
            "help formula bounds",
            Check(lambda v: isinstance(v, Mapping), "expects mapping"),
            of=(FORMULAS,),
            metavar="NAME=LOW:HIGH",
            read=read_bounds,
        ),
    ]
    loss: Annotated[str | None, Setting("help loss", TEXT, of=(TABLES,))]
    intercept: Annotated[bool, Setting("help intercept", YES_NO, True, of=(TABLES,), kind=bool)]
    cov: Annotated[
        str | None,
        Setting(
            "help cov",
            Check(_errors, "expects errors"),
            of=(TABLES, FORMULAS),
            flag="--std-errors",
        ),
    ]
    level: Annotated[float, Setting("help level", LEVEL, 0.95, of=(TABLES, FORMULAS), kind=float)]


FIT = Door("fit", Fitting)
# What networks learn with where nothing else is asked; kinds of networks may have a `normalise` and `l2` of their own.
USUAL = {
    "optimizer": "adam", "epochs": 200, "batch_size": 32, "validation": 0.1, "patience": 20, "dtype": "float32",
    "task": "auto",
}  # fmt: skip
FIT_NETWORK = Door("fit_network", Reading, usual=USUAL)
COMMAND = Door("gradwork fit", Fitting, flags=True)


def as_minimization(asked: Settings, validation: Mapping[Any, Any] | None) -> Settings:
    """Return what a descent is asked for by a fit that has drawn the rows to hold out, and made the objective."""
    names = MINIMIZE.records.keys() - {"seed", "dtype", "validation", "bounds", "sizes"}
    return MINIMIZE.takes({**asked.only(*names), "validation": validation})


def check_fit(asked: Settings, way: str, model: str) -> None:
    """Raise GradworkError for settings that do not go with a table, a formula or a network, or not with each other.

    way: TABLES, FORMULAS or NETWORKS.   model: how the model was named.
    """
    records, spelled = asked.door.records, asked.door.spelled
    for name in asked.asked():
        of = [w for w in records[name].of if w in (TABLES, FORMULAS, NETWORKS)]
        if of and way not in of:
            if way == NETWORKS:
                here = f"--model {model}" if asked.door.flags else f"the network '{model}'"
                raise GradworkError("setting not here", setting=spelled(name), here=here)
            key = "setting of both" if len(of) > 1 else f"setting {of[0]}"
            raise GradworkError(key, setting=spelled(name), networks=list(NAMES_OF_NETWORKS))
    if way == NETWORKS:
        if asked.solver not in (None, "auto", "gd"):
            here = f"--model {model}" if asked.door.flags else f"the network '{model}'"
            raise GradworkError("setting not here", setting=spelled("solver"), here=here)
        if asked.steps is not None:
            raise GradworkError("setting not here", setting=spelled("steps"), here="a network; say epochs")
        check_way(
            asked.but(optimizer=asked.optimizer or "adam", batch_size=asked.batch_size or 1), also={way}
        )
        if not asked.scale and asked.normalise is not None:
            raise GradworkError("normalise, not scale")
    else:
        if asked.validation == 0:
            asked.door.refuse("validation", asked.validation)
        check_way(asked, draws=asked.validation is not None, also={way})


class Made(Building, total=False):
    """What the classes of networks take: `target` is another name of `run_on` there."""

    target: Annotated[str, Setting("help run on", one_of("auto", "numpy", "xla"), "auto", same_as="run_on")]


def building(name: str) -> Door:
    """Return the door of a class of networks."""
    return Door(name, Made, usual={**USUAL, "normalise": "features", "l2": 0.0})


__all__ = [
    "COMMAND",
    "FIT",
    "FIT_NETWORK",
    "FORMULAS",
    "NETWORKS",
    "TABLES",
    "Fitting",
    "Reading",
    "Made",
    "Settings",
    "as_minimization",
    "building",
    "check_fit",
]
