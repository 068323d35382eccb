"""What a helper function of the generated source is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Helper:
    """A helper's text, in NumPy's words, and the text of a target that needs another.

    needs:       the helpers that the text calls;  needs_there: those of a target's own text.
    """

    text: str
    targets: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    needs_there: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def called(self, target: str) -> tuple[str, ...]:
        """Return the helpers that the text for a target calls."""
        return self.needs_there.get(target, self.needs)
