"""How facts are written in a sentence: numbers, names, lists, plurals, records within records.

Beside Python's formats a place in a sentence may ask for

    {x:short}  {x:short 3}    significant digits, true minus, ∞, − for a power of ten
    {x:power}  {x:power 3}    a coefficient and a power of ten
    {x:fixed 2}               decimals
    {x:value}                 as computed: short, or nan
    {x:percent}               a share in per cent
    {x:rate}                  as one types a learning rate
    {x:nines}                 a factor just below one
    {x:plain}                 as a person writes it: whole numbers without a point
    {xs:names}  {xs:names 8}  with commas (the default of a list), cut after eight
    {xs:and}  {xs:or}         with commas and a last "and" or "or"
    {xs:quoted}               each in quotes, with commas
    {n:row|rows}              one of the forms by a number, as the language counts
    {shape:shape}             3×n, or scalar
    {x:clip 60}               cut to that length
    {x:sentence}              with a capital and a full stop

What is None is told as nothing.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from types import ModuleType
from typing import Any

from gradwork.words.numbers import fixed, minus, nines, percent, power, rate, short

_FORM = re.compile(r"(.*?)(?: (\d+))?")


def written(value: Any, form: str, language: str, home: ModuleType) -> str:
    """Return a fact as a sentence of a language has it (`home` is the language's package: `AND`, `OR`, `plural`)."""
    if value is None:
        return ""
    if "|" in form:
        forms = form.split("|")
        return forms[min(home.plural(value), len(forms) - 1)]
    name, rest = _FORM.fullmatch(form).groups()  # type: ignore[union-attr]
    if name in _NUMBERS:
        return value if isinstance(value, str) else _NUMBERS[name](value, *([int(rest)] if rest else []))
    if name in _TEXTS:
        return _TEXTS[name](_one(value, language), *([int(rest)] if rest else []))
    if name == "shape":
        return value if isinstance(value, str) else shape(value)
    if name in _LISTS or (not form and isinstance(value, (list, tuple, set, frozenset))):
        words = [value] if isinstance(value, str) else [_one(v, language) for v in value]
        return _LISTS[name or "names"](words, home, *([int(rest)] if rest else []))
    if form and not isinstance(value, str):
        return format(value, form)
    return _one(value, language)


def _one(value: Any, language: str) -> str:
    tell = getattr(value, "tell", None)
    return str(value) if tell is None else tell(language)


def listed(words: Iterable[str], limit: int | None = None) -> str:
    """Return words with commas, cut after `limit` of them.

    >>> listed(["a", "b", "c"], 2)
    'a, b, …'
    """
    words = list(words)
    return ", ".join(words[:limit]) + (", …" if limit is not None and len(words) > limit else "")


def joined(words: list[str], last: str) -> str:
    """Return words with commas and a word before the last.

    >>> joined(["a", "b", "c"], "and"), joined(["a"], "and")
    ('a, b and c', 'a')
    """
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def sentence(text: str) -> str:
    """Return a text as a sentence.

    >>> sentence("ran 3 steps"), sentence("")
    ('Ran 3 steps.', '')
    """
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".") if text else ""


def clip(text: str, limit: int = 60) -> str:
    """Return a text cut to a length.

    >>> clip("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= limit else text[: limit - 1] + "…"


def shape(sizes: Iterable[object]) -> str:
    """Return a shape as people write it.

    >>> shape((3, "n")), shape(())
    ('3×n', 'scalar')
    """
    return "×".join(str(size).replace(" ", "") for size in sizes) or "scalar"


def plain(value: float) -> str:
    """Return a number as a person would write it: whole ones without a point.

    >>> plain(3.0), plain(0.25)
    ('3', '0.25')
    """
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def nearest(name: str, known: Collection[str], cutoff: float = 0.6) -> str | None:
    """Return the nearest known name to one that there is not, if any is near; the case of letters does not count.

    >>> nearest("softmx", ["softmax", "tanh"]), nearest("zzz", ["softmax"])
    ('softmax', None)
    """
    lower = {k.lower(): k for k in known}
    found = difflib.get_close_matches(name.lower(), list(lower), 1, cutoff)
    return lower[found[0]] if found else None


_NUMBERS: dict[str, Any] = {
    "short": short,
    "power": power,
    "fixed": fixed,
    "plain": plain,
    "value": lambda value: "nan" if value != value else short(value),
    "percent": percent,
    "rate": rate,
    "nines": nines,
    "minus": lambda value: minus(str(value)),
}
_TEXTS: dict[str, Any] = {"clip": clip, "first line": lambda text: text.splitlines()[0], "sentence": sentence}
_LISTS: dict[str, Any] = {
    "alternatives": lambda words, home: f"; {home.OR} ".join(words),
    "clauses": lambda words, home: "; ".join(words),
    "names": lambda words, home, limit=None: listed(words, limit),
    "and": lambda words, home: joined(words, home.AND),
    "or": lambda words, home: joined(words, home.OR),
    "quoted": lambda words, home, limit=None: listed([f"'{word}'" for word in words], limit),
}
