"""The atoms of the grammar: numbers, names, brackets, bars, functions with their arguments, indices."""

from __future__ import annotations

import difflib

from gradwork.errors import FormulaError
from gradwork.formula.letters import is_greek
from gradwork.formula.lexer import COMPARISONS, Token, fail
from gradwork.formula.literals import literal
from gradwork.formula.machine import Machine, Rule
from gradwork.formula.sums import lift
from gradwork.formula.tree import Binary, Call, Group, Index, Name, Node, Number, Ones, Slice
from gradwork.formula.vocabulary import LETTERS, starts_operand

_EXTREMES = {"max": "maximum", "min": "minimum"}


class Atoms(Machine):
    """The rules for what stands between operators; the operators are in `grammar`."""

    # The rules of `grammar` that atoms hold within them.
    def comparison(self) -> Rule:
        raise NotImplementedError

    def sum(self) -> Rule:
        raise NotImplementedError

    def layer(self) -> Rule:
        raise NotImplementedError

    def power(self) -> Rule:
        raise NotImplementedError

    def atom(self) -> Rule:
        token = self.token
        if token.kind == "number":
            self.advance()
            after = self.token
            if token.text == "1" and after.kind in ("[", "{") and not after.spaced:
                return (yield self.listed())  # 1[x > 0], the indicator
            whole = token.text.isdigit()
            return self.add(Number(token.start, token.end, int(token.text) if whole else float(token.text)))
        if token.kind == "name":
            return (yield self.name())
        if token.kind == "(":
            return (yield self.brackets())
        if token.kind in ("|", "‖"):
            return (yield self.bars())
        if token.kind == "√":
            self.advance()
            self.deeper(token)
            operand = yield self.power()
            self.depth -= 1
            return self.call("sqrt", token, [operand], operand.end, "root")
        if token.kind in ("∑", "∏"):
            return (yield self.total())
        if token.kind == "ones":
            self.advance()
            if self.token.kind == "[" and not self.token.spaced:
                return (yield self.listed())
            return self.add(Ones(token.start, token.end))
        if token.kind == "[":
            return (yield self.listed())
        if token.kind == "⟨":
            return (yield self.inner())
        raise self.unexpected(value=True)

    def brackets(self) -> Rule:
        opened = self.advance()
        self.enter(opened)
        node = yield self.equality()
        items = [node]
        while self.token.kind == ",":
            self.advance()
            if self.token.kind == ")":
                break
            items.append((yield self.comparison()))
        comma = self.tokens[self.at - 1].kind == ","
        closed = self.close(opened)
        if len(items) > 1 or comma:
            return self.add(Group(opened.start, closed.end, items, "("))
        node.start, node.end = opened.start, closed.end
        return node

    def equality(self) -> Rule:
        """A comparison within brackets; there x = y is one too, as in [x = max(x)]."""
        left = yield self.comparison()
        if self.token.kind == "=":
            sign = self.advance()
            right = yield self.sum()
            left = self.binary("==", left, right, sign)
        return left

    def group(self) -> Rule:
        """[a, b]; rows of a matrix are parted by semicolons, and numbers by blanks too: [1 2; 3 4]."""
        opened = self.advance()
        self.enter(opened)
        items: list[Node] = []
        rows: list[Node] = []
        start = self.token.start
        while self.token.kind != "]":
            items.append((yield (self.group() if self.token.kind == "[" else self.equality())))
            if self.token.kind == ";":
                rows.append(self.add(Group(start, self.token.start, items, "[")))
                items, start = [], self.advance().end
            elif self.token.kind == ",":
                self.advance()
            elif self.token.kind != "number":
                break
        if rows and items:
            rows.append(self.add(Group(start, self.token.start, items, "[")))
        closed = self.close(opened)
        return self.add(Group(opened.start, closed.end, rows or items, "["))

    def listed(self) -> Rule:
        """A vector or a matrix of numbers, [1, 2; 3, 4]; brackets around one expression only group it."""
        opened, mark = self.token, len(self.nodes)
        group = yield self.group()
        if len(group.items) == 1 and not isinstance(group.items[0], Group) and literal(group) is None:
            self.nodes.pop()
            node = group.items[0]
            node.start, node.end = group.start, group.end
            return node
        found = literal(group)
        if found is None:
            if any(isinstance(i, Group) for i in group.items) or not group.items:
                message = "a list holds numbers, as in [1, 2; 3, 4], or is an argument, as in stack([a, b])"
                raise fail(self.text, message, (opened.start, group.end, "^"))
            self.nodes.pop()
            where = (opened.start, opened.end)
            return self.add(
                Call(opened.start, group.end, "stack", where, [self.add(group)], arrangement="list")
            )
        del self.nodes[mark:]
        return self.add(found)

    def inner(self) -> Rule:
        """⟨x, y⟩, the inner product."""
        opened = self.advance()
        self.enter(opened)
        left = yield self.comparison()
        if self.token.kind != ",":
            raise self.unexpected()
        self.advance()
        right = yield self.comparison()
        closed = self.close(opened)
        return self.call("dot", opened, [left, right], closed.end, "bars")

    def bars(self) -> Rule:
        """|x|, ‖x‖, ||x||, with the order of a norm below it: ‖A‖_F, ‖x‖₁."""
        opened = self.advance()
        double = opened.kind == "|" and self.token.kind == "|" and not self.token.spaced
        if double:
            second = self.advance()
            opened = Token("|", "||", opened.start, second.end)
        self.enter(opened)
        node = yield self.sum()
        closed = self.close(opened)
        if double:
            if self.token.kind != "|":
                raise fail(
                    self.text, "the norm opened with || is closed with ||", (closed.start, closed.end, "^")
                )
            closed = self.advance()
        if opened.kind == "|" and not double:
            return self.call("abs", opened, [node], closed.end, "bars")
        norm = self.call("norm", opened, [node], closed.end, "bars")
        raised = self.token if self.token.kind == "power" else None
        if (self.tokens[self.at + 1] if raised else self.token).kind == "norm-order":
            order = self.tokens.pop(self.at + 1) if raised else self.advance()
            norm.end = order.end
            known = {"1": 1, "2": 2, "F": "fro", "fro": "fro", "inf": "inf", "∞": "inf"}
            if order.text not in known:
                raise fail(
                    self.text,
                    f"there is no norm of order '{order.text}'; known are 1, 2, F and inf",
                    (order.start, order.end, "^"),
                )
            kind = known[order.text]
            value = (
                Number(order.start, order.end, kind)
                if isinstance(kind, int)
                else Name(order.start, order.end, kind)
            )
            norm.options["ord"] = value
        return norm

    def total(self) -> Rule:
        """Σ and the product that follows it; Σ(x, axis=0) is a call; Σ_i x_i y_i is a sum over an index."""
        token = self.advance()
        self.deeper(token)
        function = "prod" if token.text in ("prod", "∏", "Π") else "sum"
        if self.token.kind == "bounds":
            node = yield self.indexed_sum(function, token)
        elif self.token.kind == "(" and self.has_comma():
            node = yield self.arguments(function, token)
        else:
            operand = yield self.layer()
            node = self.call(function, token, [operand], operand.end, "sum")
        self.depth -= 1
        return node

    def indexed_sum(self, function: str, token: Token) -> Rule:
        bounds = self.advance()
        mark = len(self.nodes)
        self.indices.append(bounds.text.partition("|")[0].partition("=")[0].replace(",", "").strip())
        operand = yield self.layer()
        self.indices.pop()
        return lift(self, function, token, bounds, operand, mark)

    def has_comma(self) -> bool:
        """Tell whether the bracket that opens here holds a comma of its own."""
        depth = 0
        for token in self.tokens[self.at :]:
            depth += (token.kind in ("(", "[")) - (token.kind in (")", "]"))
            if depth == 1 and token.kind == ",":
                return True
            if depth <= 0:
                return False
        return False

    def name(self) -> Rule:
        token = self.advance()
        words, after = self.words, self.token
        if token.quoted:
            return self.add(Name(token.start, token.end, token.text))
        touching = after.kind == "(" and not after.spaced
        if (token.text == "Σ" and words.sum_sign) or (token.text == "Π" and words.product_sign):
            self.at -= 1
            return (yield self.total())
        function = words.function(token.text)
        declared = words.is_declared(token.text)
        if token.text == "σ" and not touching:
            function = None
        if token.text in LETTERS and (not touching or declared or token.text in words.bare):
            function = None
        if function and after.kind == "(" and (touching or not declared):
            return (yield self.arguments(function, token))
        if function and not declared:
            return (yield self.applied(function, token))
        if token.text == "I" and touching and not declared:
            return (yield self.indicator(token))
        if touching and not declared and token.text not in words.bare and not self.is_factor(token):
            if len(token.text.rstrip("0123456789")) > 1 or not is_greek(token.text):
                raise self.unknown(token)
            line = f"{token.text}(…) is read as the product of {token.text} and (…)"
            if line not in words.assumptions:
                words.assumptions.append(line)
        if token.text == "e" and words.base_e and after.kind in ("^", "**", "power"):
            return (yield self.exponential(token))
        return self.add(Name(token.start, token.end, token.text))

    def indicator(self, token: Token) -> Rule:
        """I(x > 0) is the indicator; I(x + y) the identity times a sum."""
        node = yield self.brackets()
        if isinstance(node, Binary) and node.op in COMPARISONS:
            return node
        matrix = self.add(Name(token.start, token.end, "I"))
        return self.add(Binary(token.start, node.end, "beside", matrix, node, (token.end, token.end)))

    def is_factor(self, token: Token) -> bool:
        """Tell whether NAME( is a product: one letter right behind another factor, as in x'C(x + y)."""
        if self.indices and token.text.rpartition("_")[2] in "".join(self.indices):
            return True
        before = self.tokens[self.at - 2] if self.at > 1 else None
        if before is None or before.end != token.start:
            return False
        return len(token.text) == 1 and before.kind in (")", "transpose", "power", "name")

    def unknown(self, token: Token) -> FormulaError:
        near = difflib.get_close_matches(token.text, sorted(self.words.functions), 1, 0.6)
        if near:
            hint = f"; did you mean '{near[0]}'?"
        else:
            hint = f"; if it is a factor, write {token.text} * (…)"
        return fail(self.text, f"unknown function '{token.text}'{hint}", (token.start, token.end, "^"))

    def arguments(self, function: str, token: Token) -> Rule:
        opened = self.advance()
        self.enter(opened)
        args: list[Node] = []
        options: dict[str, Node] = {}
        while self.token.kind != ")":
            key = self.token
            if key.kind == "name" and self.tokens[self.at + 1].kind == "=":
                self.at += 2
                if key.text in options:
                    raise fail(self.text, f"'{key.text}' is given twice", (key.start, key.end, "^"))
                options[key.text] = yield (self.group() if self.token.kind == "[" else self.comparison())
            elif options:
                raise fail(self.text, "options such as axis=0 come last", (key.start, key.end, "^"))
            else:
                args.append((yield (self.group() if self.token.kind == "[" else self.comparison())))
            if self.token.kind != ",":
                break
            self.advance()
        closed = self.close(opened)
        if function in _EXTREMES and len(args) > 1:
            return self.extreme(function, token, args, options, closed)
        return self.add(Call(token.start, closed.end, function, (token.start, token.end), args, options))

    def extreme(
        self, function: str, token: Token, args: list[Node], options: dict[str, Node], closed: Token
    ) -> Node:
        """max(x, 0) and min(a, b, c): the larger or smaller of several values, entry by entry."""
        listed = next((a for a in args if isinstance(a, Group)), None)
        if listed is not None or options:
            mark = listed or args[1]
            message = f"the axis of {function} is given by name: {function}(x, axis=0)"
            raise fail(self.text, message, (*self.span_of(token), "~"), (mark.start, mark.end, "^"))
        if len(args) == 2 and isinstance(args[1], Number):
            shown, number = self.text[token.start : closed.end], self.text[args[1].start : args[1].end]
            if len(shown) <= 40:
                line = f"{shown} compares each entry with {number}; along an axis it is {function}(…, axis={number})"
                if (
                    isinstance(args[1].value, int)
                    and args[1].value < 3
                    and line not in self.words.assumptions
                ):
                    self.words.assumptions.append(line)
        node = args[0]
        for other in args[1:]:
            node = self.add(
                Call(token.start, closed.end, _EXTREMES[function], self.span_of(token), [node, other])
            )
        return node

    def span_of(self, token: Token) -> tuple[int, int]:
        return (token.start, token.end)

    def applied(self, function: str, token: Token) -> Rule:
        """A function before its argument without brackets: log θ, sin 2x, log det(A), sin² x."""
        raised = self.advance() if self.token.kind == "power" else None
        if self.token.kind in ("^", "**") and self.tokens[self.at + 1].kind == "number":
            self.advance()
            raised = self.advance()
            if not raised.text.isdigit():
                raised = None
                self.at -= 2
        bracket = self.token.kind == "[" and not self.token.spaced
        if not (bracket or starts_operand(self.token)) or (
            self.token.kind in ("|", "‖") and self.closes_bar(self.token.kind)
        ):
            message = f"'{token.text}' is a function: write {token.text}(…)"
            raise fail(self.text, message, (token.start, token.end, "^"))
        if raised and int(raised.text) < 0:
            message = (
                f"{token.text} with a negative power may mean its inverse or its reciprocal; write it out"
            )
            raise fail(self.text, message, (token.start, raised.end, "^"))
        self.deeper(token)
        operand = yield self.power()
        if isinstance(operand, Number) and self.factor_follows() and not self.token.spaced:
            factor = yield self.power()
            sign = (operand.end, factor.start)
            operand = self.add(Binary(operand.start, factor.end, "beside", operand, factor, sign))
        self.depth -= 1
        if (
            self.token.kind == "/"
            and function in ("log", "exp", "sqrt")
            and self.text[operand.end - 1] != ")"
        ):
            shown = " ".join(self.text[operand.start : operand.end].split())
            call = f"{token.text} {shown}"
            line = f"{call}/… is read as ({call})/…; write {token.text}({shown}/…) for the other"
            if len(shown) < 20 and line not in self.words.assumptions:
                self.words.assumptions.append(line)
        node = self.call(function, token, [operand], operand.end, "applied")
        if raised:
            exponent = self.add(Number(raised.start, raised.end, int(raised.text)))
            span = (raised.start, raised.end)
            node = self.add(Binary(node.start, node.end, "^", node, exponent, span, "superscript"))
        return node

    def exponential(self, token: Token) -> Rule:
        """e^x, where e is nothing but the base of powers: exp(x)."""
        line = "e is Euler's number: e^x is exp(x)"
        if line not in self.words.assumptions:
            self.words.assumptions.append(line)
        sign = self.advance()
        if sign.kind == "power":
            operand = self.add(Number(sign.start, sign.end, int(sign.text)))
        else:
            self.deeper(sign)
            operand = yield self.signed(self.power())
            self.depth -= 1
        return self.call("exp", token, [operand], operand.end, "exponential")

    def index(self, base: Node) -> Rule:
        opened = self.advance()
        self.enter(opened)
        items: list[Node] = []
        while True:
            if self.token.kind == "]" and not items:
                raise fail(self.text, "an index is missing", (opened.start, self.token.end, "^"))
            items.append((yield self.item()))
            if self.token.kind != ",":
                break
            self.advance()
            if self.token.kind == "]":
                break
        closed = self.close(opened)
        return self.add(Index(base.start, closed.end, base, items))

    def item(self) -> Rule:
        start = self.token
        if start.kind == "[":
            return (yield self.group())
        parts: list[Node | None] = [None, None, None]
        place = 0
        while True:
            if self.token.kind not in (":", ",", "]"):
                if parts[place] is not None:
                    raise self.unexpected()
                parts[place] = yield self.sum()
            elif self.token.kind == ":" and place < 2:
                self.advance()
                place += 1
                if self.token.kind in (",", "]"):
                    break
            else:
                break
        if place == 0:
            if parts[0] is None:
                raise self.unexpected()
            return parts[0]
        end = self.tokens[self.at - 1].end
        return self.add(Slice(start.start, end, (parts[0], parts[1], parts[2])))
