"""Which intermediate quantities get a name, and which letter.

Named are sums and products that feed a nonlinear operation (Z, r) and activations that feed a product (H, P).
Names are what keeps a deep network readable: rules never cross them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from gradwork.expr.node import CONSTANT, LEAVES, NAME, SIZE, Expr, consumers, depends, name, rebuild, walk
from gradwork.ops.arithmetic import ADD, POWER
from gradwork.ops.contraction import CONTRACT
from gradwork.ops.elementwise import WHERE
from gradwork.ops.sequence import SCAN, Recurrence

_LINEAR = {ADD, CONTRACT}
_SMOOTH_NORM = {"power", "norm", "abs", "sign", "sqrt"}
_MATRIX = {"inv", "det", "logdet", "cholesky", "cofactor"}
_POOLS = {"maxpool", "avgpool"}
_SPATIAL = {"window", "pad", *_POOLS}  # what takes an activation as the next layer's image


def name_intermediates(f: Expr, wrt: Iterable[Expr]) -> Expr:
    """Return `f` with its intermediate quantities under names."""
    wrt = list(wrt)
    moving = depends(f, wrt)
    counts = consumers(f)
    users: dict[Expr, list[Expr]] = {}
    for node in walk(f):
        for a in node.args:
            users.setdefault(a, []).append(node)
    chosen: list[tuple[Expr, str]] = []
    for node in walk(f):
        if node is f or node not in moving or node.op in LEAVES or node.op is NAME or node in wrt:
            continue
        kind = _kind(node, users.get(node, []), counts, moving)
        if kind:
            chosen.append((node, kind))
    letters = _letters(chosen, set(f.symbols) | _sizes(f))
    for node in walk(f):
        if node.op is SCAN and node in moving and node is not f and (label := _state_label(node)):
            while label in letters.values() or label in f.symbols:
                label = _primed(label)
            letters[node] = label
    done: dict[Expr, Expr] = {}
    for node in walk(f):
        new = rebuild(node, tuple(done[a] for a in node.args))
        done[node] = name(letters[node], new) if node in letters else new
    return done[f]


def _sizes(f: Expr) -> set[str]:
    return {n for node in walk(f) for d in node.shape for n in d.names}


def _state_label(node: Expr) -> str:
    # The last state is h[T]; all states together are the letter itself.
    recurrence, kind, what = node.params
    if kind == "last":
        return f"{recurrence.letters[what]}[{'1' if recurrence.reverse else recurrence.length}]"
    return recurrence.letters[recurrence.after.index(what)] if what in recurrence.after else ""


def _kind(node: Expr, users: list[Expr], counts: dict[Expr, int], moving: set[Expr]) -> str:
    nonlinear = [u for u in users if u.op not in _LINEAR and u.op is not WHERE]
    if node.op in _LINEAR:
        if _is_squared(node, users, counts):
            return "residual" if node.op is ADD else "pre"
        if not nonlinear or not _substantial(node):
            return ""
        names = {u.op.name for u in nonlinear}
        if names & _MATRIX:
            return "matrix"
        if names <= _SMOOTH_NORM:
            return "residual" if node.op is ADD else ("residual" if node.ndim else "")
        if node.op is CONTRACT and any(a.op.name == "window" for a in node.args):
            return "convolution"
        return "pre"
    if node.op in (POWER,) or node.op.name in ("norm", "where", "sqrt", *_MATRIX):
        return ""
    if node.op.name in ("softmax",):
        return "probability"
    if node.op.name in _POOLS:
        return "pool"
    if node.op.elementwise and any(u.op.name in _SPATIAL for u in users):
        return "activation"
    if not node.op.elementwise and node.op.name not in ("max", "min", "logsumexp", "log_softmax", "cumsum"):
        return ""
    if not node.op.elementwise:
        return ""
    # An activation: it feeds a matrix product, or is used more than once.
    feeds_product = any(
        u.op is CONTRACT and node.ndim and sum(1 for a in u.args if a.ndim) > 1 and not _is_sum_only(u, node)
        for u in users
    )
    if node.ndim and (feeds_product and _joins(node, users)):
        return "probability" if node.op.name == "sigmoid" and node.ndim == 1 else "activation"
    return ""


def _is_squared(node: Expr, users: list[Expr], counts: dict[Expr, int]) -> bool:
    # What a quadratic form takes twice, such as the r of rᵀWr, or a product with itself.
    if not node.ndim or not _substantial(node) or counts.get(node, 0) < 2:
        return False
    products = [u for u in users if u.op is CONTRACT and sum(1 for a in u.args if a.ndim) > 1]
    twice = any(u.args.count(node) > 1 for u in products)
    return twice or (node.op is ADD and bool(products) and all(u.op is CONTRACT for u in users))


def _is_sum_only(u: Expr, node: Expr) -> bool:
    return all(a is node or not a.ndim for a in u.args)


def _joins(node: Expr, users: list[Expr]) -> bool:
    # Whether some product sums an axis of this node against another factor that moves.
    for u in users:
        if u.op is not CONTRACT:
            continue
        labels, out = u.params
        for a, own in zip(u.args, labels, strict=True):
            if a is node and any(
                label not in out
                and any(label in o for b, o in zip(u.args, labels, strict=True) if b is not node)
                for label in own
            ):
                # An inner product that ends in a scalar is a loss, not a layer.
                return bool(out)
    return False


def _substantial(node: Expr) -> bool:
    # Not a number times one thing: −x and 2x need no name.
    real = [
        a for a in node.args if a.op not in (CONSTANT, SIZE) and a.op.name != "ones" and not _is_number(a)
    ]
    real = [a for a in real if not (a.op is POWER and a.args[0].op is SIZE)]
    if node.op is ADD:
        # 1 + x and 1 − θ are as short as any name for them.
        return not (
            len(node.args) == 2
            and any(_plain_number(a) for a in node.args)
            and all(_plain_number(a) or _short(a) for a in node.args)
        )
    if len(real) == 1 and node.op is CONTRACT:
        return False
    return len(real) > 1


def _is_number(a: Expr) -> bool:
    # 2π: a product of numbers that has a sign of its own.
    return (
        not a.ndim
        and (a.op.name == "pi" or (a.op is CONTRACT and all(map(_is_number, a.args))))
        or (a.op is CONSTANT)
    )


def _plain_number(a: Expr) -> bool:
    return a.op in (CONSTANT, SIZE) or (
        a.op is CONTRACT and all(b.op in (CONSTANT, SIZE) or b.op.name == "ones" for b in a.args)
    )


def _short(a: Expr) -> bool:
    if a.op in LEAVES:
        return True
    if a.op is CONTRACT:
        return sum(1 for b in a.args if b.op not in (CONSTANT, SIZE) and b.op.name != "ones") <= 1 and all(
            b.op in LEAVES for b in a.args
        )
    return a.op is POWER and a.args[0].op in LEAVES


_LETTERS = {
    "residual": (("r", "e", "u"), ("R", "E", "U")),
    "pre": (("z", "a", "u"), ("Z", "A", "U")),
    "activation": (("h", "s", "v"), ("H", "S", "V")),
    "probability": (("p", "q", "h"), ("P", "Q", "H")),
    "convolution": (("o", "c"), ("O", "C")),
    "pool": (("m", "q"), ("M", "Q")),
    "matrix": (("m",), ("M", "K", "G")),
}


def _letters(chosen: list[tuple[Expr, str]], taken: set[str]) -> dict[Expr, str]:
    @cache  # looks through all that is taken: a deep network has as many quantities as labels
    def base(kind: str, matrix: bool) -> str:
        options = _LETTERS[kind][matrix]
        free = [
            o
            for o in options
            if not any(t == o or (t.startswith(o) and t[1:].strip("_").isdigit()) for t in taken)
        ]
        return free[0] if free else options[0] + "_"

    groups: dict[str, list[Expr]] = {}
    for node, kind in chosen:
        groups.setdefault(base(kind, node.ndim >= 2), []).append(node)
    letters = {}
    # A residual beside pre-activations is the last of its kind; one quantity alone needs no number.
    for letter, nodes in groups.items():
        for i, node in enumerate(nodes, 1):
            label = letter if len(nodes) == 1 else f"{letter.rstrip('_')}_{i}"
            while label in taken:
                label += "_"
            letters[node] = label
    return letters


# --- the step of a recurrence -----------------------------------------------------------------------------


def name_step(
    after: Sequence[Expr], asked: Sequence[Expr], recurrence: Recurrence
) -> tuple[tuple[Expr, ...], tuple[Expr, ...]]:
    """Return the expressions of a step with its quantities under names that carry the time, such as a[t] and h[t].

    Named are the states, what feeds a nonlinear function, and what such functions give.
    """
    roots = (*after, *asked)
    users: dict[Expr, list[Expr]] = {}
    for node in walk(*roots):
        for x in node.args:
            users.setdefault(x, []).append(node)
    bound, letters, time = recurrence.bound, recurrence.letters, recurrence.time
    moving = set().union(*(depends(x, bound) for x in roots)) - set(bound)
    taken = {s.params[0] for s in bound} | {n.params[0] for n in walk(*roots) if n.op is NAME}
    labels: dict[Expr, str] = {}
    chosen: list[tuple[Expr, str]] = []
    for node in walk(*roots):
        if node not in moving or node.op is NAME:
            continue
        nonlinear = [u for u in users.get(node, []) if u.op not in (*_LINEAR, WHERE, NAME)]
        inside = bool(users.get(node)) and all(u.op is NAME for u in users[node]) and node not in roots
        if inside:
            continue
        if node in after:
            labels[node] = _fresh(letters[after.index(node)], time, taken)
        elif node.op in _LINEAR and _substantial(node) and nonlinear:
            chosen.append((node, "A" if node.ndim > 1 else "a"))
        elif node.op.elementwise and not node.op.constant and node.op not in (*_LINEAR, POWER, WHERE):
            chosen.append((node, "S" if node.ndim > 1 else "s"))
    for node, letter in chosen:
        same = [n for n, l in chosen if l == letter]
        labels[node] = _fresh(letter if len(same) == 1 else f"{letter}_{same.index(node) + 1}", time, taken)
    done: dict[Expr, Expr] = {}
    for node in walk(*roots):
        new = rebuild(node, tuple(done[x] for x in node.args))
        done[node] = name(labels[node], new) if node in labels else new
    return tuple(done[x] for x in after), tuple(done[x] for x in asked)


def _primed(label: str) -> str:
    base, bracket, time = label.partition("[")
    return f"{base}_{bracket}{time}"


def _fresh(letter: str, time: str, taken: set[str]) -> str:
    while f"{letter}[{time}]" in taken:
        letter += "_"
    taken.add(f"{letter}[{time}]")
    return f"{letter}[{time}]"
