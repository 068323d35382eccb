"""English: what belongs to no subject."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "told": "{text}",
    "placed": "{place}: {text}",
    "nearest": "; did you mean '{name}'?",
    "language not spoken": "there is no language '{language}'; there are {known:names}",
}
