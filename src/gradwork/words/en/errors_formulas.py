"""English: what is wrong with a formula."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "shapes are text or mapping": "shapes are text or a mapping, not {kind}",
    "not the name of a symbol": "{name!r} is not the name of a symbol",
    "shape of holds sizes names": "the shape of {name} holds sizes (names or whole numbers), not {value!r}",
    "formula is not text": "a {what} is text, not {kind}",
    "formula too long": "the {what} has {count:,} characters; the limit is {max_characters:,}",
    "facts of an expression": "{both} is given as an expression; its shape and facts are already known",
    "facts are given of which": "facts are given of {missing}, which is not in the formula",
}
