"""Canonical rules: bookkeeping that a teacher does not write, such as multiplying by one."""

from __future__ import annotations

from fractions import Fraction

from gradwork.expr.dims import Dim
from gradwork.expr.facts import is_symmetric
from gradwork.expr.node import (
    CONSTANT,
    EYE,
    ONES,
    SIZE,
    Expr,
    constant,
    is_zero,
    make,
    size,
    zeros,
)
from gradwork.expr.op import REGISTRY, Op
from gradwork.ops.arithmetic import ADD, POWER, total
from gradwork.ops.contraction import CONTRACT, contract, split, spread
from gradwork.ops.elementwise import WHERE, where
from gradwork.rewrite.engine import Rule
from gradwork.rewrite.likeness import canonical, coefficient
from gradwork.rewrite.numbers import plus, product

RULES: list[Rule] = []

# Factors of a product. A longer one stays in pieces: its derivative by each factor holds all the others, which in one
# piece is quadratic, while the derivatives of pieces share the products of the other pieces.
LONGEST = 16


def rule(name: str, *ops: Op, group: str = "canonical", board: bool = False, facts=None, early: bool = False):
    """Register the decorated function (node -> node or None) as a rule of that name."""

    def register(function):
        RULES.append(Rule(name, group, ops, function, board, facts, early=early))
        return function

    return register


# --- products ---------------------------------------------------------------------------------------------


@rule("times zero", CONTRACT)
def times_zero(node: Expr) -> Expr | None:
    """0 · x = 0."""
    return zeros(node.shape) if any(is_zero(a) for a in node.args) else None


@rule("merge equal factors", CONTRACT)
def merge_equal(node: Expr) -> Expr | None:
    """xᵖ ∘ x^q = x^(p+q). The inner product xᵀx stays as it is, also with weights."""
    operands, out = split(node), node.params[1]
    seen: dict[tuple, int] = {}
    for i, (operand, labels) in enumerate(operands):
        base, exponent = _power_of(operand)
        if exponent is None:
            continue
        j = seen.setdefault((base, labels), i)
        if j == i:
            continue
        other = operands[j][0]
        plain_pair = other is operand and operand.op is not POWER
        if plain_pair and any(label not in out for label in labels) and not _is_busy(operands, labels):
            continue
        k = exponent + (_power_of(other)[1] or 0)
        merged: list = [o for m, o in enumerate(operands) if m not in (i, j)]
        if k != 0:
            merged.insert(min(j, len(merged)), (base if k == 1 else make(POWER, (base, constant(k))), labels))
        else:
            # x/x is 1, as everywhere in algebra; labels that only it carried are kept by ones.
            rest = {label for _, own in merged for label in own}
            merged += [
                (make(ONES, (), (dim,)), (label,))
                for label, dim in dict(zip(labels, base.shape)).items()
                if label not in rest
            ]
        return contract(merged, out) if merged else constant(1)
    return None


def _is_busy(operands: list, labels: tuple) -> bool:
    # A vector under a summed label that two more things carry: no inner product of two sides is in sight.
    return len(labels) == 1 and len({o for o in operands if labels[0] in o[1] and o[0].op is not ONES}) >= 3


def _power_of(x: Expr) -> tuple[Expr, Fraction | None]:
    if x.op is CONSTANT or x.op in (ONES, EYE):
        return x, None
    if x.op is POWER and x.args[1].op is CONSTANT and isinstance(x.args[1].params[0], Fraction):
        return x.args[0], x.args[1].params[0]
    return x, Fraction(1)


@rule("flatten products", CONTRACT)
def flatten(node: Expr) -> Expr | None:
    """A product of products is one product, up to `LONGEST` factors."""
    operands = split(node)
    for i, (operand, labels) in enumerate(operands):
        if operand.op is CONTRACT:
            inner_labels, inner_out = operand.params
            if len(set(inner_out)) != len(inner_out) or len(operands) + len(operand.args) - 1 > LONGEST:
                continue
            rename: dict = dict(zip(inner_out, labels, strict=True))
            inner = [
                (a, tuple(rename.setdefault(label, ("inner", label)) for label in own))
                for a, own in zip(operand.args, inner_labels, strict=True)
            ]
            return contract([*operands[:i], *inner, *operands[i + 1 :]], node.params[1])
    return None


