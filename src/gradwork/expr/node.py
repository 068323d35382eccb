"""Expressions: immutable, interned nodes whose axes carry symbolic sizes.

Equal expressions are one object, so equality is identity and shared parts are shared by construction.
Constructors check shapes and never simplify.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from gradwork.errors import GradworkError, ShapeError
from gradwork.expr.dims import Dim, DimLike, shape_text
from gradwork.expr.op import REGISTRY, Op
from gradwork.expr.ranges import check_range, number

FACTS = ("positive", "onehot", "symmetric", "orthogonal", "diagonal", "lower", "integer")

_table: weakref.WeakValueDictionary[tuple, Expr] = weakref.WeakValueDictionary()
_serial = itertools.count()

# Filled by the packages above (operators by `ops`, views by `show` and `run`), so that imports flow downward.
METHODS: dict[str, Callable[..., Any]] = {}
UFUNCS: dict[str, Callable[..., Any]] = {}


class Expr:
    """A mathematical expression: an operation, its arguments, its parameters, its shape.

    Built by the functions of `gradwork` and by Python's operators; never by hand.
    """

    __slots__ = ("__weakref__", "args", "op", "params", "serial", "shape")

    op: Op
    args: tuple[Expr, ...]
    params: tuple
    shape: tuple[Dim, ...]
    serial: int

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def symbols(self) -> dict[str, Expr]:
        """The symbols in this expression by name, in the order in which they are first met."""
        return {s.params[0]: s for s in walk(self) if s.op is SYMBOL}

    @property
    def T(self) -> Expr:
        """The transpose: the axes in reverse order."""
        return METHODS["transpose"](self)

    def __add__(self, other: Any) -> Expr:
        return METHODS["add"](self, other)

    def __radd__(self, other: Any) -> Expr:
        return METHODS["add"](other, self)

    def __sub__(self, other: Any) -> Expr:
        return METHODS["subtract"](self, other)

    def __rsub__(self, other: Any) -> Expr:
        return METHODS["subtract"](other, self)

    def __mul__(self, other: Any) -> Expr:
        return METHODS["multiply"](self, other)

    def __rmul__(self, other: Any) -> Expr:
        return METHODS["multiply"](other, self)

    def __truediv__(self, other: Any) -> Expr:
        return METHODS["divide"](self, other)

    def __rtruediv__(self, other: Any) -> Expr:
        return METHODS["divide"](other, self)

    def __pow__(self, other: Any) -> Expr:
        return METHODS["power"](self, other)

    def __rpow__(self, other: Any) -> Expr:
        return METHODS["power"](other, self)

    def __matmul__(self, other: Any) -> Expr:
        return METHODS["matmul"](self, other)

    def __rmatmul__(self, other: Any) -> Expr:
        return METHODS["matmul"](other, self)

    def __neg__(self) -> Expr:
        return METHODS["negative"](self)

    def __pos__(self) -> Expr:
        return self

    def __abs__(self) -> Expr:
        return METHODS["abs"](self)

    def __lt__(self, other: Any) -> Expr:
        return METHODS["less"](self, other)

    def __le__(self, other: Any) -> Expr:
        return METHODS["less_equal"](self, other)

    def __gt__(self, other: Any) -> Expr:
        return METHODS["greater"](self, other)

    def __ge__(self, other: Any) -> Expr:
        return METHODS["greater_equal"](self, other)

    def __getitem__(self, index: Any) -> Expr:
        return METHODS["getitem"](self, index)

    def __iter__(self) -> Iterator[Expr]:
        if not self.shape or self.shape[0].value is None:
            raise GradworkError("expression of shape cannot be iterated", shape=self.shape)
        return (self[i] for i in range(self.shape[0].value))

    def __bool__(self) -> bool:
        raise GradworkError("expression has no truth value")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Expr:
        function, name = UFUNCS.get(ufunc.__name__), ufunc.__name__
        if method != "__call__" or function is None:
            whole = name if method == "__call__" else f"{name}.{method}"
            raise GradworkError("np function not an operation", whole=whole)
        if kwargs:
            raise GradworkError("np argument not taken", name=name, next=next(iter(kwargs)))
        return function(*inputs)

    def __array_function__(self, function: Any, types: Any, args: tuple, kwargs: dict) -> Expr:
        return METHODS["numpy"](function, args, kwargs)

    def __setattr__(self, attribute: str, value: Any) -> None:
        raise AttributeError(f"an expression never changes: its {attribute} cannot be set; build another one")

    def __delattr__(self, attribute: str) -> None:
        raise AttributeError(f"an expression never changes: its {attribute} cannot be deleted")

    def __copy__(self) -> Expr:
        return self

    def __deepcopy__(self, memo: Any) -> Expr:
        return self

    def __reduce__(self) -> tuple:
        return _restore, (_records(self),)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Expr:
        """Return the sum over the given axes."""
        return METHODS["sum"](self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Expr:
        """Return the mean over the given axes."""
        return METHODS["mean"](self, axis=axis, keepdims=keepdims)

    def evaluate(self, /, *args: Any, **values: Any) -> Any:
        """Return the value of this expression for the given values of its symbols (see `gradwork.function`)."""
        return METHODS["evaluate"](self, *args, **values)

    def code(self, target: str = "numpy", **options: Any) -> str:
        """Return this expression as source text for "numpy", "jax" or "torch"."""
        return METHODS["code"](self, target, **options)

    def latex(self, **options: Any) -> str:
        """Return this expression as LaTeX, names by their letters only."""
        return METHODS["latex"](self, **options)

    def text(self, **options: Any) -> str:
        """Return this expression as ASCII text, with every name written out, which `gradwork.parse` reads.

        Not read back are `einsum(…)`, which stands for what only index notation says, and parts of derivatives
        that no formula names: tril, product_without, shares, and placed or scattered parts.
        """
        return METHODS["text"](self, **options)

    def unicode(self, **options: Any) -> str:
        """Return this expression in Unicode mathematics, names by their letters only (`str` defines them too)."""
        return METHODS["unicode"](self, **options)

    def mathml(self) -> str:
        """Return this expression as MathML."""
        return METHODS["mathml"](self)

    def expand(self) -> Expr:
        """Return this expression with products over sums multiplied out."""
        return METHODS["expand"](self)

    def simplify(self) -> Expr:
        """Return this expression in normal form."""
        return METHODS["simplify"](self)

    def __str__(self) -> str:
        return METHODS["whole"](self, "unicode")

    def __repr__(self) -> str:
        return f"<Expr {METHODS['whole'](self, 'short')} : {shape_text(self.shape)}>"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {METHODS['whole'](self, 'latex')}$"


class Derived(Expr):
    """An expression together with how it was derived; in any larger expression it is its plain `twin`.

    It may be evaluated for every symbol of the function that it came from: what it does not depend on is
    ignored, but fixes sizes. A pickled one comes back as its twin.
    """

    __slots__ = ("derivation", "twin")

    derivation: Any
    twin: Expr

    @staticmethod
    def of(twin: Expr, derivation: Any) -> Derived:
        """Return `twin` with its derivation attached."""
        self = object.__new__(Derived)
        twin = plain(twin)
        for attribute in ("op", "args", "params", "shape", "serial"):
            object.__setattr__(self, attribute, getattr(twin, attribute))
        object.__setattr__(self, "twin", twin)
        object.__setattr__(self, "derivation", derivation)
        return self

    @property
    def source_key(self) -> tuple[int, ...]:
        """The serial numbers of the function that this was derived from, and of the variables."""
        function = getattr(self.derivation, "function", None)
        return () if function is None else (function.serial, *(v.serial for v in self.derivation.variables))

    @property
    def origin(self) -> dict[str, Expr]:
        """The symbols of the function that this was derived from, by name, and the variables."""
        function = getattr(self.derivation, "function", None)
        if function is None:
            return {}
        return function.symbols | {v.params[0]: v for v in self.derivation.variables}

    def __eq__(self, other: object) -> bool:
        return self.twin is plain(other)

    def __hash__(self) -> int:
        return hash(self.twin)

    @property
    def certificate(self) -> Any:
        """The check of this derivative at random points, made when it is first asked for (see `gw.certify`)."""
        if self.derivation.certificate is None:
            self.derivation.certificate = METHODS["certify"](self)
        return self.derivation.certificate

    def explain(self, **options: Any) -> str:
        """Return the derivation as text."""
        return self.derivation.text(**options)

    def _repr_html_(self) -> str:
        return self.derivation.html()


def plain(x: Any) -> Any:
    """Return the interned expression behind `x`, if it is a derived one; else `x` itself."""
    return x.twin if isinstance(x, Derived) else x


def make(
    op: Op, args: tuple[Expr, ...] = (), params: tuple = (), shape: tuple[Dim, ...] | None = None
) -> Expr:
    """Return the one node of this operation, arguments, parameters (and, for leaves, shape)."""
    key = (op, args, params, shape)
    node = _table.get(key)
    if node is None:
        sizes = op.shape(args, params) if shape is None else shape
        node = object.__new__(Expr)
        _set_op(node, op)
        _set_args(node, args)
        _set_params(node, params)
        _set_shape(node, sizes)
        _set_serial(node, next(_serial))
        _table[key] = node
    return node


# An expression's own __setattr__ refuses; these are the slots themselves.
_set_op, _set_args, _set_params, _set_shape, _set_serial = (
    Expr.__dict__[slot].__set__ for slot in ("op", "args", "params", "shape", "serial")
)


def _records(x: Expr) -> tuple:
    # Every node once, arguments first and by their place: what a pickle holds, without recursion.
    places: dict[Expr, int] = {}
    records = []
    for node in walk(x):
        places[node] = len(records)
        implied = _table.get((node.op, node.args, node.params, None)) is node
        args = tuple(places[a] for a in node.args)
        records.append((node.op.name, args, node.params, None if implied else node.shape))
    return tuple(records)


def _restore(records: tuple) -> Expr:
    nodes: list[Expr] = []
    for name, args, params, shape in records:
        nodes.append(make(REGISTRY[name], tuple(nodes[i] for i in args), params, shape))
    return nodes[-1]


def rebuild(node: Expr, args: tuple[Expr, ...]) -> Expr:
    """Return `node` with other arguments."""
    if args == node.args:
        return node
    return make(node.op, args, node.params)


# --- leaves -----------------------------------------------------------------------------------------------


def _no_shape(args: tuple, params: tuple) -> tuple:
    raise AssertionError("a leaf is made with its shape")


SYMBOL = Op("symbol", shape=_no_shape)  # params: (name, facts)
CONSTANT = Op("constant", shape=lambda a, p: ())  # params: (Fraction or float, whether it is exact)
ARRAY = Op("array", shape=_no_shape)  # params: (Frozen,)
SIZE = Op("size", shape=lambda a, p: (), positive=True)  # params: (Dim,): the size as a number
ONES = Op("ones", shape=lambda a, p: (p[0],), positive=True)  # params: (Dim,): the vector of ones
EYE = Op("eye", shape=lambda a, p: (p[0], p[0]))  # params: (Dim,): the identity matrix
TRIL = Op(
    "tril", shape=lambda a, p: (p[0], p[0])
)  # params: (Dim,): ones on and below the diagonal, half on it
ZEROS = Op("zeros", shape=_no_shape)  # params: ()
# A name for a definition: transparent to evaluation, opaque to rewriting. params: (label, kind)
NAME = Op(
    "name",
    shape=lambda a, p: a[0].shape,
    pullback=lambda g, y, node, i: g,
    pushforward=lambda t, y, node, i: t,
    linear=True,
)

LEAVES = frozenset({SYMBOL, CONSTANT, ARRAY, SIZE, ONES, EYE, TRIL, ZEROS})


class Frozen:
    """An array of numbers as a hashable parameter."""

    __slots__ = ("_key", "array")

    def __init__(self, array: np.ndarray):
        self.array = array.copy()
        self.array.flags.writeable = False
        self._key = (array.shape, array.dtype.str, self.array.tobytes())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frozen) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __reduce__(self) -> tuple:
        return Frozen, (self.array,)

    def __repr__(self) -> str:
        return f"Frozen({self.array.shape})"


def symbol(name: str, shape: Iterable[DimLike] = (), **facts: bool) -> Expr:
    """Return the symbol `name` with axes of the given sizes and the facts declared of it.

    Facts: positive, onehot (a vector, or every row of a matrix, holds a single 1), symmetric, orthogonal,
    diagonal, lower (nothing above the diagonal), integer.

    >>> symbol("S", ("d", "d"), symmetric=True).shape
    (Dim(d), Dim(d))
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise GradworkError("name of a symbol", name=name)
    unknown = [f for f in facts if f not in FACTS]
    if unknown:
        raise GradworkError("unknown fact", unknown=unknown[0], name=name, facts=FACTS)
    sizes = tuple(Dim.of(d) for d in shape)
    for dim in sizes:
        if dim.value is not None and dim.value < 0:
            raise ShapeError("axis of has size", name=name, dim=dim)
    declared = frozenset(f for f, holds in facts.items() if holds)
    square = declared & {"symmetric", "orthogonal", "diagonal", "lower"}
    if square and (len(sizes) != 2 or sizes[0] != sizes[1]):
        raise ShapeError(
            "declared fact needs a square matrix", name=name, square=sorted(square)[0], sizes=sizes
        )
    if "onehot" in declared and len(sizes) not in (1, 2):
        raise ShapeError("one-hot needs a vector or matrix", name=name, sizes=sizes)
    return make(SYMBOL, (), (name, declared), sizes)


