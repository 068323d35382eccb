"""What a run may be asked: one record for each setting, from which everything else follows.

    epochs: Annotated[int | None, Setting("passes over the data …", WHOLE, of=DESCENT)]
            └ its type ┘           └ help ┘                       └ check ┘ └ what it belongs to ┘

A `Door` is a function or command that takes settings: it refuses unknown names (with the nearest), values that are not
what is expected, and settings that do not belong to what is run. `models.settings` adds those of tables, formulas and
networks; signatures, options of the command line and tables of the documentation are made from the same records.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, TypedDict, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import DTypeLike

from gradwork.errors import GradworkError
from gradwork.learn.optimizers.named import OPTIMIZERS, Optimizer
from gradwork.learn.optimizers.schedules import Schedule, read_schedule
from gradwork.learn.solvers import SOLVERS
from gradwork.learn.stopping import Stopping, read_stopping
from gradwork.words.notes import Line, near
from gradwork.words.say import say


@dataclass(frozen=True)
class Check:
    """What a value must be: a test, and the key of the words that say what is expected."""

    holds: Callable[[Any], bool]
    expects: str
    facts: Mapping[str, Any] | None = None

    @property
    def line(self) -> Line:
        """What is expected, to be told."""
        return Line(self.expects, **(self.facts or {}))


def whole(value: Any, least: int) -> bool:
    """Tell whether a value is a whole number from `least`; True and 2.0 are none.

    >>> whole(3, 1), whole(True, 1), whole(2.0, 1), whole("3", 1)
    (True, False, False, False)
    """
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= least)


def number(value: Any, low: float, high: float = float("inf"), ends: bool = False) -> bool:
    """Tell whether a value is a finite number between two others, and not one of them unless `ends`.

    >>> number(0.5, 0, 1), number(0, 0, 1), number(0, 0, 1, ends=True), number(float("nan"), 0), number("1", 0)
    (True, False, True, False, False)
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        return False
    return bool(np.isfinite(value) and (low <= value <= high if ends else low < value < high))


def one_of(*names: str) -> Check:
    """Return the check that a value is one of some texts."""
    return Check(lambda v: isinstance(v, str) and v in names, "expects one of", {"names": names})


def _is_dtype(value: Any) -> bool:
    try:
        return np.dtype(value) in (np.dtype("float32"), np.dtype("float64"))
    except TypeError:
        return False


WHOLE = Check(lambda v: whole(v, 0), "expects whole from 0")
COUNT = Check(lambda v: whole(v, 1), "expects whole from 1")
RATE = Check(lambda v: isinstance(v, Schedule) or number(v, 0), "expects rate")
SCHEDULE = Check(lambda v: isinstance(v, (Schedule, str)), "expects schedule")
YES_NO = Check(lambda v: isinstance(v, (bool, np.bool_)), "expects yes or no")
MAPPING = Check(lambda v: isinstance(v, Mapping), "expects mapping")
ANY = Check(lambda v: True, "expects anything")

# What a setting belongs to: the key of the sentence that refuses it elsewhere.
DESCENT, BATCHES, DRAWS, ITERATIONS = "of descent", "of batches", "of draws", "of iterations"


@dataclass(frozen=True)
class Setting:
    """One thing that can be asked.

    help:    the key of the sentence that says what it does.
    check:   what its value must be; the default is always allowed.
    of:      the ways of learning that it belongs to; all, where none is named.
    read:    makes its value of a text, for the command line; `flag` is its option there, "" for `--its-name`, and
             None for none; `metavar` stands for the value; `kind` is the type of the value in the command line.
    starts:  whether it asks for a descent by itself, where neither a solver nor an optimizer is named.
    none:    whether None asks for something else than the default does.
    same_as: the setting that this is another name of.
    """

    help: str
    check: Check
    default: Any = None
    of: tuple[str, ...] = ()
    flag: str | None = ""
    metavar: str | None = None
    kind: Any = str
    starts: bool = False
    none: bool = False
    read: Callable[[Any], Any] | None = None
    same_as: str = ""
    name: str = ""
    type: Any = None

    @property
    def option(self) -> str:
        """Its option in the command line."""
        return self.flag or "--" + self.name.replace("_", "-")

    @property
    def optional(self) -> bool:
        """Whether None may be given, for its default."""
        return self.type is Any or type(None) in get_args(self.type)

    def said(self) -> str:
        """What it does, as a sentence."""
        return say(self.help, optimizers=list(OPTIMIZERS), solvers=["auto", *SOLVERS])


