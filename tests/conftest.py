"""Fixtures that every test may use."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def reference_folder() -> Path:
    """Return the folder of the numbers that were made elsewhere (see its README.md)."""
    given = os.environ.get("GRADWORK_REFERENCE")
    return Path(given) if given else Path(__file__).resolve().parents[1] / ".." / "shared" / "reference"


@pytest.fixture(scope="session")
def reference() -> Callable[[str], Any]:
    """Return a reader of one reference file; the test is skipped, with the reason, where it is absent."""

    def read(name: str) -> Any:
        folder = reference_folder()
        if not folder.is_dir():
            pytest.skip(f"no reference numbers: {folder} is not there (set GRADWORK_REFERENCE)")
        path = folder / name  # a misspelt name is a failure, not a reason to skip
        return json.loads(path.read_text(encoding="utf-8"))

    return read