def scalar(name: str, **facts: bool) -> Expr:
    """Return a scalar symbol."""
    return symbol(name, (), **facts)


def vector(name: str, n: DimLike | tuple[DimLike], **facts: bool) -> Expr:
    """Return a vector symbol of size `n`; one size as `dims("n")` gives it, a tuple of one, will do.

    >>> from gradwork.expr.dims import dims
    >>> vector("v", dims("n")).shape
    (Dim(n),)
    """
    return symbol(name, n if isinstance(n, tuple) else (n,), **facts)


def matrix(name: str, n: DimLike, d: DimLike, **facts: bool) -> Expr:
    """Return a matrix symbol with `n` rows and `d` columns."""
    return symbol(name, (n, d), **facts)


def tensor(name: str, *sizes: DimLike, **facts: bool) -> Expr:
    """Return a symbol with one axis for each of the sizes."""
    return symbol(name, sizes, **facts)


def _number(value: Any) -> Expr:
    # 1/2 and 0.5 are equal in Python, but not what was written: the kind of number is part of the node.
    exact = number(value)
    if isinstance(exact, Fraction):
        check_range(exact)
    return make(CONSTANT, (), (exact, isinstance(exact, Fraction)))


def constant(value: Any) -> Expr:
    """Return a number, or an array of numbers, as an expression."""
    if isinstance(value, Expr):
        return plain(value)
    if isinstance(value, Dim):
        return size(value)
    if isinstance(value, (int, float, Fraction, np.number, np.bool_)) and not isinstance(
        value, np.complexfloating
    ):
        return _number(value)
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise GradworkError("neither expression nor number", value=value)
    if array.ndim == 0:
        return _number(array.item())
    return make(ARRAY, (), (Frozen(array),), tuple(Dim.of(int(s)) for s in array.shape))


