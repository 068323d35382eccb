"""The errors that Gradwork raises for bad input: a key, facts and a place, told in one clear line.

    raise ShapeError("shapes do not meet", left=(3, 4), right=(5,))

The key names the sentence (in `words/en/errors*.py`) and so says *which* error it is, to a caller, a page or a test;
the facts are its numbers and names. `str` tells the sentence in the current language.
"""

from __future__ import annotations

from typing import Any, Self

from gradwork.words.say import known, say, slots


class GradworkError(ValueError):
    """Bad input, said in one line: what, where, what was expected, what to do.

    key:   which error; "told" for a text that has no key.
    facts: its numbers, names and expressions.
    place: where, such as a file and row; it is told before the sentence.

    >>> error = TableError("rows have different lengths", place="t.csv")
    >>> error.key, str(error)
    ('rows have different lengths', 't.csv: the rows have different lengths')
    >>> str(GradworkError("a text of one's own"))
    "a text of one's own"
    """

    key: str
    facts: dict[str, Any]
    place: Any

    def __init__(self, key: str, /, *, place: Any = None, **facts: Any):
        if not known(key):
            if facts:
                raise KeyError(f"there is no sentence {key!r}")
            key, facts = "told", {"text": key}
        if missing := slots(key) - facts.keys():
            raise KeyError(f"the error {key!r} lacks the facts {sorted(missing)}")
        self.key, self.facts, self.place = key, facts, place
        super().__init__(key)

    def tell(self, language: str | None = None) -> str:
        """Return the error as text in a language, or else in the current one."""
        told = say(self.key, language, **self.facts)
        return told if self.place in (None, "") else say("placed", language, place=self.place, text=told)

    def __str__(self) -> str:
        return self.tell()

    def at(self, place: Any) -> Self:
        """Return the same error at a place, which is told before what was there already."""
        again = _again(type(self), dict(self.__dict__))
        again.place = place if self.place in (None, "") else f"{place}: {self.place}"
        return again

    def __reduce__(self) -> Any:
        return _again, (type(self), dict(self.__dict__))


def _again(kind: type[GradworkError], state: dict[str, Any]) -> Any:
    """Return an error with the attributes of another: what pickling and copying need."""
    error = kind.__new__(kind, state["key"])
    error.__dict__.update(state)
    return error


class ShapeError(GradworkError):
    """Shapes that do not meet."""


class DerivativeError(GradworkError):
    """A derivative that does not exist or was asked for in the wrong way."""


class TableError(GradworkError):
    """A table that cannot be read or used: which file, row and column, what is wrong there, what to do."""


class FormulaError(GradworkError):
    """A formula that cannot be read, with the place in its text.

    `marks` are (start, end, character) spans to underline in the formula, `notes` further lines: texts, or records
    that are told in the language of the error.
    """

    def __init__(
        self,
        key: str,
        /,
        text: str = "",
        marks: tuple[tuple[int, int, str], ...] = (),
        notes: tuple[Any, ...] = (),
        **facts: Any,
    ):
        super().__init__(key, **facts)
        self.text, self.marks, self.notes = text, marks, notes

    @property
    def message(self) -> str:
        """What is wrong, in one line, without the formula."""
        return super().tell()

    def tell(self, language: str | None = None) -> str:
        """Return the message, the formula with its marks below it, and the notes, as lines of text."""
        lines = [super().tell(language)]
        if self.text and self.marks:
            lines += _marked(self.text, self.marks)
        for note in self.notes:
            lines.append("  " + (note if isinstance(note, str) else note.tell(language)))
        return "\n".join(lines)


def _marked(text: str, marks: tuple[tuple[int, int, str], ...]) -> list[str]:
    """Return a formula and a line with its marks below it; a long one is cut to a window around the first mark."""
    start = max(0, min(m[0] for m in marks) - 60) if len(text) > 160 else 0
    window = text[start : start + 160].replace("\n", " ").replace("\t", " ")
    under = [" "] * (len(window) + 1)
    for a, b, char in marks:
        for i in range(a - start, max(b, a + 1) - start):
            if 0 <= i < len(under):
                under[i] = char
    lead = "…" if start else ""
    return [
        "  " + lead + window + ("…" if start + 160 < len(text) else ""),
        "  " + " " * len(lead) + "".join(under).rstrip(),
    ]