@rule("drop ones", CONTRACT)
def drop_ones(node: Expr) -> Expr | None:
    """Ones change nothing where another factor has the axis; summed alone they count it."""
    operands, out = split(node), node.params[1]
    for i, (operand, labels) in enumerate(operands):
        if operand.op is not ONES:
            continue
        rest = operands[:i] + operands[i + 1 :]
        if any(labels[0] in own for _, own in rest):
            return contract(rest, out)
        if labels[0] not in out:
            return contract([(size(operand.params[0]), ()), *rest], out)
    return None


@rule("identity matrix", CONTRACT)
def drop_eye(node: Expr) -> Expr | None:
    """Σⱼ δᵢⱼ xⱼ = xᵢ."""
    operands, out = split(node), node.params[1]
    for i, (operand, labels) in enumerate(operands):
        if operand.op is not EYE:
            continue
        rest = operands[:i] + operands[i + 1 :]
        a, b = labels
        if a == b:
            return contract([*rest, (make(ONES, (), operand.params), (a,))], out)
        if a in out and b in out:
            continue
        gone, kept = (a, b) if a not in out else (b, a)
        renamed = [(x, tuple(kept if label == gone else label for label in own)) for x, own in rest]
        renamed.append((make(ONES, (), operand.params), (kept,)))
        return contract(renamed, out)
    return None


@rule("multiply numbers", CONTRACT)
def multiply_numbers(node: Expr) -> Expr | None:
    """Numbers gather in front, and a factor of one goes."""
    numbers = [a.params[0] for a in node.args if a.op is CONSTANT]
    if not numbers or (len(numbers) == 1 and node.args[0].op is CONSTANT and numbers[0] != 1):
        return None
    value: Fraction | float = Fraction(1)
    for v in numbers:
        value = product(value, v)
    rest = [(a, own) for a, own in split(node) if a.op is not CONSTANT]
    if value != 1 or not rest:
        rest.insert(0, (constant(value), ()))
    return contract(rest, node.params[1])


@rule("take the sign out", CONTRACT)
def take_sign(node: Expr) -> Expr | None:
    """−(−a − b) = a + b: a sum of negative terms stands as its opposite with a minus in front."""
    operands = split(node)
    for i, (operand, labels) in enumerate(operands):
        if operand.op is not ADD or operand.shape == ():
            continue
        parts = [coefficient(t) for t in operand.args]
        if all(isinstance(v, (Fraction, float, int)) and v < 0 for v, _ in parts):
            flipped = total([r if v == -1 else scaled(-v, r) for v, r in parts], operand.shape)
            return contract(
                [(constant(-1), ()), *operands[:i], (flipped, labels), *operands[i + 1 :]], node.params[1]
            )
    return None


@rule("take the number out", CONTRACT)
def take_number(node: Expr) -> Expr | None:
    """Xᵀ(2y − 2z) = 2Xᵀ(y − z): a number that every term of a sum has stands in front of the product."""
    operands = split(node)
    if len(operands) == 1 and operands[0][1] == node.params[1]:
        return None
    for i, (operand, labels) in enumerate(operands):
        if operand.op is not ADD or operand.shape == ():
            continue
        parts = [coefficient(t) for t in operand.args]
        number = abs(parts[0][0])
        if number in (0, 1) or any(abs(v) != number for v, _ in parts):
            continue
        reduced = total([r if v > 0 else scaled(-1, r) for v, r in parts], operand.shape)
        return contract(
            [(constant(number), ()), *operands[:i], (reduced, labels), *operands[i + 1 :]], node.params[1]
        )
    return None


@rule("cancel inside a power", CONTRACT)
def cancel_inside(node: Expr) -> Expr | None:
    """a ∘ (a ∘ b)⁻¹ = b⁻¹: a factor cancels against the same factor under a negative power."""
    operands = split(node)
    for i, (operand, labels) in enumerate(operands):
        inner = _factors_under(operand, labels)
        if inner is None:
            continue
        factors, k = inner
        found: dict[int, int] = {}
        for m, (a, own) in enumerate(factors):
            for j, (other, theirs) in enumerate(operands):
                if j != i and j not in found.values() and theirs == own and _power_of(other) == (a, 1):
                    found[m] = j
                    break
        if not found:
            continue
        if len(found) == len(factors):
            # All of it: the power is one less.
            kept = [o for j, o in enumerate(operands) if j != i and j not in found.values()]
            if k == -1:
                covered = {label for _, own in kept for label in own}
                kept += [
                    (make(ONES, (), (dim,)), (label,))
                    for label, dim in zip(labels, operand.shape, strict=True)
                    if label not in covered
                ]
                return contract(kept, node.params[1]) if kept else constant(1)
            return contract(
                [*kept, (make(POWER, (operand.args[0], constant(k + 1))), labels)], node.params[1]
            )
        rest = [f for m, f in enumerate(factors) if m not in found]
        if {label for _, own in rest for label in own} != set(labels):
            continue
        under = rest[0][0] if len(rest) == 1 and rest[0][1] == labels else contract(rest, labels)
        pieces = [(make(POWER, (factors[m][0], constant(k))), factors[m][1]) for m in found]
        pieces.append((make(POWER, (under, constant(k))), labels))
        return contract([*operands[:i], *pieces, *operands[i + 1 :]], node.params[1])
    return None