def size(dim: DimLike) -> Expr:
    """Return a size as a number: the `n` of `1/n`."""
    dim = Dim.of(dim)
    return constant(dim.value) if dim.value is not None else make(SIZE, (), (dim,))


def ones_vector(dim: DimLike) -> Expr:
    """Return the vector of ones."""
    return make(ONES, (), (Dim.of(dim),))


def eye(dim: DimLike) -> Expr:
    """Return the identity matrix."""
    return make(EYE, (), (Dim.of(dim),))


def zeros(shape: Iterable[DimLike]) -> Expr:
    """Return zeros of the given shape (the number 0 for no axes)."""
    sizes = tuple(Dim.of(d) for d in shape)
    return make(ZEROS, (), (), sizes) if sizes else constant(0)


def name(label: str, definition: Expr, kind: str = "value") -> Expr:
    """Return `definition` under a name. Rules and flattening never cross it.

    kind: "value" (a quantity of the forward pass), "adjoint" (printed ∂f/∂label), "delta" (an adjoint with a
    letter of its own) or "differential" (printed d label).
    """
    return make(NAME, (plain(definition),), (label, kind))


# --- looking at expressions -------------------------------------------------------------------------------


def is_constant(x: Expr, value: Any = None) -> bool:
    """Tell whether `x` is a number (and the given one)."""
    return x.op is CONSTANT and (value is None or x.params[0] == value)


