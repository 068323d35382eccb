"""Index notation, for what matrices cannot say: [Σₖ aᵢₖbⱼₖcₗₖ]ᵢⱼₗ, which as text is an einsum."""

from __future__ import annotations

from fractions import Fraction

from gradwork.expr.notation import BigSum, Call, Either, Fence, Indexed, Letter, Math, Number, Raw, Times
from gradwork.show.matrix import Item, Labels
from gradwork.show.pieces import write

_LETTERS = "ijklmprstuvxaeho"  # those that Unicode can set below the line
_WIDE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def with_indices(items: list[Item], out: Labels) -> Math:
    """Return a contraction in index notation; free indices stand after the bracket in their order.

    Its text is `einsum("ik,jk->ij", A, B)`, which the formula language does not read.
    """
    names: dict[int, str] = {}
    for label in (*out, *(l for i in items for l in i.labels)):
        if label not in names:
            names[label] = _LETTERS[len(names)] if len(names) < len(_LETTERS) else f"i{len(names)}"
    summed = tuple(names[l] for l in names if l not in out)
    parts = [_component(i, names) for i in items if not _says_nothing(i, items)]
    body: Math = parts[0] if len(parts) == 1 else Times(tuple(parts)) if parts else Number(Fraction(1))
    shown: Math = BigSum(summed, body) if summed else body
    if out:
        shown = Fence("entries", shown, ",".join(names[l] for l in out))
    return Either(_einsum(items, out), shown)


def _says_nothing(item: Item, items: list[Item]) -> bool:
    # Ones matter only where nothing else carries the index.
    atom = item.piece.atom
    return atom is not None and atom.kind == "ones" and len(items) > 1


def _component(item: Item, names: dict[int, str]) -> Math:
    indices = tuple(names[l] for l in item.labels)
    atom = item.piece.atom
    if atom is not None and atom.kind == "eye":
        return Indexed(Letter("delta"), indices)
    return Indexed(write(item.piece.factors), indices)


def _einsum(items: list[Item], out: Labels) -> Math:
    names: dict[int, str] = {}
    for label in (l for i in items for l in i.labels):
        names.setdefault(label, _WIDE[len(names) % len(_WIDE)])
    left = ",".join("".join(names[l] for l in i.labels) for i in items)
    pattern = f'"{left}->{"".join(names[l] for l in out)}"'
    return Call("einsum", (Raw(pattern, pattern, pattern), *(write(i.piece.factors) for i in items)))
