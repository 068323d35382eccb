"""Every sentence that a person reads is told here: `say(key, …facts)` looks it up and puts the facts in their places.

A language is a package beside this file (`en/`, `ko/`), whose modules hold tables `SENTENCES: {key: sentence}` by
subject; adding a table or a language edits no list. A key is a short phrase that says which sentence, and is one
over all subjects. What a language lacks is told in English, which is complete. A sentence names its facts in braces
and says how each is written, with Python's formats and those of `words.forms`:

    "{rows:,} {rows:row|rows} of {names:and} (R² {r2:short 3})"

Nothing reads a sentence back: who needs to know what was said asks the record that holds key and facts
(`words.notes`, `GradworkError`).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from string import Formatter
from types import ModuleType

import gradwork.words as package
from gradwork.words.forms import written

COMPLETE = "en"
_current: ContextVar[str] = ContextVar("language", default=COMPLETE)


def say(key: str, language: str | None = None, /, **facts: object) -> str:
    """Return the sentence named `key` with its facts in place, in a language or else the current one.

    >>> say("rows dropped", dropped=1, rows=3), say("uses", "ko", x="b", count=2)
    ('1 of 3 rows were left out for missing values', 'b는 2번 쓰인다: 수반값을 더한다')
    """
    language = current(language)
    return _Teller(language).vformat(sentence_of(key, language), (), facts)


def known(key: str, /) -> bool:
    """Tell whether there is a sentence of that key.

    >>> known("rows dropped"), known("rows dropt")
    (True, False)
    """
    return key in sentences(COMPLETE)


def slots(key: str, /) -> frozenset[str]:
    """Return the names of the facts that the sentence of that key tells.

    >>> sorted(slots("rows dropped"))
    ['dropped', 'rows']
    """
    return _slots(sentence_of(key, COMPLETE))


def sentence_of(key: str, language: str) -> str:
    """Return the sentence of a key with its places still empty; KeyError where there is none."""
    text = sentences(language).get(key)
    return sentences(COMPLETE)[key] if text is None else text


def languages() -> tuple[str, ...]:
    """Return the languages that have tables.

    >>> languages()
    ('en', 'ko')
    """
    return tuple(sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.ispkg))


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Tell everything in a language for a while.

    >>> with speaking("ko"):
    ...     say("uses", x="b", count=2)
    'b는 2번 쓰인다: 수반값을 더한다'
    """
    token = _current.set(current(language))
    try:
        yield
    finally:
        _current.reset(token)


def current(language: str | None = None) -> str:
    """Return a language that there is: the one given, or the current one.

    >>> current(), current("ko")
    ('en', 'ko')
    """
    language = _current.get() if language is None else language
    if language not in _languages():
        from gradwork.errors import GradworkError

        raise GradworkError("language not spoken", language=language, known=languages())
    return language


_languages = cache(languages)


@cache
def sentences(language: str) -> Mapping[str, str]:
    """Return every sentence of a language by its key."""
    found: dict[str, str] = {}
    home = importlib.import_module(f"{package.__name__}.{language}")
    for module in pkgutil.iter_modules(home.__path__, f"{home.__name__}."):
        table = importlib.import_module(module.name).SENTENCES
        twice = found.keys() & table.keys()
        if twice:
            raise KeyError(f"{module.name}: other tables have the keys {sorted(twice)}")
        found |= table
    return found


@cache
def _home(language: str) -> ModuleType:
    return importlib.import_module(f"{package.__name__}.{language}")


@cache
def _slots(text: str) -> frozenset[str]:
    names = [name for _, name, _, _ in Formatter().parse(text) if name]
    return frozenset(name.partition(".")[0].partition("[")[0] for name in names)


class _Teller(Formatter):
    def __init__(self, language: str):
        self.language = language

    def format_field(self, value: object, format_spec: str) -> str:
        return written(value, format_spec, self.language, _home(self.language))