def is_zero(x: Expr) -> bool:
    """Tell whether `x` is zero by its form."""
    return x.op is ZEROS or (x.op is CONSTANT and x.params[0] == 0)


def facts(x: Expr) -> frozenset[str]:
    """Return the facts declared about a symbol; nothing for anything else."""
    return x.params[1] if x.op is SYMBOL else frozenset()


def definition(x: Expr) -> Expr:
    """Return what a name stands for; anything else is itself."""
    while x.op is NAME:
        x = x.args[0]
    return x


def walk(*roots: Expr) -> Iterator[Expr]:
    """Yield every node below the roots once, arguments before what uses them, without recursion."""
    seen: set[Expr] = set()
    for root in roots:
        stack: list[tuple[Expr, bool]] = [(plain(root), False)]
        while stack:
            node, done = stack.pop()
            if done:
                yield node
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack.extend((a, False) for a in reversed(node.args) if a not in seen)


def surface(root: Expr, enter: Iterable[Expr] = ()) -> list[Expr]:
    """Return the nodes below `root` once, arguments first, entering no names but those in `enter`."""
    open_names = set(enter)
    seen: set[Expr] = set()
    order: list[Expr] = []
    stack: list[tuple[Expr, bool]] = [(plain(root), False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            if node.op is not NAME or node in open_names:
                stack.extend((a, False) for a in reversed(node.args) if a not in seen)
    return order


def segment(top: Expr, stop: set[Expr]) -> list[Expr]:
    """Return the nodes of one definition, arguments first: the walk ends at the nodes in `stop`."""
    seen: set[Expr] = set()
    order: list[Expr] = []
    stack: list[tuple[Expr, bool]] = [(top, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            if node not in stop or node is top:
                stack.extend((a, False) for a in reversed(node.args))
    return order


def consumers(*roots: Expr) -> dict[Expr, int]:
    """Return for each node how many arguments it is."""
    count: dict[Expr, int] = {}
    for node in walk(*roots):
        for arg in node.args:
            count[arg] = count.get(arg, 0) + 1
    return count


def depends(root: Expr, on: Iterable[Expr]) -> set[Expr]:
    """Return the nodes below `root` that hold any of the nodes `on`."""
    found = set(on)
    for node in walk(root):
        if any(a in found for a in node.args):
            found.add(node)
    return found


def substitute(
    root: Expr, replacements: dict[Expr, Expr], keep: Callable[[Expr], bool] | None = None
) -> Expr:
    """Return `root` with nodes replaced; nodes for which `keep` holds are not entered."""
    done: dict[Expr, Expr] = {plain(k): plain(v) for k, v in replacements.items()}
    for node in walk(root):
        if node not in done:
            if keep is not None and keep(node):
                done[node] = node
            else:
                done[node] = rebuild(node, tuple(done[a] for a in node.args)) if node.args else node
    return done[plain(root)]
