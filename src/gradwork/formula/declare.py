"""What is declared about the symbols of a formula: their shapes and facts, as text or as a mapping."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gradwork.errors import FormulaError
from gradwork.expr.dims import Dim, shape_text
from gradwork.expr.node import FACTS
from gradwork.formula.lexer import Token, fail, normalise, tokenize

SQUARE = frozenset({"symmetric", "orthogonal", "diagonal", "lower"})
MAX_AXES = 8


@dataclass(frozen=True)
class Declared:
    """One declared symbol: its shape, its facts, and the words in which it was declared."""

    shape: tuple[Dim, ...]
    facts: tuple[str, ...] = ()
    source: str = ""


def parse_shapes(shapes: str | Mapping[str, Any] | None) -> dict[str, Declared]:
    """Return the shapes and facts that a text such as "X: n d, y: n, S: d d symmetric" declares, by name.

    Sizes are names, whole numbers or sums and products of them (`n-k+1`); none, or the word `scalar`, makes a
    scalar. Brackets and commas may stand around sizes: "X: (n, d)". A mapping from names to such texts, or to
    tuples of sizes, is taken too.

    >>> shapes = parse_shapes("X: n d, lam: , S: d d symmetric, o: n-k+1")
    >>> shapes["S"].shape, shapes["S"].facts, shapes["lam"].shape, shapes["o"].shape
    ((Dim(d), Dim(d)), ('symmetric',), (), (Dim(n - k + 1),))
    """
    if shapes is None:
        return {}
    if isinstance(shapes, str):
        return _Reader(shapes).entries()
    if not isinstance(shapes, Mapping):
        raise FormulaError("shapes are text or mapping", kind=type(shapes).__name__)
    return {_name(name): _value(name, value) for name, value in shapes.items()}


def _name(name: Any) -> str:
    tokens = tokenize(name, "name of a symbol")
    if len(tokens) != 2 or tokens[0].kind != "name":
        raise FormulaError("not the name of a symbol", name=name)
    return normalise(name)


def _value(name: str, value: Any) -> Declared:
    if isinstance(value, Declared):
        return value
    if isinstance(value, str):
        return _Reader(f"{name}: {value}").entries()[_name(name)]
    if not isinstance(value, (tuple, list)):
        value = (value,)
    if not all(isinstance(v, (Dim, str)) or hasattr(v, "__index__") for v in value):
        raise FormulaError("shape of holds sizes names", name=name, value=value)
    if any(isinstance(v, str) for v in value):
        return _Reader(f"{name}: {' '.join(str(v).replace(' ', '') for v in value)}").entries()[_name(name)]
    shape = tuple(Dim.of(v) for v in value)
    return Declared(shape, (), f"{name}: {shape_text(shape)}")


def check_facts(name: str, shape: tuple[Dim, ...] | None, facts: tuple[str, ...]) -> str:
    """Return what is wrong with these facts of a symbol of this shape (None if not known yet), or nothing."""
    for fact in facts:
        if fact not in FACTS:
            near = difflib.get_close_matches(fact, FACTS, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(FACTS)}"
            return f"unknown fact '{fact}' about {name}; {hint}"
        if shape is None:
            continue
        if fact in SQUARE and (len(shape) != 2 or shape[0] != shape[1]):
            return f"{name} is declared {fact}, so it must be a square matrix, not {shape_text(shape)}"
        if fact == "onehot" and len(shape) not in (1, 2):
            return f"{name} is declared onehot, so it must be a vector or a matrix, not {shape_text(shape)}"
    return ""


class _Reader:
    def __init__(self, text: str):
        self.text = text
        # In shapes × stands between sizes, as in n×d; products of sizes are written n*d.
        self.tokens = tokenize(text.replace(";", ",").replace("×", " "), "text of shapes")
        self.at = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.token
        self.at += token.kind != "end"
        return token

    def fail(self, message: str, token: Token, end: int | None = None) -> FormulaError:
        return fail(self.text, message, (token.start, end or token.end, "^"))

    def starts_entry(self) -> bool:
        return self.token.kind == "name" and self.tokens[self.at + 1].kind == ":"

    def entries(self) -> dict[str, Declared]:
        found: dict[str, Declared] = {}
        while self.token.kind != "end":
            if self.token.kind == ",":
                self.take()
                continue
            first = self.token
            if not self.starts_entry():
                hint = "each entry is a name, a colon and its sizes, as in X: n d"
                raise self.fail(f"'{first.text}' is not followed by a colon; {hint}", first)
            if first.text in found:
                raise self.fail(f"{first.text} is declared twice", first)
            self.at += 2
            if self.starts_entry():
                hint = f"write a comma for a scalar, as in {first.text}: , {self.token.text}: …"
                raise self.fail(
                    f"{first.text} has no sizes before the next colon; {hint}", self.tokens[self.at + 1]
                )
            found[first.text] = self.entry(first)
        return found

    def entry(self, first: Token) -> Declared:
        shape, words = [], []
        bracket = self.take() if self.token.kind in ("(", "[") else None
        while not self.starts_entry():
            token = self.token
            if bracket and token.kind == ",":
                self.take()
            elif bracket and token.kind in (")", "]"):
                self.take()
                bracket = None
            elif token.kind in (",", "end"):
                break
            elif token.kind == "name" and (token.text in FACTS or token.text == "scalar"):
                words.append(self.take())
            elif words and not bracket:
                raise self.fail("sizes come before facts", token)
            else:
                shape.append(self.size())
        if bracket:
            raise self.fail("the bracket opened here is not closed", bracket)
        end = self.tokens[self.at - 1].end
        if len(shape) > MAX_AXES:
            raise self.fail(f"{first.text} has {len(shape)} axes; the limit is {MAX_AXES}", first, end)
        if shape and any(w.text == "scalar" for w in words):
            raise self.fail(f"{first.text} is declared a scalar, and with sizes", first, end)
        facts = tuple(w.text for w in words if w.text != "scalar")
        wrong = check_facts(first.text, tuple(shape), facts)
        if wrong:
            raise self.fail(wrong, first, end)
        return Declared(tuple(shape), facts, " ".join(self.text[first.start : end].split()))

    def size(self) -> Dim:
        first = self.token
        total = self.product()
        while self.token.kind in ("+", "-"):
            sign = self.take()
            term = self.product()
            total = total + term if sign.kind == "+" else total - term
        if total.value is not None and total.value < 1:
            raise self.fail(f"a size is at least 1, not {total}", first, self.tokens[self.at - 1].end)
        return total

    def product(self) -> Dim:
        result = self.factor()
        while self.token.kind == "*" or (
            self.token.kind == "name" and not self.token.spaced and self.tokens[self.at - 1].kind == "number"
        ):
            if self.token.kind == "*":
                self.take()
            result = result * self.factor()
        return result

    def factor(self) -> Dim:
        token = self.take()
        if token.kind == "number":
            if not token.text.isdigit() or len(token.text) > 15:
                raise self.fail("a size is a whole number or a name", token)
            return Dim.of(int(token.text))
        if token.kind == "name":
            near = difflib.get_close_matches(token.text, FACTS, 1, 0.8)
            if near:
                raise self.fail(f"unknown fact '{token.text}'; did you mean '{near[0]}'?", token)
            return Dim.of(token.text)
        if token.kind == "end":
            raise self.fail("a size is missing here", token)
        raise self.fail(f"'{token.text}' has no meaning in a shape; write sizes as in X: n d", token)
