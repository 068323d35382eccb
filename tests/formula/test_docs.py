"""Every example of docs/formulas.md is read as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gradwork.expr import shape_text
from gradwork.formula import read

TEXT = (Path(__file__).parents[2] / "docs" / "formulas.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL)


READ = [re.split(r"\s{2,}", line) for block in blocks("formulas") for line in block.splitlines()]
SAID = [block.splitlines() for block in blocks("said")]


def test_the_page_has_examples():
    assert len(READ) >= 20 and len(SAID) >= 6


@pytest.mark.parametrize(("formula", "shapes"), READ)
def test_what_is_read(formula, shapes):
    wanted = {name: sizes.split() for name, _, sizes in (part.partition(": ") for part in shapes.split(", "))}
    found = read(formula).symbols
    ranks = {name: 0 if sizes == ["scalar"] else len(sizes) for name, sizes in wanted.items()}
    assert {name: symbol.ndim for name, symbol in found.items()} == ranks
    # Sizes of one letter are one size, and different letters are free to differ.
    by_letter: dict[str, set[str]] = {}
    for name, sizes in wanted.items():
        for letter, dim in zip(sizes if ranks[name] else [], found[name].shape, strict=True):
            by_letter.setdefault(letter, set()).add(shape_text((dim,)))
    assert all(len(dims) == 1 for dims in by_letter.values())


@pytest.mark.parametrize("lines", SAID, ids=lambda lines: lines[0])
def test_what_is_said(lines):
    assert read(lines[0]).assumptions == [line.strip() for line in lines[1:]]
