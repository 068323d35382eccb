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

from gradwork.formula.atoms import Atoms
from gradwork.formula.lexer import COMPARISONS, fail, tokenize
from gradwork.formula.machine import Rule
from gradwork.formula.tree import Binary, Formula, Node, Number, Transpose
from gradwork.formula.vocabulary import Vocabulary, refuse, settle


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
    refuse(text, tokens, words)
    tokens = settle(tokens, words)
    if len(tokens) == 1:
        raise fail(text, "the formula is empty")
    return Parser(text, tokens, words).formula()


_POWERS = ("^", "**", ".^", "^^")


class Parser(Atoms):
    """The rules for operators, from the loosest to the tightest."""

    def formula(self) -> Formula:
        """Return the whole formula; anything left over is an error."""
        root = self.run(self.comparison())
        if self.token.kind != "end":
            raise self.unexpected()
        return Formula(self.text, root, self.nodes, self.words.assumptions)

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
        while self.token.kind == "∘":
            sign = self.advance()
            right = yield self.signed(self.product())
            left = self.binary("∘", left, right, sign)
        return left

    def product(self) -> Rule:
        left = yield self.beside()
        while True:
            if self.token.kind in ("*", "@", "/", "./", "·"):
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
        if sign.kind == "^" and self.token.text == "T" and "T" not in self.words.declared:
            taken = self.advance()
            self.depth -= 1
            node = self.add(Transpose(base.start, taken.end, base, (sign.start, taken.end)))
            return (yield self.postfix(node))
        exponent = yield self.signed(self.power())
        self.depth -= 1
        return self.binary("^" if sign.kind == "**" else sign.kind, base, exponent, sign)

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
            elif token.kind == "[":
                node = yield self.index(node)
                self.at -= 1
            else:
                self.depth -= marks
                return node
            self.advance()
            self.deeper(token)
            marks += 1
