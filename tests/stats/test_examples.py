"""The examples in the docstrings of the statistics are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import gradwork.stats

MODULES = [m.name for m in pkgutil.iter_modules(gradwork.stats.__path__, "gradwork.stats.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