def _factors_under(x: Expr, labels: tuple) -> tuple[list, Fraction] | None:
    # The factors of an elementwise product under a negative whole power, with the labels that they have outside.
    if x.op is not POWER or x.args[0].op is not CONTRACT or x.args[1].op is not CONSTANT:
        return None
    base, k = x.args[0], x.args[1].params[0]
    own, out = base.params
    if not isinstance(k, Fraction) or k.denominator != 1 or k > -1 or len(set(out)) != len(out):
        return None
    if len(base.args) < 2 or base.shape != x.shape or any(label not in out for ls in own for label in ls):
        return None
    outside = dict(zip(out, labels, strict=True))
    return [(a, tuple(outside[label] for label in ls)) for a, ls in zip(base.args, own, strict=True)], k


@rule("product of one", CONTRACT)
def unwrap(node: Expr) -> Expr | None:
    """A product of a single thing, with its axes in place, is that thing."""
    if len(node.args) == 1:
        labels, out = node.params[0][0], node.params[1]
        if labels == out and len(set(labels)) == len(labels):
            return node.args[0]
        if len(labels) == 2 and labels == out[::-1] and is_symmetric(node.args[0]):
            return node.args[0]  # Sᵀ = S
    return None


@rule("zero at zero only", CONTRACT)
def cancel_reciprocal0(node: Expr) -> Expr | None:
    """‖x‖ · ‖x‖/‖x‖ = ‖x‖: both sides are 0 at 0."""
    operands = split(node)
    for i, (operand, labels) in enumerate(operands):
        base, k = _power_of(operand)
        if base.op is not REGISTRY["reciprocal0"] or k is None or k < 1:
            continue
        for j, (other, own) in enumerate(operands):
            if own == labels and _power_of(other)[0] is base.args[0]:
                p = _power_of(other)[1]
                if p is not None and p > k:
                    rest = [o for m, o in enumerate(operands) if m not in (i, j)]
                    x = base.args[0]
                    return contract(
                        [*rest, (x if p - k == 1 else make(POWER, (x, constant(p - k))), labels)],
                        node.params[1],
                    )
    return None


@rule("keep the guard", CONTRACT)
def guard_product(node: Expr) -> Expr | None:
    """where(c, u, 0) ∘ v = where(c, u ∘ v, 0): the branch that was not taken never meets v."""
    operands, out = split(node), node.params[1]
    if len(operands) < 2 or len(set(out)) != len(out):
        return None
    if any(label not in out for _, own in operands for label in own):
        return None
    for i, (operand, labels) in enumerate(operands):
        if not is_guard(operand) or len(set(labels)) != len(labels):
            continue
        condition, then, otherwise = operand.args
        keep = is_zero(otherwise)
        chosen = then if keep else otherwise
        inner = list(operands)
        inner[i] = (chosen, labels if chosen.ndim else ())
        covered = {label for _, own in inner for label in own}
        sizes = dict(zip(out, node.shape, strict=True))
        inner += [(make(ONES, (), (sizes[label],)), (label,)) for label in out if label not in covered]
        product = contract(inner, out)
        if condition.ndim:
            ones = [(make(ONES, (), (sizes[label],)), (label,)) for label in out if label not in labels]
            condition = contract([(condition, labels), *ones], out)
        zero = constant(0)
        return make(WHERE, (condition, product, zero) if keep else (condition, zero, product))
    return None


def is_guard(x: Expr) -> bool:
    """Tell whether `x` is where(c, u, 0) or where(c, 0, u), through names of adjoints."""
    return x.op is WHERE and (is_zero(x.args[1]) != is_zero(x.args[2]))


# --- sums -------------------------------------------------------------------------------------------------


