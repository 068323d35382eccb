"""Which notes on a model warn, and which only inform: a summary and a page set the first apart from the second."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from gradwork.words.en import data as data_words
from gradwork.words.en import models as model_words

# The sentences that only say how something was done; every other note is taken as a warning.
INFORMS = (
    (data_words, ("reference", "no reference", "filled", "filled one")),
    (
        model_words,
        (
            "reference",
            "rank penalised",
            "validation",
            "sandwich",
            "robust errors",
            "not a likelihood",
            "least squares errors",
            "likelihood errors",
            "mean likelihood",
            "constants",
            "penalised",
            "penalty scale",
            "penalty in loss",
            "whole numbers are classes",
            "no errors, many",
        ),
    ),
)


@cache
def _patterns() -> re.Pattern[str]:
    found = []
    for words, keys in INFORMS:
        for table in words.TABLES.values():
            for key in keys:
                parts = re.split(r"\{[^{}]*\}", table.get(key, words.ENGLISH[key]))
                found.append(".+".join(map(re.escape, parts)))
    return re.compile("|".join(f"(?:{p})" for p in found), re.S)


def informs(note: str) -> bool:
    """Tell whether a note only says how something was done.

    >>> informs("the reference class is setosa"), informs("3 of 9 rows were left out for missing values")
    (True, False)
    """
    return _patterns().fullmatch(note) is not None


def apart(notes: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the notes that warn, and those that only inform, each as a sentence.

    >>> apart(["the reference class is setosa", "no estimate"])
    (('No estimate.',), ('The reference class is setosa.',))
    """
    warn, inform = [], []
    for note in notes:
        (inform if informs(note) else warn).append(sentence(note))
    return tuple(warn), tuple(inform)


def sentence(text: str) -> str:
    """Return a text as a sentence.

    >>> sentence("ran 3 steps"), sentence("")
    ('Ran 3 steps.', '')
    """
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".") if text else ""
