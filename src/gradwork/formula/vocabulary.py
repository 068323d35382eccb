"""What the words of a formula are: functions, one name, or several names side by side."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gradwork.formula.letters import GREEK
from gradwork.formula.lexer import Token, fail, indexed

ALIASES = {
    "ln": "log",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "σ": "sigmoid",
    "tr": "trace",
}
_CHOICE = "write where(c, a, b) for a choice"
_RESERVED = {
    "and": "multiply conditions: (0 < x) * (x < 1)",
    "or": "write maximum(a, b) of two conditions",
    "not": "write 1 - c for a condition c",
    "if": _CHOICE,
    "else": _CHOICE,
    "in": _CHOICE,
    "is": "compare with ==",
}
_INDEXED = re.compile(r"(Σ|sum)_\w+")

_PIECE = re.compile(r"[^\W\d_]\d*")
# What a textbook writes as one word but means as a product: Xb, Xβ, AXB, λXb. At most four factors.
_PRODUCT = re.compile(r"(?=.{2})[α-ωΑ-Ω]?(?:[A-Z]\d*){1,4}(?:[a-zα-ω]\d*)?")


@dataclass
class Vocabulary:
    """The words that mean something before a formula is read, and what its own words turn out to be."""

    functions: frozenset[str]
    declared: frozenset[str] = frozenset()
    sizes: frozenset[str] = frozenset()
    bare: set[str] = field(default_factory=set)
    assumptions: list[str] = field(default_factory=list)
    sum_sign: bool = True
    base_e: bool = False

    def function(self, name: str) -> str | None:
        """Return the function that `name` stands for, or None."""
        for candidate in (name, ALIASES.get(name, "")):
            if candidate in self.functions:
                return candidate
        return None

    def is_declared(self, name: str) -> bool:
        """Tell whether `name` was given from outside as a symbol or a size."""
        return name in self.declared or name in self.sizes


def refuse(text: str, tokens: list[Token], words: Vocabulary) -> None:
    """Refuse the words of programs that a name may not be, and sums with an index."""
    for token, after in zip(tokens, tokens[1:]):
        if token.kind != "name" or token.quoted:
            continue
        if token.text in _RESERVED:
            message = f"'{token.text}' is no name in a formula; {_RESERVED[token.text]}"
            raise fail(text, message, (token.start, token.end, "^"))
        counted = starts_operand(after) or after.kind == "="
        if _INDEXED.fullmatch(token.text) and counted and not words.is_declared(token.text):
            raise indexed(text, token.start, token.end)


def settle(tokens: list[Token], words: Vocabulary) -> list[Token]:
    """Split words that are products, note which names stand alone, and return the tokens."""
    result: list[Token] = []
    for at, token in enumerate(tokens):
        pieces = (
            _pieces(token, tokens[at + 1 :][:1], words) if token.kind == "name" and not token.quoted else []
        )
        if not pieces:
            result.append(token)
            continue
        start = token.start
        for i, piece in enumerate(pieces):
            # Subscripts such as x₁ were respelled with as many characters, so lengths agree.
            result.append(Token("name", piece, start, start + len(piece), token.spaced if not i else False))
            start += len(piece)
    for token, after in zip(result, result[1:]):
        if token.kind == "name" and not (after.kind == "(" and not after.spaced):
            words.bare.add(token.text)
    words.sum_sign = not words.is_declared("Σ") and all(
        starts_operand(after) for token, after in zip(result, result[1:]) if token.text == "Σ"
    )
    words.base_e = not words.is_declared("e") and all(
        after.kind in ("^", "**", "power") for token, after in zip(result, result[1:]) if token.text == "e"
    )
    return result


def starts_operand(token: Token) -> bool:
    """Tell whether an operand can begin with this token."""
    return token.kind in ("name", "number", "(", "|", "‖", "√", "∑")


def _pieces(token: Token, after: list[Token], words: Vocabulary) -> list[str]:
    name = token.text
    called = bool(after) and after[0].kind == "(" and not after[0].spaced
    if (
        words.is_declared(name)
        or words.function(name)
        or is_word(name)
        or token.end - token.start != len(name)
    ):
        return []
    if name[0] == "Σ" and len(name) > 1 and name[1].isalpha() and not words.is_declared("Σ"):
        return ["Σ", name[1:]]
    pieces = _PIECE.findall(name)
    if len(pieces) < 2 or "".join(pieces) != name:
        return []
    known = all(words.is_declared(piece) for piece in pieces)
    if not known and (called or not _PRODUCT.fullmatch(name)):
        return []
    line = f"{name} is read as the product {' '.join(pieces)}"
    if line not in words.assumptions:
        words.assumptions.append(line)
    return pieces


def is_word(name: str) -> bool:
    """Tell whether a name is a word that options or conventions use."""
    return name.lower() in GREEK or name in ("True", "False", "None", "inf", "fro")
