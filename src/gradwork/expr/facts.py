"""What an expression is known to be from its form and from what was declared of its symbols."""

from __future__ import annotations

import weakref

from gradwork.expr.node import EYE, NAME, ZEROS, Expr, facts, plain

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


def is_positive(x: Expr) -> bool:
    """Tell whether every component of `x` is known to be positive.

    >>> from gradwork.expr import size
    >>> is_positive(size("n"))
    True
    """
    x = plain(x)
    while x.op is NAME:
        x = x.args[0]
    if x.op.name == "constant":
        return bool(x.params[0] > 0)
    if x.op.name in ("ones", "size", "pi", "exp", "sigmoid", "softmax", "softplus"):
        return True
    if x.op.name in ("add", "contract", "sqrt"):
        return bool(x.args) and all(is_positive(a) for a in x.args)
    if x.op.name == "power":
        return is_positive(x.args[0])
    return "positive" in facts(x)
