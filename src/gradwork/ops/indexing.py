"""Parts of arrays, and arrays from parts. All of these are linear."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from gradwork.errors import GradworkError, ShapeError
from gradwork.expr.dims import Dim, DimLike, shape_text
from gradwork.expr.node import SYMBOL, Expr, constant, make, size, zeros
from gradwork.expr.notation import Call, Either, Indexed, Raw
from gradwork.expr.op import Op
from gradwork.ops.contraction import axes_of, broadcast, common_shape, contract, multiply, spread

# An axis of an index is ("at", i) or ("from", start, stop, step) with Dims for start and stop.


def _index_shape(args: tuple[Expr, ...], params: tuple) -> tuple[Dim, ...]:
    (spec,) = params
    shape = args[0].shape
    return (*(s[4] for s in spec if s[0] == "from"), *shape[len(spec) :])


INDEX = Op(
    "index",
    shape=_index_shape,
    pullback=lambda g, y, node, i: make(
        PLACE, (g,), (node.params[0], (*node.args[0].shape, *g.shape[node.ndim :]))
    ),
    pushforward=lambda t, y, node, i: make(INDEX, (t,), node.params),
    code=lambda w, node, args: w.index(args[0], node.params[0]),
    notation=lambda node, args: Indexed(args[0], tuple(_spell(s) for s in node.params[0]), brackets=True),
    law=r"\partial x[i]/\partial x = \text{the adjoint placed at } i",
    linear=True,
    summary="a slice or a component",
    example=(((4, 3),), ((("from", Dim.of(1), Dim.of(3), 1, Dim.of(2)),),)),
)

# Zeros of a given shape with the argument placed at an index.
PLACE = Op(
    "place",
    shape=lambda a, p: p[1],
    pullback=lambda g, y, node, i: make(INDEX, (g,), (node.params[0],)),
    pushforward=lambda t, y, node, i: make(
        PLACE, (t,), (node.params[0], (*node.params[1], *t.shape[node.args[0].ndim :]))
    ),
    code=lambda w, node, args: w.helper(
        "place", args, w.index_tuple(node.params[0]), w.shape(node.params[1])
    ),
    notation=lambda node, args: Call(
        "place", tuple(args), (("at", f"[{', '.join(_spell(s) for s in node.params[0])}]"),)
    ),
    law=r"\partial\,\mathrm{place}(x)/\partial x = g[i]",
    linear=True,
    summary="zeros with x placed at an index",
    example=(((2, 3),), ((("from", Dim.of(1), Dim.of(3), 1, Dim.of(2)),), (Dim.of(4), Dim.of(3)))),
)


def _spell(s: tuple) -> str:
    if s[0] == "at":
        return str(s[1])
    _, start, stop, step, _ = s
    if step == -1:
        return "::-1"
    text = f"{'' if start == 0 else start}:{'' if stop is None else stop}"
    return text if step == 1 else f"{text}:{step}"


def _position(value: Any, dim: Dim, what: str) -> Dim:
    """Return an index as a size counted from the front; negative integers count from the end."""
    if isinstance(value, (Dim, str)):
        return Dim.of(value)
    if not hasattr(value, "__index__"):
        raise ShapeError("unknown index", what=what, value=value)
    k = value.__index__()
    return Dim.of(k) if k >= 0 else dim + k


def getitem(x: Expr, index: Any) -> Expr:
    """Return `x[index]` as NumPy does: integers, slices, `None`, `...`, lists of positions, and masks of truth values.

    >>> from gradwork.expr import matrix
    >>> X = matrix("X", 2, 3)
    >>> X[[0, 1], [2, 0]].evaluate(X=[[1, 2, 3], [4, 5, 6]]).tolist()
    [3.0, 4.0]
    """
    x = constant(x)
    items: list = []
    for item in index if isinstance(index, tuple) else (index,):
        mask = _mask(item)
        items += [item] if mask is None else _places(mask, x, items)
    if sum(i is Ellipsis for i in items) > 1:
        raise ShapeError("index holds more than one")
    used = sum(i is not None and i is not Ellipsis for i in items)
    if used > x.ndim:
        raise ShapeError("too many indices", used=used, shape=x.shape)
    items = [j for i in items for j in ([slice(None)] * (x.ndim - used) if i is Ellipsis else [i])]
    if any(isinstance(i, (list, np.ndarray, Expr)) and not _single(i) for i in items):
        return _at_positions(x, items)
    return _parts(x, items)


def _parts(x: Expr, items: list) -> Expr:
    # Integers, slices and new axes.
    spec, new_axes, axis, position = [], [], 0, 0
    for item in items:
        if item is None:
            new_axes.append(position)
            position += 1
            continue
        dim = x.shape[axis]
        if isinstance(item, slice):
            spec.append(_slice(item, dim, axis))
            position += 1
        else:
            at = _position(item, dim, "an index")
            if dim.value is not None and at.value is not None and not 0 <= at.value < dim.value:
                raise ShapeError("index is outside axis of size", item=item, axis=axis, dim=dim)
            if at.value is not None and at.value < 0:
                raise ShapeError("index is outside axis", item=item, axis=axis)
            spec.append(("at", at))
        axis += 1
    whole = all(s == ("from", Dim.of(0), None, 1, d) for s, d in zip(spec, x.shape))
    result = x if whole else make(INDEX, (x,), (tuple(spec),))
    if new_axes:
        rank = result.ndim + len(new_axes)
        kept = [a for a in range(rank) if a not in new_axes]
        ones = [(spread(constant(1), (Dim.of(1),)), (a,)) for a in new_axes]
        result = contract([(result, kept), *ones], tuple(range(rank)))
    return result


def _single(item: Any) -> bool:
    # A whole number that came as an array without axes.
    return isinstance(item, np.ndarray) and not item.ndim


def _at_positions(x: Expr, items: list) -> Expr:
    # NumPy's advanced indexing: lists (and the integers beside them) are broadcast against each other; their axes stand
    # where the first of them stood, or in front where something stands between them.
    picks = [k for k, i in enumerate(items) if i is not None and not isinstance(i, slice)]
    together = picks[-1] - picks[0] == len(picks) - 1
    axes = [i for i in items if i is not None]
    x = _parts(x, [i if isinstance(i, slice) else slice(None) for i in axes])
    chosen = [k for k, i in enumerate(axes) if not isinstance(i, slice)]
    if len(chosen) == 1 and together:
        found = gather(x, axes[chosen[0]], axis=chosen[0])
        count = found.ndim - x.ndim + 1
    else:
        found, count = _gathered(x, chosen, [axes[k] for k in chosen])
        before = sum(isinstance(i, slice) for i in items[: picks[0]]) if together else 0
        rest = found.ndim - count
        order = (*range(count, count + before), *range(count), *range(count + before, count + rest))
        found = found if order == tuple(range(found.ndim)) else contract([(found, range(found.ndim))], order)
    if not any(i is None for i in items):
        return found
    layout: list = [] if together else [slice(None)] * count
    for k, item in enumerate(items):
        layout += [slice(None)] * count if together and k == picks[0] else []
        layout += [item if item is None else slice(None)] if item is None or isinstance(item, slice) else []
    return _parts(found, layout)


def _gathered(x: Expr, axes: list[int], given: list) -> tuple[Expr, int]:
    # Several lists are one list of places in the axes taken as one, which go to the front.
    positions = [_whole_positions(i, x.shape[a], a) for i, a in zip(given, axes)]
    shape = common_shape(*(p.shape for p in positions))
    place: Expr | None = None
    for at, axis in zip(positions, axes):
        place = at if place is None else _joined(place, x.shape[axis], at)
    rest = [a for a in range(x.ndim) if a not in axes]
    turned = contract([(x, range(x.ndim))], (*axes, *rest)) if [*axes, *rest] != list(range(x.ndim)) else x
    joined = _numel([x.shape[a] for a in axes])
    flat = reshape(turned, (joined, *(x.shape[a] for a in rest)))
    assert place is not None
    place = broadcast(place, shape) if place.op.name != "array" else place
    if place.op.name == "array" and place.shape != shape:
        place = constant(np.broadcast_to(place.params[0].array, [d.value or 0 for d in shape]))
    if not place.ndim:
        return _parts(flat, [int(place.params[0])] if place.op.name == "constant" else [place]), 0
    return make(GATHER, (flat, place), (0,)), len(shape)


def _joined(place: Expr, dim: Dim, at: Expr) -> Expr:
    # place · d + at: the place in two axes taken as one, of which the second has size d.
    plain_ = [p.params[0].array if p.op.name == "array" else p for p in (place, at)]
    arrays = [int(p.params[0]) if isinstance(p, Expr) and p.op.name == "constant" else p for p in plain_]
    if dim.value is not None and not any(isinstance(a, Expr) for a in arrays):
        return constant(np.asarray(arrays[0]) * dim.value + np.asarray(arrays[1]))
    from gradwork.ops.arithmetic import add

    return add(multiply(place, size(dim)), at)


def _whole_positions(given: Any, dim: Dim, axis: int) -> Expr:
    # Positions along an axis, counted from the front and checked where they are numbers.
    if isinstance(given, Expr):
        return given
    if isinstance(given, (Dim, str)):
        return size(Dim.of(given))
    values = np.asarray(given)
    values = values.astype(int) if not values.size else values
    if values.dtype.kind not in "iu":
        raise ShapeError("positions are whole numbers not of indexing", given=given)
    if (
        values.size
        and dim.value is not None
        and not (-dim.value <= values.min() and values.max() < dim.value)
    ):
        raise ShapeError("position is outside axis of size", axis=axis, dim=dim)
    if values.size and values.min() < 0:
        if dim.value is None:
            raise ShapeError("negative position beside another list needs")
        values = values % dim.value
    return constant(values)


def _mask(item: Any) -> np.ndarray | None:
    # An array of truth values, if that is what was given; refuse what is a truth value otherwise.
    if isinstance(item, (Expr, bool, np.bool_)):
        _refuse_truth(item)
        return None
    if not isinstance(item, (list, np.ndarray)):
        _refuse_truth(item)
        return None
    try:
        array = np.asarray(item)
    except ValueError:
        array = np.asarray(None)
    if array.dtype == bool and array.ndim:
        return array
    if array.dtype.kind not in "iu" and array.size and not any(isinstance(i, Expr) for i in item):
        raise ShapeError("list in index holds whole numbers", item=item)
    _refuse_truth(item)
    return None


def _places(mask: np.ndarray, x: Expr, before: list) -> list:
    # The positions of a mask's truths, one list for each of its axes.
    if any(i is Ellipsis for i in before):
        raise ShapeError("mask stands before not after it")
    first = sum(i is not None for i in before)
    own = x.shape[first : first + mask.ndim]
    if len(own) < mask.ndim or any(d.value is None for d in own) or tuple(d.value for d in own) != mask.shape:
        found = shape_text(tuple(Dim.of(k) for k in mask.shape))
        raise ShapeError(
            "mask of shape does not fit", found=found, what=shape_text(own) if own else "no axis"
        )
    return list(np.nonzero(mask))


_COMPARISONS = frozenset({"greater", "greater_equal", "less", "less_equal", "equal", "not_equal"})


def _refuse_truth(item: Any) -> None:
    # A condition would be read as the positions 0 and 1.
    if isinstance(item, (list, tuple)):
        truth = any(
            isinstance(i, (bool, np.bool_)) or (isinstance(i, np.ndarray) and i.dtype == bool) for i in item
        )
    elif isinstance(item, (bool, np.bool_)) or hasattr(item, "dtype"):
        truth = np.asarray(item).dtype == bool
    else:
        stack = [item] if isinstance(item, Expr) else []
        while stack and stack[-1].op.name in ("contract", "index", "reshape"):
            stack.extend(a for a in stack.pop().args if a.op.name not in ("ones", "constant"))
        truth = bool(stack) and stack[-1].op.name in _COMPARISONS
    if truth:
        raise ShapeError("index is positions not condition")


def _slice(item: slice, dim: Dim, axis: int) -> tuple:
    step = 1 if item.step is None else item.step
    if not isinstance(step, int) or step == 0:
        raise ShapeError("step of slice is whole number", step=item.step)
    if (
        dim.value is not None
        and not isinstance(item.start, (Dim, str))
        and not isinstance(item.stop, (Dim, str))
    ):
        start, stop, step = item.indices(dim.value)
        count = len(range(start, stop, step))
        if (start, step, count) == (0, 1, dim.value):
            return ("from", Dim.of(0), None, 1, dim)
        end = None if step < 0 and stop < 0 else Dim.of(stop)
        return ("from", Dim.of(start), end, step, Dim.of(count))
    if step == -1 and item.start is None and item.stop is None:
        return ("from", dim - 1, None, -1, dim)
    if step < 0:
        raise ShapeError("slice backwards", axis=axis, dim=dim)
    start = Dim.of(0) if item.start is None else _position(item.start, dim, "the start of a slice")
    stop = dim if item.stop is None else _position(item.stop, dim, "the end of a slice")
    count = (stop - start + step - 1) // step
    if count.value is not None and count.value < 0:
        raise ShapeError("empty slice", start=item.start, stop=item.stop, axis=axis, dim=dim)
    return ("from", start, None if stop == dim else stop, step, count)


# --- positions --------------------------------------------------------------------------------------------


def _gather_shape(args: tuple[Expr, ...], params: tuple) -> tuple[Dim, ...]:
    x, where = args
    return (*x.shape[: params[0]], *where.shape, *x.shape[params[0] + 1 :])


# params: (axis,)
GATHER = Op(
    "gather",
    shape=_gather_shape,
    pullback=lambda g, y, node, i: (
        make(SCATTER, (g, node.args[1]), (node.params[0], node.args[0].shape[node.params[0]]))
        if i == 0
        else None
    ),
    pushforward=lambda t, y, node, i: make(GATHER, (t, node.args[1]), node.params) if i == 0 else None,
    code=lambda w, node, args: w.call(
        "np.take", args[0], w.integers(args[1], node.args[1]), axis=str(node.params[0])
    ),
    targets={"torch": lambda w, node, args: w.torch_take(node, args)},
    notation=lambda node, args: Indexed(args[0], (*([":"] * node.params[0]), args[1]), brackets=True),
    law=r"\partial x[i]/\partial x = \text{the adjoint added at the positions } i",
    linear=True,
    summary="the entries at the given positions along an axis",
    example=(((4, 3), ("positions", 5, 4)), (0,)),
)

# Zeros with the argument added at positions along an axis. params: (axis, size of that axis)
SCATTER = Op(
    "scatter",
    shape=lambda a, p: (*a[0].shape[: p[0]], p[1], *a[0].shape[p[0] + a[1].ndim :]),
    pullback=lambda g, y, node, i: make(GATHER, (g, node.args[1]), (node.params[0],)) if i == 0 else None,
    pushforward=lambda t, y, node, i: make(SCATTER, (t, node.args[1]), node.params) if i == 0 else None,
    code=lambda w, node, args: w.helper(
        "scatter", [args[0], w.integers(args[1], node.args[1])], node.params[0], w.size(node.params[1])
    ),
    notation=lambda node, args: Call(
        "scatter", tuple(args), (("axis", str(node.params[0])), ("size", str(node.params[1])))
    ),
    law=r"\partial\,\mathrm{scatter}(x)/\partial x = g[i]",
    linear=True,
    summary="zeros with x added at the given positions along an axis",
    example=(((5, 3), ("positions", 5, 4)), (0, Dim.of(4))),
)


def gather(x: Any, positions: Any, axis: int = 0) -> Expr:
    """Return the entries of `x` at the given positions (integers, repeated ones too) along an axis."""
    _refuse_truth(positions)
    x = constant(x)
    if isinstance(positions, (list, tuple)):
        positions = np.asarray(positions) if len(positions) else np.zeros(0, dtype=int)
    elif isinstance(positions, np.ndarray) and not positions.size:
        positions = positions.astype(int)
    positions = constant(positions)
    if not x.ndim:  # a number is an axis of one entry
        axes_of(x, axis)
        return gather(_parts(x, [None]), positions, 0)
    (axis,) = axes_of(x, axis)
    if positions.op.name == "array":
        values, dim = positions.params[0].array, x.shape[axis].value
        if not values.size:
            values = values.astype(int)
        if values.dtype.kind not in "iu":
            raise ShapeError("positions are whole numbers")
        if dim is not None and values.size and not (-dim <= values.min() and values.max() < dim):
            raise ShapeError("position is outside axis of size", axis=axis, dim=dim)
        if values.size and values.min() < 0:
            if dim is None:
                raise ShapeError("negative position needs axis of known")
            positions = constant(values % dim)
    return make(GATHER, (x, positions), (axis,))


def positions_in(nodes: Iterable[Expr]) -> dict[Expr, Dim]:
    """Return the symbols that are positions to gather at, each with the size of its axis."""
    return {
        n.args[1]: n.args[0].shape[n.params[0]] for n in nodes if n.op is GATHER and n.args[1].op is SYMBOL
    }


def check_positions(label: str, positions: np.ndarray, size: int) -> None:
    """Raise GradworkError for the first position outside an axis; negative ones count from its end."""
    if not positions.size or (-size <= positions.min() and positions.max() < size):
        return
    at = tuple(int(i) for i in np.argwhere((positions < -size) | (positions >= size))[0])
    place = f" at [{', '.join(map(str, at))}]" if at else ""
    raise GradworkError(
        "position out of range",
        label=label,
        positions=int(positions[at]),
        where=place,
        size=size,
        size2=size - 1,
    )


# --- other shapes -----------------------------------------------------------------------------------------


def _numel(shape: Sequence[Dim]) -> Dim:
    count = Dim.of(1)
    for d in shape:
        count = count * d
    return count


# params: (shape,)
RESHAPE = Op(
    "reshape",
    shape=lambda a, p: p[0],
    pullback=lambda g, y, node, i: make(RESHAPE, (g,), ((*node.args[0].shape, *g.shape[node.ndim :]),)),
    pushforward=lambda t, y, node, i: make(
        RESHAPE, (t,), ((*node.params[0], *t.shape[node.args[0].ndim :]),)
    ),
    code=lambda w, node, args: w.method(args[0], "reshape", w.shape(node.params[0])),
    notation=lambda node, args: Either(
        Call("reshape", (*args, *(_size_text(d) for d in node.params[0]))),
        Call("reshape", tuple(args), (("to", shape_text(node.params[0])),)),
    ),
    law=r"\partial\,\mathrm{reshape}(x)/\partial x = \mathrm{reshape}(g)",
    linear=True,
    summary="the same entries in another shape, row by row",
    example=(((4, 3),), ((Dim.of(6), Dim.of(2)),)),
)


def _size_text(dim: Dim) -> Raw:
    text = dim.render(times="*")
    return Raw(text, text, text)


def reshape(x: Any, *shape: Any) -> Expr:
    """Return the same entries in another shape, row by row; one size may be −1."""
    x = constant(x)
    sizes = list(shape[0]) if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else list(shape)
    wanted = [Dim.of(_plain_size(s)) for s in sizes]
    unknown = [k for k, d in enumerate(wanted) if d == -1]
    have = _numel(x.shape)
    if len(unknown) > 1:
        raise ShapeError("only one size of new shape")
    if unknown:
        rest = _numel([d for d in wanted if d != -1])
        wanted[unknown[0]] = have // rest
    if _numel(wanted) != have:
        raise ShapeError(
            "shape holds entries", shape=x.shape, have=have, wanted=tuple(wanted), numel=_numel(wanted)
        )
    return x if tuple(wanted) == x.shape else make(RESHAPE, (x,), (tuple(wanted),))


def _concat_shape(args: tuple[Expr, ...], params: tuple) -> tuple[Dim, ...]:
    axis, first = params[0], args[0].shape
    length = Dim.of(0)
    for a in args:
        if a.shape[:axis] + a.shape[axis + 1 :] != first[:axis] + first[axis + 1 :]:
            raise ShapeError(
                "these do not fit together along", axis=axis, shape_text=[shape_text(b.shape) for b in args]
            )
        length = length + a.shape[axis]
    return (*first[:axis], length, *first[axis + 1 :])


def _part(node: Expr, i: int) -> tuple:
    axis = node.params[0]
    start = Dim.of(0)
    for a in node.args[:i]:
        start = start + a.shape[axis]
    own = node.args[i].shape[axis]
    stop = start + own
    before = tuple(("from", Dim.of(0), None, 1, d) for d in node.shape[:axis])
    return (*before, ("from", start, None if stop == node.shape[axis] else stop, 1, own))


# params: (axis,)
CONCATENATE = Op(
    "concatenate",
    shape=_concat_shape,
    pullback=lambda g, y, node, i: make(INDEX, (g,), (_part(node, i),)),
    pushforward=lambda t, y, node, i: make(
        PLACE, (t,), (_part(node, i), (*node.shape, *t.shape[node.args[i].ndim :]))
    ),
    code=lambda w, node, args: w.concatenate(args, node.params[0]),
    notation=lambda node, args: Call(
        "concatenate", tuple(args), () if node.params[0] == 0 else (("axis", str(node.params[0])),)
    ),
    law=r"\partial[x, y]/\partial x = \text{the part of } g \text{ at } x",
    linear=True,
    domain=((-2, 2), (-2, 2)),
    summary="arrays one after the other along an axis",
    example=(((2, 3), (4, 3)), (0,)),
)


def concatenate(parts: Sequence[Any], *more: Any, axis: int = 0) -> Expr:
    """Return the parts one after the other along an axis."""
    chosen = [constant(p) for p in ((parts, *more) if isinstance(parts, Expr) else [*parts, *more])]
    if not chosen:
        raise ShapeError("concatenate needs at least one part")
    if any(p.ndim != chosen[0].ndim or not p.ndim for p in chosen):
        raise ShapeError("these do not fit together", shape_text=[shape_text(p.shape) for p in chosen])
    return make(CONCATENATE, tuple(chosen), axes_of(chosen[0], axis))


def stack(parts: Sequence[Any], *more: Any, axis: int = 0) -> Expr:
    """Return parts of one shape side by side along a new axis."""
    chosen = [constant(p) for p in ((parts, *more) if isinstance(parts, Expr) else [*parts, *more])]
    if not chosen:
        raise ShapeError("stack needs at least one part")
    if any(p.shape != chosen[0].shape for p in chosen):
        raise ShapeError("these do not stack", shape_text=[shape_text(p.shape) for p in chosen])
    rank = chosen[0].ndim + 1
    axis = axis % rank
    wide = [getitem(p, (*[slice(None)] * axis, None)) for p in chosen]
    return make(CONCATENATE, tuple(wide), (axis,))


def ones(*shape: DimLike) -> Expr:
    """Return an array of ones."""
    return spread(constant(1), tuple(Dim.of(_plain_size(d)) for d in _flat(shape)))


def zeros_(*shape: DimLike) -> Expr:
    """Return an array of zeros."""
    return zeros(tuple(Dim.of(_plain_size(d)) for d in _flat(shape)))


def _flat(shape: tuple) -> Sequence:
    return shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape


def _plain_size(d: Any) -> Any:
    if isinstance(d, Expr) and d.op.name in ("size", "constant"):
        return d.params[0] if d.op.name == "size" else int(d.params[0])
    return d


def broadcast_to(x: Any, *shape: DimLike) -> Expr:
    """Return `x` broadcast to a shape by NumPy's rule."""
    return broadcast(constant(x), tuple(Dim.of(_plain_size(d)) for d in _flat(shape)))
