"""The grammar of formulas, as coroutines run on a stack of our own.

comparison  sum [(< <= > >= == !=) sum]
sum         term {(+ -) term}                      term     {+ -} layer
layer       product {∘ product}                    (A B ∘ C D is (A B) ∘ (C D))
product     run {(* @) run | / power | beside}     (1/2 x is (1/2) x; y * X b is y * (X b))
run         power {power}                          factors side by side
power       postfix [^ exponent]                   right to left; −x^2 is −(x^2)
postfix     atom {' .T ᵀ ² ⁻¹ [index]}
atom        number, name, (…), |…|, ‖…‖, f(…), f power, √ power, Σ layer
"""

from __future__ import annotations

from typing import Any

from gradwork.formula.atoms import Atoms
from gradwork.formula.equations import parted
from gradwork.formula.lexer import COMPARISONS, Token, fail, tokenize
from gradwork.formula.machine import Rule
from gradwork.formula.tree import Binary, Formula, Node, Number, Subscript, Transpose
from gradwork.formula.vocabulary import Vocabulary, look_alikes, refuse, settle


def parse_tree(text: str, words: Vocabulary) -> Formula:
    """Return the syntax tree of `text`.

    >>> tree = parse_tree("2x + 3", Vocabulary(frozenset()))
    >>> tree.root.op, tree.root.left.op
    ('+', 'beside')
    """
    tokens = tokenize(text)
    quoted = {
        t.text: text[t.start : t.end] for t in tokens if t.quoted and t.text != text[t.start + 1 : t.end - 1]
    }
    words.assumptions += [f"{shown} is called {name}" for name, shown in quoted.items()]
    look_alikes(tokens, words)
    whole = parted(text, tokens)
    words.declared |= frozenset(name for name, _ in whole.definitions)
    refuse(text, tokens, words)
    if len(whole.body) == 1:
        raise fail(text, "the formula is empty")
    nodes: list[Node] = []
    lengths: list[tuple[Node, int, Any]] = []
    roots: dict[str, Node] = {}
    ranks: dict[str, int] = {}
    made: set[Node] = set()
    for name, part in whole.ordered(text):
        parser = Parser(text, settle(part, words), words, nodes)
        roots[name] = parser.whole()
        lengths += parser.lengths
        ranks |= parser.ranks
        made |= parser.made
    root = roots.pop("")
    return Formula(text, root, nodes, words.assumptions, roots, lengths, whole.name, ranks, made)


_POWERS = ("^", "**", ".^", "^^")