class Stepping(TypedDict, total=False):
    """What every run can be asked that goes step by step, whatever it learns."""

    learning_rate: Annotated[
        float | Schedule | None,
        Setting("help learning rate", RATE, of=(DESCENT,), starts=True, kind=float),
    ]
    schedule: Annotated[
        Schedule | str | None,
        Setting(
            "help schedule", SCHEDULE, of=(DESCENT,), starts=True, metavar="NAME:NUMBERS", read=read_schedule
        ),
    ]
    epochs: Annotated[
        int | None,
        Setting("help epochs", WHOLE, of=(DESCENT,), starts=True, kind=int),
    ]
    steps: Annotated[
        int | None,
        Setting("help steps", WHOLE, of=(ITERATIONS,), kind=int),
    ]
    batch_size: Annotated[
        int | None,
        Setting("help batch size", COUNT, of=(DESCENT,), starts=True, kind=int),
    ]
    shuffle: Annotated[
        bool,
        Setting("help shuffle", YES_NO, True, of=(BATCHES,), kind=bool),
    ]
    patience: Annotated[
        int | None,
        Setting("help patience", COUNT, of=(DESCENT,), kind=int, none=True),
    ]
    stopping: Annotated[
        Stopping | None,
        Setting(
            "help stopping",
            Check(lambda v: isinstance(v, Stopping), "expects stopping"),
            of=(ITERATIONS,),
            metavar="NAME=NUMBER,…",
            read=read_stopping,
        ),
    ]
    seed: Annotated[
        int,
        Setting("help seed", WHOLE, 0, of=(DRAWS,), kind=int),
    ]
    dtype: Annotated[
        DTypeLike,
        Setting("help dtype", Check(_is_dtype, "expects dtype"), "float64"),
    ]
    run_on: Annotated[
        str,
        Setting("help run on", one_of("auto", "numpy", "xla"), "auto", of=(DESCENT,)),
    ]
    callbacks: Annotated[
        Any,
        Setting("help callbacks", ANY, flag=None),
    ]
    progress: Annotated[
        Any,
        Setting("help progress", ANY, flag=None),
    ]
    checkpoint: Annotated[
        Any,
        Setting("help checkpoint", ANY, of=(DESCENT,), starts=True, flag=None),
    ]
    resume: Annotated[
        bool,
        Setting("help resume", YES_NO, False, of=(DESCENT,), flag=None),
    ]
    record: Annotated[
        str,
        Setting("help record", one_of("epoch", "step"), "epoch", of=(DESCENT,)),
    ]


class Run(Stepping, total=False):
    """What every run can be asked, whatever it learns."""

    solver: Annotated[
        str | None, Setting("help solver", Check(lambda v: isinstance(v, str), "expects text"), "auto")
    ]
    optimizer: Annotated[Optimizer | str | None, Setting("help optimizer", ANY)]


class Held(TypedDict, total=False):
    """What a run over symbols takes."""

    validation: Annotated[
        Mapping[Any, Any] | None, Setting("help validation data", MAPPING, of=(DESCENT,), starts=True)
    ]
    target: Annotated[str, Setting("help run on", one_of("auto", "numpy", "xla"), "auto", same_as="run_on")]


class Minimizing(Run, Held, total=False):
    """What `minimize` and `maximize` take."""

    bounds: Annotated[Mapping[Any, Any] | None, Setting("help bounds", MAPPING)]
    sizes: Annotated[Mapping[Any, int] | None, Setting("help sizes", MAPPING)]


class Descending(Stepping, Held, total=False):
    """What `learn.descend` takes: a run whose objective and optimizer are given already."""

    checkpoint_seconds: Annotated[
        float,
        Setting("help checkpoint seconds", Check(lambda v: number(v, 0, ends=True), "expects from 0"), 10.0),
    ]
    hoist: Annotated[
        bool | str,
        Setting(
            "help hoist",
            Check(lambda v: isinstance(v, bool) or v == "auto", "expects yes, no or auto"),
            "auto",
        ),
    ]


