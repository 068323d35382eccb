"""What stands around a formula: its name on the left (y = …, f(x) = …) and names for its parts behind it (where …)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gradwork.formula.lexer import Token, fail

_OPEN, _CLOSE = ("(", "[", "⟨", "_{"), (")", "]", "⟩", "}")
_INTRODUCE = ("where", "with")


@dataclass
class Parted:
    """The tokens of a formula, of the parts that it names, and its own name."""

    name: str
    body: list[Token]
    definitions: list[tuple[str, list[Token]]]

    def ordered(self, text: str) -> list[tuple[str, list[Token]]]:
        """Return all parts, those that others use first; the formula itself, under no name, last."""
        left = dict(self.definitions)
        done: list[tuple[str, list[Token]]] = []
        while left:
            ready = [
                n for n, part in left.items() if not any(t.kind == "name" and t.text in left for t in part)
            ]
            if not ready:
                token = next(t for t in next(iter(left.values())) if t.text in left)
                raise fail(text, "these definitions go round in a circle", (token.start, token.end, "^"))
            done.append((ready[0], left.pop(ready[0])))
        return [*done, ("", self.body)]


def parted(text: str, tokens: list[Token]) -> Parted:
    """Part a formula into its left side, its body and its definitions.

    >>> from gradwork.formula.lexer import tokenize
    >>> text = "L(b) = mean((y - z)^2) where z = X b"
    >>> whole = parted(text, tokenize(text))
    >>> whole.name, len(whole.body), [name for name, _ in whole.definitions]
    ('L', 11, ['z'])
    """
    level = levels(tokens)
    start = next(
        (i for i, t in enumerate(tokens) if level[i] == 0 and _introduces(tokens, i)), len(tokens) - 1
    )
    signs = [i for i, t in enumerate(tokens) if t.kind == "=" and level[i] == 0]
    lines = [i for i in signs if i > start or (i and _new_line(text, tokens, i - 1) and i > 1)]
    own = [i for i in signs if i not in lines]
    if lines and tokens[start].kind == "end":
        start = lines[0] - 1  # definitions on lines of their own need no word before them
    name, body = "", tokens[:start]
    if own:
        if len(own) > 1:
            raise fail(text, "one '=' names the formula; there is a second one", _mark(tokens[own[1]]))
        name, body = _left(text, tokens[: own[0]], tokens[own[0]]), tokens[own[0] + 1 : start]
    definitions = _definitions(text, tokens, start, lines)
    return Parted(name, _closed(body, text), definitions)


def _definitions(
    text: str, tokens: list[Token], start: int, signs: list[int]
) -> list[tuple[str, list[Token]]]:
    found: list[tuple[str, list[Token]]] = []
    for k, sign in enumerate(signs):
        token = tokens[sign - 1]
        if token.kind != "name" or (k == 0 and sign - 1 > start + (tokens[start].text in _INTRODUCE)):
            raise fail(
                text, "a definition is a name, '=' and what it stands for: where z = X b", _mark(token)
            )
        if token.text in (name for name, _ in found):
            raise fail(text, f"{token.text} is defined twice", _mark(token))
        end = signs[k + 1] - 1 if k + 1 < len(signs) else len(tokens) - 1
        part = tokens[sign + 1 : end]
        while part and (part[-1].kind in (",", ";") or part[-1].text == "and"):
            part.pop()
        if not part:
            raise fail(text, f"what {token.text} stands for is missing", _mark(tokens[sign]))
        found.append((token.text, _closed(part, text)))
    if start < len(tokens) - 1 and not found:
        raise fail(text, "a definition is missing here: where z = X b", _mark(tokens[start]))
    return found


def _left(text: str, left: list[Token], sign: Token) -> str:
    """Return the name on the left: y, f(x), log p(x | θ)."""
    shape = [t.kind for t in left if t.kind not in ("power", "transpose")]
    plain = all(k in ("name", "(", ")", ",", "|", ";", "ones", "number") for k in shape)
    names = [t for t in left if t.kind == "name"]
    called = [t for t, after in zip(left, left[1:], strict=False) if t.kind == "name" and after.kind == "("]
    if not plain or not names or (len(names) > 2 and not called) or (not called and len(names) > 1):
        message = "left of '=' stands the name of the formula, y or f(x); for an equation write the difference of its"
        raise fail(text, f"{message} sides", _mark(sign))
    return (called or names)[-1 if not called else 0].text


def _introduces(tokens: list[Token], i: int) -> bool:
    return (
        tokens[i].kind == "name" and tokens[i].text in _INTRODUCE and i > 0 and tokens[i + 1].kind == "name"
    )


def _new_line(text: str, tokens: list[Token], i: int) -> bool:
    return i > 0 and "\n" in text[tokens[i - 1].end : tokens[i].start]


def _closed(part: list[Token], text: str) -> list[Token]:
    while part and part[-1].kind in (",", ";"):
        part = part[:-1]
    last = part[-1] if part else Token("end", "", 0, 0)
    return [*part, replace(last, kind="end", text="", start=last.end, end=last.end + 1)]


def levels(tokens: list[Token]) -> list[int]:
    """Return how many brackets are open before each token."""
    depth, found = 0, []
    for token in tokens:
        depth -= token.kind in _CLOSE
        found.append(depth)
        depth += token.kind in _OPEN
    return found


def _mark(token: Token) -> tuple[int, int, str]:
    return (token.start, token.end, "^")