@rule("flatten sums", ADD, early=True)
def flatten_sum(node: Expr) -> Expr | None:
    """A sum of sums is one sum; zeros go."""
    if len(node.args) > 1 and not any(a.op is ADD or is_zero(a) for a in node.args):
        return None
    terms: list[Expr] = []
    stack = list(reversed(node.args))
    while stack:
        a = stack.pop()
        if a.op is ADD and a.shape == node.shape:
            stack.extend(reversed(a.args))
        else:
            terms.append(a)
    kept = [t for t in terms if not is_zero(t)]
    if not kept:
        return zeros(node.shape)
    if len(kept) == 1 and kept[0].shape == node.shape:
        return kept[0]
    if all(t.shape != node.shape for t in kept):
        kept[0] = spread_scalar(kept[0], node.shape)
    return total(kept, node.shape)


def spread_scalar(x: Expr, shape: tuple[Dim, ...]) -> Expr:
    """Return a scalar repeated to `shape`."""
    return x if x.shape == shape else spread(x, shape)


@rule("collect like terms", ADD)
def collect(node: Expr) -> Expr | None:
    """2x + 3x = 5x."""
    slots: dict[Expr, int] = {}
    values: list = []
    rests: list[Expr] = []
    for term in node.args:
        value, rest = coefficient(term)
        slot = slots.setdefault(canonical(rest), len(values))
        if slot == len(values):
            values.append(value)
            rests.append(rest)
        else:
            values[slot] = plus(values[slot], value)
    if len(values) == len(node.args):
        return None
    terms = [
        rest if value == 1 else scaled(value, rest)
        for value, rest in zip(values, rests, strict=True)
        if value != 0
    ]
    if not terms:
        return zeros(node.shape)
    if all(t.shape != node.shape for t in terms):
        terms[0] = spread_scalar(terms[0], node.shape)
    return total(terms, node.shape)


@rule("open the bracket", ADD)
def open_bracket(node: Expr) -> Expr | None:
    """1 − (1 + x) = −x: a bracket in a sum opens where one of its terms meets its like outside."""
    parts = [coefficient(t) for t in node.args]
    if not any(rest.op is ADD for _, rest in parts):
        return None
    likes: dict[Expr, list] = {}
    for value, rest in parts:
        likes.setdefault(canonical(rest), []).append(value)
    for i, (number, bracket) in enumerate(parts):
        if bracket.op is not ADD or bracket is node.args[i] or bracket.shape != node.shape:
            continue
        for inner in bracket.args:
            value, rest = coefficient(inner)
            met = likes.get(canonical(rest))
            if met and (number in (1, -1) or any(plus(product(number, value), v) == 0 for v in met)):
                opened = [scaled(number, t) for t in bracket.args]
                return total([*node.args[:i], *opened, *node.args[i + 1 :]], node.shape)
    return None


def scaled(value, x: Expr) -> Expr:
    """Return a number times an expression."""
    if x.op is CONSTANT:
        return constant(product(value, x.params[0]))
    axes = tuple(range(x.ndim))
    return contract([(constant(value), ()), (x, axes)], axes)


@rule("gather the common factor", ADD)
def factor(node: Expr) -> Expr | None:
    """1/n a − 1/n b = 1/n (a − b): common scalars other than plain numbers gather in front."""
    if len(node.args) < 2 or any(a.op is not CONTRACT or a.shape != node.shape for a in node.args):
        return None
    split_terms = [coefficient(t) for t in node.args]
    common = None
    for _, rest in split_terms:
        scalars = _scalars(rest)
        common = scalars if common is None else _in_both(common, scalars)
        if not common:
            return None
    assert common is not None
    common = [s for s in common if not _depends_on_symbols(s)]
    if not common:
        return None
    values = [v for v, _ in split_terms]
    number = _common_number(values)
    terms = []
    for value, (_, rest) in zip(values, split_terms, strict=True):
        reduced = _without(rest, common)
        terms.append(reduced if value == number else scaled(value / number, reduced))
    axes = tuple(range(node.ndim))
    front = [] if number == 1 else [(constant(number), ())]
    return contract([*front, *((s, ()) for s in common), (total(terms, node.shape), axes)], axes)


def _scalars(rest: Expr) -> list[Expr]:
    if rest.op is not CONTRACT:
        return [] if rest.ndim else [rest]
    return [a for a, own in split(rest) if not own]


def _in_both(ours: list, theirs: list) -> list:
    # What is twice in one and once in the other is once in both.
    left, found = list(theirs), []
    for x in ours:
        if x in left:
            left.remove(x)
            found.append(x)
    return found


def _depends_on_symbols(x: Expr) -> bool:
    # Only sizes (the 1/n of a mean) are gathered; λ stays where the formula has it.
    return not (x.op is SIZE or (x.op is POWER and x.args[0].op is SIZE))


