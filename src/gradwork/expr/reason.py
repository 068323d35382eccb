"""Why a step holds, as data: a key and its facts. Words are found for it at the edge, never here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason by its key, with the facts that its sentence and a check of it need.

    >>> Reason.of("linear", y="r", x="b").facts
    {'y': 'r', 'x': 'b'}
    """

    key: str
    pairs: tuple[tuple[str, Any], ...] = ()

    @staticmethod
    def of(key: str, **facts: Any) -> Reason:
        """Return the reason of that key with these facts."""
        return Reason(key, tuple(facts.items()))

    @property
    def facts(self) -> dict[str, Any]:
        """What the reason is about: operations, operands, laws, assumptions."""
        return dict(self.pairs)

    def __getitem__(self, fact: str) -> Any:
        return self.facts[fact]


__all__ = ["Reason"]
