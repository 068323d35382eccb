"""Multiplying out, only where a person asks for it."""

from __future__ import annotations

from gradwork.expr.node import CONSTANT, Expr
from gradwork.ops.arithmetic import ADD, POWER, total
from gradwork.ops.contraction import CONTRACT, contract, multiply, split
from gradwork.rewrite import canonical, powers
from gradwork.rewrite.engine import Engine, Rule


def _distribute(node: Expr) -> Expr | None:
    """(a + b) c = a c + b c."""
    operands = split(node)
    for i, (operand, labels) in enumerate(operands):
        if operand.op is ADD:
            terms = []
            for term in operand.args:
                own = labels if term.ndim else ()
                wide = term if term.shape == operand.shape else canonical.spread_scalar(term, operand.shape)
                terms.append(
                    contract([*operands[:i], (wide, own or labels), *operands[i + 1 :]], node.params[1])
                )
            return total(terms, node.shape)
    return None


def _square_out(node: Expr) -> Expr | None:
    """(a + b)² = (a + b)(a + b)."""
    base, k = node.args
    if base.op is ADD and k.op is CONSTANT and k.params[0] in (2, 3, 4):
        return multiply(*[base] * int(k.params[0]))
    return None


RULES = (
    Rule("multiply out", "expand", (CONTRACT,), _distribute, board=True),
    Rule("write the square out", "expand", (POWER,), _square_out, board=True),
)


def expand(x: Expr) -> Expr:
    """Return `x` with products over sums multiplied out and like terms collected."""
    # Gathering a common factor would undo it.
    rules = [r for r in canonical.RULES if r.name not in ("gather the common factor", "merge equal factors")]
    return Engine((*RULES, *rules, *powers.RULES)).normalise(x)