class Settings:
    """What one run was asked: values by name, with the default where nothing was asked."""

    def __init__(self, door: Door, given: Mapping[str, Any]):
        self.door, self.given = door, dict(given)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.door.records:
            raise AttributeError(name)
        setting = self.door.records[name]
        value = self.given.get(name, setting.default)
        return setting.default if value is None and not setting.none else value

    def asked(self, *names: str) -> list[str]:
        """Return which of some settings (of all, without names) were asked for something else than their default."""
        return [n for n in names or self.door.records if not self._usual(n)]

    def _usual(self, name: str) -> bool:
        value, default = getattr(self, name), self.door.records[name].default
        return value is default or (isinstance(value, (str, int, float)) and value == default)

    @property
    def descends(self) -> bool:
        """Whether an optimizer descends, rather than a solver."""
        return self.optimizer is not None or bool(self.starts)

    @property
    def starts(self) -> list[str]:
        """What was asked that asks for a descent by itself."""
        return [n for n in self.asked() if self.door.records[n].starts]

    def but(self, **changed: Any) -> Settings:
        """Return the same with some values changed, of settings that the door has."""
        return Settings(self.door, {**self.given, **changed})

    def only(self, *names: str) -> dict[str, Any]:
        """Return what was given of some settings."""
        return {n: self.given[n] for n in names if n in self.given}

    def fits(self, ways: Iterable[str], here: str = "") -> None:
        """Raise GradworkError for what was asked and belongs to none of these ways of learning.

        here: what is run instead, for the sentence: "solver 'newton'", "--model mlp".
        """
        ways = set(ways)
        for name in self.asked():
            of = self.door.records[name].of
            if of and not ways & set(of):
                facts = {"setting": self.door.spelled(name), "here": here}
                raise GradworkError("setting not here" if here else f"setting {of[0]}", **facts)

    def plain(self) -> dict[str, Any]:
        """Return what was asked as data that JSON can hold: what a saved model remembers."""
        held = {n: getattr(self, n) for n in self.asked() if n not in ("callbacks", "progress", "checkpoint")}
        plain = (bool, int, float, str, list, type(None))
        return {n: v if isinstance(v, plain) else str(v) for n, v in held.items()}


@dataclass(frozen=True)
class Door:
    """A function or command that takes settings.

    name:    how it is called in an error.
    options: the class of its settings.
    flags:   whether settings are written as options of the command line.
    usual:   defaults of its own.
    """

    name: str
    options: Any
    flags: bool = False
    usual: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def records(self) -> dict[str, Setting]:
        """Its settings by name."""
        found = {}
        for name, hint in get_type_hints(self.options, include_extras=True).items():
            assert get_origin(hint) is Annotated, name
            kind, setting, *_ = get_args(hint)
            default = self.usual.get(name, setting.default)
            found[name] = replace(setting, name=name, type=kind, default=default)
        return found

    def spelled(self, name: str) -> str:
        """Return the name of a setting as it is written at this door."""
        if not self.flags:
            return name
        setting = self.records[name]
        if setting.kind is bool and setting.default is True:
            return setting.option.replace("--", "--no-", 1)
        return setting.option

    def takes(self, given: Mapping[str, Any]) -> Settings:
        """Return checked settings; GradworkError for a name that it does not have or a value that does not fit."""
        found: dict[str, Any] = {}
        for name, value in given.items():
            setting = self.records.get(name)
            if setting is None:
                raise self.unknown(name)
            if setting.same_as:
                if name in found or setting.same_as in given:
                    raise GradworkError("setting twice", one=name, other=setting.same_as)
            if value is None and not setting.optional or value is not None and not setting.check.holds(value):
                self.refuse(name, value)
            found[setting.same_as or name] = value
        return Settings(self, found)

    def refuse(self, name: str, value: Any) -> None:
        """Raise the error that a value is not what was expected."""
        expects = self.records[name].check.line
        raise GradworkError("setting value", setting=self.spelled(name), expects=expects, value=repr(value))

    def unknown(self, name: str) -> GradworkError:
        """Return the error that there is no such setting, with the nearest that there is."""
        known = sorted(n for n, setting in self.records.items() if not setting.same_as)
        hint = Line("nearest", name="learning_rate") if name == "lr" else near(name, known)
        hint = Line("it has", names=known) if hint is None else hint
        return GradworkError("no such setting", door=self.name, setting=name, nearest=hint)


Function = TypeVar("Function", bound=Callable[..., Any])


def opens(door: Door) -> Callable[[Function], Function]:
    """Give a function that ends in `**options` the signature that its door has, for `help` and notebooks."""

    def dressed(function: Function) -> Function:
        shape = inspect.signature(function)
        fixed = [p for p in shape.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
        named = [
            inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=s.default, annotation=s.type)
            for n, s in door.records.items()
            if not s.same_as
        ]
        function.__signature__ = shape.replace(parameters=[*fixed, *named])  # type: ignore[attr-defined]
        return function

    return dressed


MINIMIZE = Door("minimize", Minimizing)
MAXIMIZE = Door("maximize", Minimizing)
DESCEND = Door("descend", Descending)
