"""What is to be said, as a record: a key and facts. It becomes text only where it is shown.

    Note      says how something was done            severity "note"
    Caution   warns: what is shown must be doubted   severity "warning"
    Reason    why a run ended                        severity "reason"
    Line      any other: a cause, a remedy, a part of another sentence

    note = Caution("overdispersed", ratio=3.2, times=1.8)
    note.key, note.facts["ratio"]      # what was said, for who needs to know
    str(note), note.tell("ko")         # for who reads

A fact is a number, a name, an expression, a list of these, or another record. `place` says where it holds: a row, a
column, a layer. `also` is said after the sentence, with semicolons.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from gradwork.words.forms import nearest, sentence
from gradwork.words.say import known, say, slots


@dataclass(frozen=True, init=False)
class Line:
    """A sentence that is not yet told: its key and its facts; `str` tells it in the current language.

    >>> line = Line("rows dropped", dropped=2, rows=9)
    >>> line.key, line.facts["dropped"], str(line)
    ('rows dropped', 2, '2 of 9 rows were left out for missing values')
    """

    severity: ClassVar[str] = "line"
    key: str
    facts: Mapping[str, Any] = field(hash=False)
    place: str
    also: tuple[Line, ...]

    def __init__(self, key: str, /, *, place: str = "", also: Iterable[Line] = (), **facts: Any):
        if not known(key):
            raise KeyError(f"there is no sentence {key!r}")
        if missing := slots(key) - facts.keys():
            raise KeyError(f"the sentence {key!r} lacks the facts {sorted(missing)}")
        for name, value in (("key", key), ("facts", facts), ("place", place), ("also", tuple(also))):
            object.__setattr__(self, name, value)

    def tell(self, language: str | None = None) -> str:
        """Return the sentence in a language, or else in the current one."""
        told = say(self.key, language, **self.facts)
        if self.place:
            told = say("placed", language, place=self.place, text=told)
        return "; ".join([told, *(more.tell(language) for more in self.also)])

    def __str__(self) -> str:
        return self.tell()

    @property
    def alone(self) -> Self:
        """The record without what is said after it."""
        return type(self)(self.key, place=self.place, **self.facts)

    def plus(self, *more: Line | None) -> Self:
        """Return the record with more to say after it.

        >>> str(Line("asked").plus(Line("one class")))
        'as asked; every row has the same class: there is nothing to tell apart'
        """
        also = (*self.also, *(m for m in more if m is not None))
        return type(self)(self.key, place=self.place, also=also, **self.facts)

    def says(self, key: str) -> Line | None:
        """Return the record of that key among this one, what it says after itself, and its facts.

        >>> Line("asked").plus(Line("one class")).says("one class").key
        'one class'
        """
        if self.key == key:
            return self
        inner = (*self.also, *(f for f in self.facts.values() if isinstance(f, Line)))
        return next((found for line in inner if (found := line.says(key)) is not None), None)

    def instead(self, old: Line, new: Line) -> Self:
        """Return the record with another said after it in the place of one."""
        also = [new if more == old else more for more in self.also]
        return type(self)(self.key, place=self.place, also=also, **self.facts)

    def with_facts(self, **facts: Any) -> Self:
        """Return the record with some facts changed."""
        return type(self)(self.key, place=self.place, also=self.also, **{**self.facts, **facts})


class Note(Line):
    """Says how something was done."""

    severity = "note"


class Caution(Line):
    """Warns: what is shown must be read with doubt."""

    severity = "warning"


class Reason(Line):
    """Why a run ended."""

    severity = "reason"


CLASSES: dict[str, type[Line]] = {cls.severity: cls for cls in (Line, Note, Caution, Reason)}


def to_data(line: Line) -> dict[str, Any]:
    """Return a record as data that JSON can hold.

    >>> from_data(to_data(Note("asked"))) == Note("asked")
    True
    """
    data: dict[str, Any] = {"severity": line.severity, "key": line.key, "facts": _plain(line.facts)}
    if line.place:
        data["place"] = line.place
    if line.also:
        data["also"] = [to_data(more) for more in line.also]
    return data


def from_data(data: Any, otherwise: type[Line] = Caution) -> Line:
    """Return the record of such data; a text, as older files have it, is a record that says just this text."""
    if isinstance(data, str):
        return otherwise("told", text=data)
    facts = {name: _line_or(value) for name, value in data["facts"].items()}
    also = [from_data(more) for more in data.get("also", ())]
    return CLASSES[data["severity"]](data["key"], place=data.get("place", ""), also=also, **facts)


def _plain(value: Any) -> Any:
    if isinstance(value, Line):
        return {"line": to_data(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(v) for name, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(v) for v in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    item = getattr(value, "item", None)  # a number of NumPy
    return str(value) if item is None else item()


def _line_or(value: Any) -> Any:
    if isinstance(value, list):
        return [_line_or(v) for v in value]
    return from_data(value["line"]) if isinstance(value, dict) and "line" in value else value


def apart(notes: Iterable[Line]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the notes that warn, and those that only inform, each told as a sentence.

    >>> apart([Note("asked"), Caution("no curvature")])
    (('The loss is too flat where the run ended, so there are no standard errors.',), ('As asked.',))
    """
    warn: list[str] = []
    inform: list[str] = []
    for note in notes:
        (inform if note.severity == "note" else warn).append(sentence(note.tell()))
    return tuple(warn), tuple(inform)


def near(name: str, known: Collection[str], cutoff: float = 0.6) -> Line | None:
    """Return "; did you mean …?" with the nearest known name, or None where none is near.

    >>> str(near("softmx", ["softmax", "tanh"])), near("zzz", ["softmax"])
    ("; did you mean 'softmax'?", None)
    """
    found = nearest(name, known, cutoff)
    return None if found is None else Line("nearest", name=found)