def _without(rest: Expr, common: list[Expr]) -> Expr:
    if rest.op is not CONTRACT:
        return constant(1) if rest in common else rest
    left = list(common)
    kept = []
    for a, own in split(rest):
        if not own and a in left:
            left.remove(a)
        else:
            kept.append((a, own))
    if len(kept) == 1 and kept[0][1] == rest.params[1] and len(set(kept[0][1])) == len(kept[0][1]):
        return kept[0][0]
    return contract(kept, rest.params[1]) if kept else constant(1)


def _common_number(values: list) -> Fraction | float:
    sizes = {abs(v) for v in values}
    sign = -1 if all(v < 0 for v in values) else 1
    return sign * sizes.pop() if len(sizes) == 1 else Fraction(sign)


@rule("gather shared operands", ADD)
def factor_operands(node: Expr) -> Expr | None:
    """Xᵢⱼ aᵢₖ + Xᵢⱼ bᵢₖ = Xᵢⱼ (aᵢₖ + bᵢₖ), from rank 3 on: no term is formed at full size on its own."""
    if (
        node.ndim < 3
        or len(node.args) < 2
        or any(a.op is not CONTRACT or a.shape != node.shape for a in node.args)
    ):
        return None
    terms = []
    for a in node.args:
        place = {label: axis for axis, label in enumerate(a.params[1])}
        if len(place) != node.ndim:
            return None
        terms.append(
            [(x, tuple(place.get(label, ("summed", label)) for label in own)) for x, own in split(a)]
        )
    shared = [
        (x, own)
        for x, own in terms[0]
        if own and x.op not in (ONES, EYE) and all(isinstance(label, int) for label in own)
    ]
    for term in terms[1:]:
        shared = _in_both(shared, term)
    if not shared:
        return None
    rests = []
    for term in terms:
        left = list(term)
        for operand in shared:
            left.remove(operand)
        rests.append(left)
    covered = {label for _, own in shared for label in own}
    needed = {label for rest in rests for _, own in rest for label in own if isinstance(label, int)}
    inner = tuple(axis for axis in range(node.ndim) if axis in needed or axis not in covered)
    pieces = []
    for rest in rests:
        present = {label for _, own in rest for label in own}
        ones = [(make(ONES, (), (node.shape[axis],)), (axis,)) for axis in inner if axis not in present]
        pieces.append(contract([*rest, *ones], inner))
    whole = total(pieces, tuple(node.shape[axis] for axis in inner))
    return contract([*shared, (whole, inner)], tuple(range(node.ndim)))


@rule("add equal guards", ADD)
def guard_sum(node: Expr) -> Expr | None:
    """where(c, u, 0) + where(c, v, 0) = where(c, u + v, 0), and where(c, u, 0) + where(c, 0, v) = where(c, u, v)."""
    seen: dict[Expr, int] = {}
    for i, term in enumerate(node.args):
        if term.op is not WHERE or term.shape != node.shape or not any(map(is_zero, term.args[1:])):
            continue
        j = seen.setdefault(term.args[0], i)
        if j == i:
            continue
        (_, a, b), (_, c, d) = node.args[j].args, term.args
        rest = [t for m, t in enumerate(node.args) if m not in (i, j)]
        merged = where(term.args[0], _plus(a, c), _plus(b, d))
        return total([*rest[:j], merged, *rest[j:]], node.shape)
    return None


def _plus(a: Expr, b: Expr) -> Expr:
    return b if is_zero(a) else a if is_zero(b) else make(ADD, (a, b))


@rule("gather a factor of both branches", WHERE)
def factor_branches(node: Expr) -> Expr | None:
    """where(c, u/n, v/n) = 1/n where(c, u, v)."""
    condition, a, b = node.args
    if a.op is not CONTRACT or b.op is not CONTRACT or a.shape != node.shape or b.shape != node.shape:
        return None
    (va, ra), (vb, rb) = coefficient(a), coefficient(b)
    common = [s for s in _in_both(_scalars(ra), _scalars(rb)) if not _depends_on_symbols(s)]
    number = _common_number([va, vb])
    if not common and number in (1, -1):
        return None
    inner = where(
        condition, *(scaled(v / number, _wide(_without(r, common), node)) for v, r in ((va, ra), (vb, rb)))
    )
    axes = tuple(range(node.ndim))
    return contract([(constant(number), ()), *((s, ()) for s in common), (inner, axes)], axes)


def _wide(x: Expr, node: Expr) -> Expr:
    return spread_scalar(x, node.shape) if not x.ndim else x
