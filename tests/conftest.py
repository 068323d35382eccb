"""Fixtures that every test may use."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REFERENCE = Path(__file__).parent / "reference"  # numbers that were made elsewhere: see its README.md


@pytest.fixture(scope="session")
def reference() -> Callable[[str], Any]:
    """Return a reader of one reference file."""

    def read(name: str) -> Any:
        return json.loads((REFERENCE / name).read_text(encoding="utf-8"))

    return read
