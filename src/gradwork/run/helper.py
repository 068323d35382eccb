"""What a helper function of the generated source is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Helper:
    """A helper's text, in NumPy's words, and the text of a target that needs another."""

    text: str
    targets: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
