"""What an expression is known to be from its form and from what was declared of its symbols."""

from __future__ import annotations

import weakref

from gradwork.errors import GradworkError
from gradwork.expr.dims import shape_text
from gradwork.expr.node import EYE, NAME, SYMBOL, ZEROS, Expr, facts, plain, walk

_symmetric: weakref.WeakKeyDictionary[Expr, bool] = weakref.WeakKeyDictionary()

# The matching below tries operands against each other; beyond this many it says no rather than search.
_MAX_OPERANDS = 12


def is_symmetric(x: Expr) -> bool:
    """Tell whether `x` is known to equal its transpose.

    True for declared symbols, I, XᵀX, X diag(v) Xᵀ, A + Aᵀ, and inverses, sums and elementwise functions of
    symmetric things. False means "not known".

    >>> from gradwork.expr import matrix
    >>> from gradwork.ops.contraction import ein
    >>> X = matrix("X", "n", "d")
    >>> is_symmetric(ein("ki,kj->ij", X, X)), is_symmetric(matrix("A", "d", "d"))
    (True, False)
    """
    x = plain(x)
    if len(x.shape) != 2 or x.shape[0] != x.shape[1]:
        return False
    stack = [x]
    while stack:  # arguments first, without recursion, and each node once in its lifetime
        node = stack[-1]
        waiting = () if node in _symmetric else [a for a in node.args if a not in _symmetric]
        if waiting:
            stack.extend(waiting)
            continue
        if node not in _symmetric:
            _symmetric[node] = _by_form(node)
        stack.pop()
    return _symmetric[x]


def _by_form(x: Expr) -> bool:
    # Every argument has been decided before.
    if len(x.shape) != 2 or x.shape[0] != x.shape[1]:
        return False
    if x.op in (EYE, ZEROS) or facts(x) & {"symmetric", "diagonal"}:
        return True
    if x.op is NAME or x.op.name in ("inv", "cofactor"):
        return _symmetric[x.args[0]]
    if x.op.name == "add":
        return _closed_under_transposition([a for a in x.args if a.ndim])
    if x.op.elementwise:
        return all(_symmetric[a] for a in x.args if a.ndim)
    return x.op.name == "contract" and is_transpose(x, x)


def _closed_under_transposition(terms: list[Expr]) -> bool:
    left = [t for t in terms if not _symmetric[t]]
    while left:
        term = left.pop()
        partner = next((k for k, other in enumerate(left) if is_transpose(term, other)), None)
        if partner is None:
            return False
        del left[partner]
    return True


def is_transpose(a: Expr, b: Expr) -> bool:
    """Tell whether the matrix `a` is known to be the transpose of `b` by matching their factors.

    >>> from gradwork.expr import matrix
    >>> A = matrix("A", "d", "d")
    >>> from gradwork.ops.contraction import transpose
    >>> is_transpose(A, transpose(A))
    True
    """
    left, out_left = _factors(a)
    right, out_right = _factors(b)
    if len(left) != len(right) or len(left) > _MAX_OPERANDS or a.shape != b.shape[::-1]:
        return False
    if len(set(out_left)) != 2 or len(set(out_right)) != 2:
        return False
    return _match(left, right, dict(zip(out_left, reversed(out_right))))


def _factors(x: Expr) -> tuple[list, tuple]:
    if x.op.name == "contract":
        return list(zip(x.args, x.params[0])), x.params[1]
    return [(x, (0, 1))], (0, 1)


def _match(left: list, right: list, names: dict) -> bool:
    # Is there a renaming of the labels of `left` under which its operands are those of `right`?
    if not left:
        return True
    (node, labels), rest = left[0], left[1:]
    for k, (other, other_labels) in enumerate(right):
        if other is not node:
            continue
        orders = [other_labels]
        if node.ndim == 2 and _symmetric.get(node, False):
            orders.append(other_labels[::-1])
        for order in orders:
            extended = dict(names)
            taken = set(extended.values())
            for a, b in zip(labels, order):
                if a not in extended and b not in taken:
                    extended[a] = b
                    taken.add(b)
                if extended.get(a) != b:
                    break
            else:
                if _match(rest, right[:k] + right[k + 1 :], extended):
                    return True
    return False


_positive: weakref.WeakKeyDictionary[Expr, bool] = weakref.WeakKeyDictionary()


def is_positive(x: Expr) -> bool:
    """Tell whether every component of `x` is known to be positive.

    >>> from gradwork.expr import size
    >>> is_positive(size("n"))
    True
    """
    x = plain(x)
    stack = [x]
    while stack:  # as in is_symmetric: without recursion, and each node once in its lifetime
        node = stack[-1]
        if node not in _positive:
            asked = _asked(node)
            waiting = [a for a in asked if a not in _positive]
            if waiting and all(_positive.get(a, True) for a in asked):
                stack.append(waiting[0])
                continue
            _positive[node] = all(_positive.get(a, False) for a in asked) if asked else _positive_leaf(node)
        stack.pop()
    return _positive[x]


def _asked(x: Expr) -> tuple[Expr, ...]:
    # The arguments that must all be positive for `x` to be.
    if x.op is NAME or x.op.name == "power":
        return x.args[:1]
    return x.args if x.op.name in ("add", "contract", "sqrt") else ()


def _positive_leaf(x: Expr) -> bool:
    if x.op.name == "constant":
        return bool(x.params[0] > 0)
    return x.op.positive or "positive" in facts(x)


_named_once: weakref.WeakSet[Expr] = weakref.WeakSet()


def check_names(*roots: Expr) -> None:
    """Raise where two different symbols in these expressions have one name.

    >>> from gradwork.expr import vector
    >>> check_names(vector("v", "n"), vector("w", "n"))
    """
    if len(roots) == 1 and plain(roots[0]) in _named_once:
        return
    known: dict[str, Expr] = {}
    for node in walk(*roots):
        if node.op is SYMBOL:
            other = known.setdefault(node.params[0], node)
            if other is not node:
                raise GradworkError(
                    "two different symbols are called",
                    params=node.params[0],
                    difference=_difference(other, node),
                )
    if len(roots) == 1:
        _named_once.add(plain(roots[0]))


def _difference(a: Expr, b: Expr) -> str:
    if a.shape != b.shape:
        spelled = [f"of shape {shape_text(x.shape)}" if x.shape else "a scalar" for x in (a, b)]
        if a.shape and b.shape:
            return f"of shapes {shape_text(a.shape)} and {shape_text(b.shape)}"
        return " and ".join(spelled)
    declared = sorted((" and ".join(sorted(facts(x))) for x in (a, b)), reverse=True)
    return " and ".join(f"one declared {f}" if f else "one without that" for f in declared)
