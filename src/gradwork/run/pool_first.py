"""Bias and relu after the pool instead of before it: the same numbers for a fourth of the work, for 2×2 windows.

    maxpool(relu(z + b))                = relu(maxpool(z) + b)             for b constant over the places
    unpool(g, relu(z + b)) ∘ [z + b > 0] = unpool(g ∘ [maxpool(z) + b > 0], z)

Both sides pick the same entries: adding b and relu keep the order, and where relu makes entries equal, at 0, the
guard is 0 as well. And what is summed over all places, such as the gradient by the bias, need not be put in its
place first: Σ unpool(g, z) = Σ g. The formula stays as it was written; programs for XLA are lowered so.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradwork.expr.naming import renamed, unnamed
from gradwork.expr.node import ONES, Expr, definition, make, rebuild, walk
from gradwork.expr.op import REGISTRY
from gradwork.ops.arithmetic import ADD
from gradwork.ops.contraction import CONTRACT, contract, split
from gradwork.ops.pooling import MAXPOOL, UNPOOL


def sums_before_unpooling(roots: Sequence[Expr]) -> list[Expr]:
    """Return the expressions with sums over the places of unpool(g, x) as sums over those of g: the same entries."""
    done: dict[Expr, Expr] = {}
    for node in walk(*roots):
        new = rebuild(node, tuple(done[a] for a in node.args)) if node.args else node
        done[node] = _summed(new) if new.op is CONTRACT else new
    return [done[r] for r in roots]


def _summed(node: Expr) -> Expr:
    operands, out = split(node), node.params[1]
    every = [label for _, own in operands for label in own] + list(out)
    for k, (a, own) in enumerate(operands):
        x = definition(a)
        if x.op is UNPOOL:
            axis, sizes = x.params[:2]
            if all(every.count(label) == 1 for label in own[axis : axis + len(sizes)]):
                operands[k] = (x.args[0], own)
    return contract(operands, out)


def pool_first(roots: Sequence[Expr]) -> list[Expr]:
    """Return the expressions with maxpool(relu(z + b)) and its adjoint rewritten where nothing else uses z + b."""
    bare, labels = unnamed(roots)
    users: dict[Expr, list[Expr]] = {}
    for node in walk(*bare):
        for a in set(node.args):
            users.setdefault(a, []).append(node)
    changed: dict[Expr, Expr] = {}
    for node in walk(*bare):
        if node.op is MAXPOOL and node not in changed:
            changed.update(_block(node, users, set(bare)) or {})
    if not changed:
        return list(roots)
    return renamed(bare, labels, changed)


def _block(pool: Expr, users: dict[Expr, list[Expr]], wanted: set[Expr]) -> dict[Expr, Expr] | None:
    # What becomes of the pool and of the products of its adjoint with the guard.
    (h,), params = pool.args, pool.params
    if h.op is not REGISTRY["relu"] or h in wanted:
        return None
    (z,) = h.args
    parts = _image_and_bias(z, params) if z.op is ADD and z not in wanted else None
    if parts is None:
        return None
    image, bias = parts
    guards = [u for u in users[z] if u is not h]
    adjoints = [u for u in users[h] if u is not pool]
    if any(u.op is not REGISTRY["step"] for u in guards):
        return None
    if any(
        u.op is not UNPOOL or u.args[1] is not h or u.args[0] is h or u.params != params for u in adjoints
    ):
        return None
    products = {p for u in (*guards, *adjoints) for p in users.get(u, [])}
    moved = make(ADD, (make(MAXPOOL, (image,), params), _pooled_bias(bias, pool)))
    found = {pool: make(h.op, (moved,))}
    for p in products:
        operands = split(p) if p.op is CONTRACT else []
        mine = [(a, own) for a, own in operands if a in adjoints]
        masks = [(a, own) for a, own in operands if a in guards]
        if len(mine) != 1 or len(masks) != 1 or mine[0][1] != masks[0][1] or len(operands) != 2:
            return None
        axes = tuple(range(pool.ndim))
        guarded = contract([(mine[0][0].args[0], axes), (make(REGISTRY["step"], (moved,)), axes)], axes)
        spread = make(UNPOOL, (guarded, image), params)
        same = mine[0][1] == p.params[1]
        found[p] = spread if same else contract([(spread, mine[0][1])], p.params[1])
    if any(u in wanted for u in (*guards, *adjoints)):
        return None
    return found


def _image_and_bias(z: Expr, params: tuple) -> tuple[Expr, tuple] | None:
    # z + b with b the same over the axes that are pooled.
    if len(z.args) != 2:
        return None
    axis, k = params[0], len(params[1])
    for image, wide in (z.args, z.args[::-1]):
        if wide.op is not CONTRACT or image.shape != z.shape:
            continue
        out = wide.params[1]
        pooled = set(out[axis : axis + k])
        real = [(a, own) for a, own in split(wide) if a.op is not ONES]
        if len(set(out)) == len(out) and not any(label in pooled for _, own in real for label in own):
            return image, (real, out)
    return None


def _pooled_bias(bias: tuple, pool: Expr) -> Expr:
    real, out = bias
    held = {label for _, own in real for label in own}
    ones = [(make(ONES, (), (d,)), (l,)) for l, d in zip(out, pool.shape, strict=True) if l not in held]
    return contract([*real, *ones], out)
