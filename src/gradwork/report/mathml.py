"""Formulas as MathML, with the spaces that a reader needs between letters and the names of functions."""

from __future__ import annotations

import re
from functools import lru_cache

THIN = '<mspace width="0.1667em"/>'
# Elements whose children stand in a line; those of others (a power, a fraction) have places of their own.
IN_LINE = {"math", "mrow", "mtd", "mstyle", "msqrt"}
SCRIPTED = {"msup", "msub", "msubsup"}


@lru_cache(maxsize=256)
def mathml(latex: str, block: bool = False) -> str:
    """Return LaTeX as MathML.

    >>> mathml("x")[:5]
    '<math'
    """
    from latex2mathml.converter import convert

    return spaced(convert(latex, display="block" if block else "inline"))


def spaced(text: str) -> str:
    """Return HTML with a thin space around the names of functions in its MathML, where letters would run together.

    >>> spaced("<math><mi>a</mi><mi>exp</mi><mo>(</mo></math>")
    '<math><mi>a</mi><mspace width="0.1667em"/><mi>exp</mi><mo>(</mo></math>'
    """
    return re.sub(r"<math\b.*?</math>", lambda found: _spaced(found[0]), text, flags=re.S)


def _spaced(text: str) -> str:
    # Names of functions are no operators: those have wide spaces on both sides.
    text = re.sub(r'<mo(?: movablelimits="true")?>([A-Za-z]+)</mo>', _name, text)
    text = re.sub(r'<mrow>((?:<mi mathvariant="normal">[A-Za-z]</mi>){2,})</mrow>', _word, text)
    tokens = re.findall(r"<[^>]*>|[^<]+", text)
    out: list[str] = []
    parents: list[tuple[str, str]] = [("", "")]  # the open elements, each with the kind of its last child
    for i, token in enumerate(tokens):
        if token.startswith("</"):
            parents.pop()
        elif token.startswith("<"):
            parent, last = parents[-1]
            kind = _kind(tokens, i)
            if parent in IN_LINE and (
                (kind == "function" and last in ("operand", "function"))
                or (kind == "operand" and last == "function" and not _brackets(tokens, i))
            ):
                out.append(THIN)
            parents[-1] = (parent, kind)
            if not token.endswith("/>"):
                parents.append((_tag(token), ""))
        out.append(token)
    return "".join(out)


def _name(found: re.Match[str]) -> str:
    # A single letter would be slanted, as a variable is.
    upright = ' mathvariant="normal"' if len(found[1]) == 1 else ""
    return f"<mi{upright}>{found[1]}</mi>"


def _word(found: re.Match[str]) -> str:
    # Upright letters of one word.
    return f"<mi>{re.sub(r'<[^>]*>', '', found[1])}</mi>"


def _tag(token: str) -> str:
    return re.split(r"[\s/>]", token[1:], maxsplit=1)[0]


def _kind(tokens: list[str], i: int) -> str:
    """Return what an element is to its neighbours: "function", "operand" or "operator"."""
    tag = _tag(tokens[i])
    if tag in SCRIPTED:
        return _kind(tokens, i + 1)
    if tag == "mi" and i + 1 < len(tokens) and re.fullmatch(r"[A-Za-z]{2,}", tokens[i + 1]):
        return "function"
    return "operator" if tag in ("mo", "mspace", "mtext") else "operand"


def _brackets(tokens: list[str], i: int) -> bool:
    return _tag(tokens[i]) == "mrow" and i + 1 < len(tokens) and _tag(tokens[i + 1]) == "mo"
