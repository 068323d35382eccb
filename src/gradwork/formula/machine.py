"""What the rules of the grammar run on: a stack of our own, the tokens, the open brackets, and the errors.

Each rule is a generator that yields the rules that it needs and returns a node. So the grammar reads as a
recursive descent, while nesting costs no Python stack and its limit is a rule of the language, not a crash.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from gradwork.errors import FormulaError
from gradwork.formula.lexer import COMPARISONS, Token, fail
from gradwork.formula.tree import Binary, Call, Negative, Node
from gradwork.formula.vocabulary import Vocabulary, starts_operand

MAX_DEPTH = 200
_CLOSING = {"(": ")", "[": "]", "|": "|", "‖": "‖", "⟨": "⟩", "_{": "}"}

Rule = Generator[Any, Any, Any]


class Machine:
    """Reads the tokens of one formula."""

    def __init__(self, text: str, tokens: list[Token], words: Vocabulary):
        self.text, self.tokens, self.words = text, tokens, words
        self.at = 0
        self.depth = 0
        self.nodes: list[Node] = []
        # The brackets that are open, innermost last; | and ‖ close only what they opened.
        self.open: list[Token] = []
        # The indices of the sums that are being read, outermost first, and what sums over an index leave behind.
        self.indices: list[str] = []
        self.lifted: dict[Node, Any] = {}
        self.made: set[Node] = set()
        self.lengths: list[tuple[Node, int, Any]] = []
        self.ranks: dict[str, int] = {}

    def run(self, rule: Rule) -> Any:
        """Run a rule with all the rules that it yields, on an explicit stack."""
        stack: list[Rule] = [rule]
        value: Any = None
        while stack:
            try:
                stack.append(stack[-1].send(value))
                value = None
            except StopIteration as stop:
                stack.pop()
                value = stop.value
        return value

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def advance(self) -> Token:
        token = self.tokens[self.at]
        if token.kind != "end":
            self.at += 1
        return token

    def add(self, node: Any) -> Any:
        self.nodes.append(node)
        return node

    def deeper(self, token: Token, by: int = 1) -> None:
        self.depth += by
        if self.depth > MAX_DEPTH:
            raise fail(
                self.text,
                f"the formula is nested more than {MAX_DEPTH} deep",
                (token.start, token.end, "^"),
            )

    def unexpected(self, value: bool = False) -> FormulaError:
        """Return the error that the next token cannot stand here; `value` says that a value should."""
        token = self.token
        shown = self.text[token.start : token.end]
        mark = (token.start, token.end, "^")
        if token.kind == "end":
            if self.open:
                opened = self.open[0]
                kind = "bracket" if opened.kind in "([" else "bar"
                return fail(
                    self.text, f"the {kind} opened here is not closed", (opened.start, opened.end, "^")
                )
            return fail(self.text, "the formula ends where a value is expected", mark)
        if token.kind in (")", "]") and not self.open:
            return fail(self.text, "this bracket was never opened", mark)
        if self.open and token.kind in (")", "]"):
            opened = self.open[-1]
            want = _CLOSING[opened.kind]
            if token.kind != want:
                message = f"'{want}' must close the '{opened.text}' opened before, not '{token.text}'"
                return fail(self.text, message, (opened.start, opened.end, "~"), mark)
            return fail(self.text, f"a value is missing before '{shown}'", mark)
        if token.kind == "=":
            return fail(
                self.text, "'=' only gives an option, as in sum(x, axis=0); write the right-hand side", mark
            )
        if token.kind == ",":
            return fail(
                self.text, "a comma separates the arguments of a function; it has no meaning here", mark
            )
        if token.kind in COMPARISONS and not value:
            return fail(self.text, "comparisons do not chain; multiply conditions: (0 < x) * (x < 1)", mark)
        if token.kind == "[" and value:
            return fail(self.text, "a list can only be an argument, as in stack([a, b])", mark)
        missing = "a value" if value else "an operator"
        return fail(self.text, f"{missing} is missing before '{shown}'", mark)

    def close(self, opened: Token) -> Token:
        """Take the bracket that closes `opened`."""
        if self.token.kind != _CLOSING[opened.kind]:
            raise self.unexpected()
        self.open.pop()
        self.depth -= 1
        return self.advance()

    def enter(self, opened: Token) -> None:
        self.deeper(opened)
        self.open.append(opened)

    def binary(self, op: str, left: Node, right: Node, sign: Token) -> Node:
        span = (sign.start, sign.end)
        return self.add(Binary(left.start, right.end, op, left, right, span, sign.text))

    def call(self, name: str, token: Token, args: list[Node], end: int, arrangement: str) -> Call:
        return self.add(Call(token.start, end, name, (token.start, token.end), args, arrangement=arrangement))

    def signs(self) -> tuple[list[Token], int]:
        """Take the signs before a value; return the minus signs and how many signs there were."""
        taken = []
        while self.token.kind in ("+", "-"):
            taken.append(self.advance())
            self.deeper(taken[-1])
        return [t for t in taken if t.kind == "-"], len(taken)

    def negated(self, node: Node, minus: list[Token]) -> Node:
        for sign in reversed(minus):
            node = self.add(Negative(sign.start, node.end, node))
        return node

    def signed(self, rule: Rule) -> Rule:
        minus, count = self.signs()
        node = yield rule
        self.depth -= count
        return self.negated(node, minus)

    def factor_follows(self) -> bool:
        """Tell whether the next token begins a factor of the product that is being read."""
        kind = self.token.kind
        if kind in ("|", "‖"):
            return not self.closes_bar(kind)
        return kind != "number" and starts_operand(self.token)

    def indicates(self) -> bool:
        """Tell whether the bracket that opens here, after a blank, holds a comparison: k [x > 0] is a product."""
        depth = 0
        for token in self.tokens[self.at :] if self.token.spaced else ():
            depth += (token.kind in ("(", "[")) - (token.kind in (")", "]"))
            if depth == 1 and token.kind in COMPARISONS:
                return True
            if depth <= 0:
                return False
        return False

    def closes_bar(self, kind: str) -> bool:
        return bool(self.open) and self.open[-1].kind == kind