class Parser(Atoms):
    """The rules for operators, from the loosest to the tightest."""

    def __init__(self, text: str, tokens: list[Token], words: Vocabulary, nodes: list[Node]):
        super().__init__(text, tokens, words)
        self.nodes = nodes

    def whole(self) -> Node:
        """Return the root of what the tokens say; anything left over is an error."""
        root = self.run(self.comparison())
        if self.token.kind != "end":
            raise self.unexpected()
        for node in self.nodes:
            if isinstance(node, Subscript):
                message = "an index stands only under a sum that has it, as in Σ_i x_{i+1} − x_i"
                raise fail(self.text, message, (node.start, node.end, "^"))
        return root

    def comparison(self) -> Rule:
        left = yield self.sum()
        if self.token.kind in COMPARISONS:
            sign = self.advance()
            right = yield self.sum()
            left = self.binary(sign.kind, left, right, sign)
        return left

    def sum(self) -> Rule:
        left = yield self.term()
        while self.token.kind in ("+", "-"):
            sign = self.advance()
            right = yield self.term()
            left = self.binary(sign.kind, left, right, sign)
        return left

    def term(self) -> Rule:
        minus, count = self.signs()
        node = yield self.layer()
        self.depth -= count
        return self.negated(node, minus)

    def layer(self) -> Rule:
        left = yield self.product()
        while self.token.kind in ("∘", "⊗"):
            sign = self.advance()
            right = yield self.signed(self.product())
            if sign.kind == "⊗":
                left = self.call("kron", sign, [left, right], right.end, "infix")
                left.start = left.args[0].start
            else:
                left = self.binary("∘", left, right, sign)
        return left

    def product(self) -> Rule:
        left = yield self.beside()
        while True:
            if self.token.kind == "%":
                sign = self.advance()
                right = yield self.signed(self.power())
                left = self.call("mod", sign, [left, right], right.end, "infix")
                left.start = left.args[0].start
            elif self.token.kind in ("*", "@", "/", "./", "·"):
                sign = self.advance()
                # After a quotient the next factor stands beside the whole of it: 1/2 x is (1/2) x.
                right = yield self.signed(self.power() if sign.kind in ("/", "./") else self.beside())
                left = self.binary(sign.kind, left, right, sign)
            elif self.factor_follows():
                self.note_quotient(left)
                right = yield self.power()
                left = self.add(Binary(left.start, right.end, "beside", left, right, (left.end, right.start)))
            else:
                return left

    def beside(self) -> Rule:
        left = yield self.power()
        while self.factor_follows():
            right = yield self.power()
            left = self.add(Binary(left.start, right.end, "beside", left, right, (left.end, right.start)))
        return left

    def note_quotient(self, left: Node) -> None:
        """Say how 1/2x was read, since without spaces it is read either way."""
        if (
            isinstance(left, Binary)
            and left.op == "/"
            and not self.token.spaced
            and self.text[left.end - 1] != ")"
        ):
            over, under = (
                self.text[left.start : left.sign[0]].strip(),
                self.text[left.sign[1] : left.end].strip(),
            )
            word = {"name": self.token.text, "(": "(…)"}.get(self.token.kind, f"{self.token.text}…")
            self.words.assumptions.append(
                f"{over}/{under}{word} is read as ({over}/{under}) {word}; "
                f"write {over}/({under}{word}) if all of it divides"
            )

    def power(self) -> Rule:
        base = yield self.postfix()
        if self.token.kind not in _POWERS:
            return base
        sign = self.advance()
        self.deeper(sign)
        if sign.kind == "^":
            taken, inverse = self.raised_transpose()
            if taken is not None:
                self.depth -= 1
                span = (sign.start, taken.end)
                if inverse:
                    minus = self.add(Number(taken.start, taken.end, -1))
                    base = self.add(Binary(base.start, taken.end, "^", base, minus, span, "superscript"))
                node = self.add(Transpose(base.start, taken.end, base, span))
                return (yield self.postfix(node))
        exponent = yield self.signed(self.power())
        self.depth -= 1
        return self.binary("^" if sign.kind == "**" else sign.kind, base, exponent, sign)

    def raised_transpose(self) -> tuple[Token | None, bool]:
        """Take the T of A^T, A^⊤, A^-T or A^(-T), if that is what stands raised here."""
        at = self.at
        bracket = self.tokens[at].kind == "("
        at += bracket
        inverse = self.tokens[at].kind == "-"
        at += inverse
        token = self.tokens[at]
        letter = token.text == "T" and "T" not in self.words.declared
        if not (letter or (token.kind == "transpose" and token.text in "⊤ᵀ′'")):
            return None, False
        if bracket and self.tokens[at + 1].kind != ")":
            return None, False
        self.at = at + 1 + bracket
        return self.tokens[self.at - 1], inverse

    def subscript(self, base: Node) -> Rule:
        """x_{i+1}: an index of a sum."""
        opened = self.advance()
        self.enter(opened)
        items = [(yield self.sum())]
        while self.token.kind == ",":
            self.advance()
            items.append((yield self.sum()))
        closed = self.close(opened)
        return self.add(Subscript(base.start, closed.end, base, items))

    def postfix(self, done: Node | None = None) -> Rule:
        node: Node = done if done is not None else (yield self.atom())
        marks = 0
        while True:
            token = self.token
            if token.kind == "transpose":
                node = self.add(Transpose(node.start, token.end, node, (token.start, token.end)))
            elif token.kind in ("power", "inverse-transpose"):
                value = int(token.text) if token.kind == "power" else -1
                exponent = self.add(Number(token.start, token.end, value))
                span = (token.start, token.end)
                node = self.add(Binary(node.start, token.end, "^", node, exponent, span, "superscript"))
                if token.kind == "inverse-transpose":
                    node = self.add(Transpose(node.start, token.end, node, span))
            elif token.kind == "[" and not isinstance(node, Number) and not self.indicates():
                node = yield self.index(node)
                self.at -= 1
            elif token.kind == "_{":
                node = yield self.subscript(node)
                self.at -= 1
            elif token.kind == "!":
                node = self.call("factorial", token, [node], token.end, "postfix")
                node.start = node.args[0].start
            elif token.kind == "†":
                if self.words.function("pinv") is None:
                    message = "the pseudo-inverse has no function here; write (X'X)^-1 X'"
                    raise fail(self.text, message, (token.start, token.end, "^"))
                node = self.call("pinv", token, [node], token.end, "postfix")
                node.start = node.args[0].start
            else:
                self.depth -= marks
                return node
            self.advance()
            self.deeper(token)
            marks += 1
