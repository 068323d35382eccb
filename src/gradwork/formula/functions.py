"""The shapes of functions, by kind. A function without a rule is asked itself, with stand-ins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradwork.errors import GradworkError
from gradwork.expr import Expr, tensor
from gradwork.expr.dims import Dim, smaller
from gradwork.formula.composed import functions
from gradwork.formula.operators import MAX_POWER, Operators
from gradwork.formula.roles import REDUCTIONS
from gradwork.formula.tree import Call, Name
from gradwork.formula.types import SCALAR, Mismatch, Type, broadcast, describe, span, square

# A rule gets the call, the types of the arguments that are values, and the options; it returns the type.
Rule = Callable[["Functions", Call, dict[str, Any], dict[str, Any]], Type]

FUNCTIONS = functions()
RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Declare the shape rule of the functions of these names."""

    def declare(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return declare


# Functions that are also functions of a matrix as a whole, and how those are called.
_OF_MATRICES = {"exp": "expm", "log": "logm", "sqrt": "sqrtm", "sin": "sinm", "cos": "cosm"}


class Functions(Operators):
    """Types of function calls."""

    def call(self, node: Call, values: dict[str, Any], options: dict[str, Any]) -> Type | None:
        """Return the type of a call, or None where that of an argument is not known."""
        known = [v for v in values.values() if not isinstance(v, list)]
        known += [v for listed in values.values() if isinstance(listed, list) for v in listed]
        if any(k is None for k in known):
            return None
        if node.name == "norm" and known[0].rank == 2 and options.get("axis") is None:
            self.say_norm(node, known[0], options)
        if node.name == "abs" and node.arrangement == "bars" and known[0].rank == 2:
            determinant = self.bars(node, known[0])
            if determinant:
                return SCALAR
        if node.name in self.elementwise:
            self.say_entries(node, known)
            return self.together(node, known)
        return RULES.get(node.name, _as_built)(self, node, values, options)

    def say_norm(self, node: Call, kind: Type, options: dict[str, Any]) -> None:
        """Say which norm of a matrix the bars are; ‖A‖₂ is the largest singular value, or nothing."""
        order, name = options.get("ord"), self.label(node.args[0], "A")
        if order == 2 and "matrix_norm" not in FUNCTIONS:
            message = f"‖{name}‖_2 of a matrix is its largest singular value, which no function here takes"
            raise self.refuse(node, f"{message}; write ‖{name}‖_F for the root of the sum of squares", kind)
        if node.arrangement != "bars":
            return
        shown = {
            None: f"‖{name}‖ of a matrix is the Frobenius norm; the largest singular value is ‖{name}‖_2",
            2: f"‖{name}‖_2 of a matrix is its largest singular value; the root of the sum of squares is ‖{name}‖_F",
            1: f"‖{name}‖_1 of a matrix sums the absolute values of all entries",
            "inf": f"‖{name}‖_∞ of a matrix is the largest absolute value of its entries",
        }
        if order in shown:
            self.remark(shown[order])

    def bars(self, node: Call, kind: Type) -> bool:
        """Tell whether |S| is a determinant: S is square, and nothing sums what the bars leave."""
        if self.roles.summed(node) or not square(self.sizes, kind):
            return False
        self.plan[node] = "det"
        name = self.label(node.args[0], "S")
        self.remark(f"|{name}| is the determinant; abs({name}) takes the absolute value of each entry")
        return True

    def say_entries(self, node: Call, kinds: list[Type]) -> None:
        """Say that exp of a matrix, within a product or a trace, is taken of each entry."""
        if len(kinds) != 1 or kinds[0].rank != 2 or node.name not in _OF_MATRICES:
            return
        alone = isinstance(node.args[0], Name)
        where = self.roles.meets(node, self.ranks)
        if where == "matrix" or (where == "root" and alone):
            other = _OF_MATRICES[node.name]
            more = f"; the function of the matrix is {other}" if other in FUNCTIONS else ""
            self.remark(f"{self.label(node, node.name)} is taken of each entry{more}")

    def together(self, node: Call, kinds: list[Type]) -> Type:
        result = broadcast(self.sizes, kinds)
        if result is not None:
            return result
        lies = {k.lie for k in kinds if k.rank == 1}
        rows = {"row", "column"} <= lies and all(k.rank < 2 for k in kinds)

        def words() -> str:
            named = [(self.label(a, "one"), k) for a, k in zip(node.args, kinds) if k.rank]
            given = ", ".join(f"{name} {describe(self.sizes, k)}" for name, k in named)
            more = "; rows and columns are mixed" if rows else ""
            return f"the arguments of {node.name} do not meet: {given}{more}"

        marks = ((*node.where, "^"), *(span(a) for a in node.args))
        raise Mismatch(words, marks, tuple(kinds), final=rows)

    def refuse(self, node: Call, message: str | Callable[[], str], *kinds: Type) -> Mismatch:
        """Return the error that a call's arguments have the wrong shape."""
        marks = ((*node.where, "^"), *(span(a) for a in node.args))
        if node.arrangement:
            marks = (span(node, "^"),)

        def words() -> str:
            first = message() if callable(message) else message
            given = zip(node.args, kinds)
            return "; ".join((first, *(f"{self.label(a, 'it')} {describe(self.sizes, k)}" for a, k in given)))

        return Mismatch(words, marks, kinds)

    def unfit(self, node: Call, message: str, a: Type, b: Type) -> Mismatch:
        """Return the error that two parts of a list do not fit together."""
        return self.refuse(
            node, lambda: f"{message}: shapes {self.sizes.text(a.shape)} and {self.sizes.text(b.shape)}"
        )

    def sized(self, node: Call, sizes: tuple) -> tuple[Dim, ...]:
        """Return the sizes that a call asks for; each is at least 1."""
        found = tuple(Dim.of(d) for d in _flat(sizes))
        if any(d.value is not None and d.value < 1 for d in found):
            raise self.refuse(node, "a size is at least 1")
        return found

    def axes(self, node: Call, kind: Type, axis: Any) -> tuple[int, ...]:
        """Return the axes that an option means, counted from the front."""
        if axis is None:
            return tuple(range(kind.rank))
        chosen = axis if isinstance(axis, tuple) else (axis,)
        for a in chosen:
            if isinstance(a, bool) or not isinstance(a, int):
                raise self.refuse(node, "axis is a whole number or several in brackets")
            if not -kind.rank <= a < kind.rank:
                raise self.refuse(node, f"axis {a} does not exist", kind)
        found = tuple(sorted(a % kind.rank for a in chosen))
        if len(set(found)) != len(found):
            raise self.refuse(node, "the same axis is given twice", kind)
        return found

    def factored(self, node: Call, kind: Type) -> Type:
        """Return the shape of A ⊗ B where a square matrix is needed: both are square."""
        for factor in self.krons.get(node.args[0], ()):
            square(self.sizes, factor)
            kind = Type(tuple(self.sizes.resolve(d) for d in kind.shape))
        return kind

    def square(self, node: Call, kind: Type) -> None:
        kind = self.factored(node, kind)
        if not square(self.sizes, kind):
            raise self.refuse(node, f"{node.name} needs a square matrix", kind)


@rule(*REDUCTIONS, "median", "quantile", "vector_norm", "matrix_norm")
def _reduce(f: Functions, node: Call, values: dict, options: dict) -> Type:
    kind = values["x"]
    if node.name == "matrix_norm" and kind.rank != 2 and "axis" not in options:
        raise f.refuse(node, "matrix_norm needs a matrix", kind)
    if node.name in ("norm", "vector_norm", "matrix_norm"):
        _as_built(f, node, values, options)  # which norms there are, their own functions know
    axes = f.axes(node, kind, options.get("axis"))
    if options.get("keepdims"):
        return Type(tuple(Dim.of(1) if a in axes else d for a, d in enumerate(kind.shape)))
    return Type(tuple(d for a, d in enumerate(kind.shape) if a not in axes))


@rule("softmax", "log_softmax", "cumsum", "cumprod", "sort")
def _along(f: Functions, node: Call, values: dict, options: dict) -> Type:
    kind = values["x"]
    if not kind.rank:
        raise f.refuse(node, f"{node.name} needs a vector or a matrix", kind)
    f.axes(node, kind, options.get("axis", -1))
    return kind


@rule("dot", "matmul")
def _dot(f: Functions, node: Call, values: dict, options: dict) -> Type:
    a, b = values["a"], values["b"]
    if not a.rank or not b.rank:
        raise f.refuse(node, f"{node.name} needs vectors or matrices", a, b)
    inner = a.shape[-1], b.shape[-2 if b.rank > 1 else 0]
    if not f.sizes.unify(*inner):
        raise f.refuse(node, f"the inner sizes in {node.name} differ", a, b)
    stack = broadcast(f.sizes, [Type(a.shape[:-2]), Type(b.shape[:-2])])
    if stack is None:
        raise f.refuse(node, "the stacks of matrices differ", a, b)
    rows, columns = a.shape[-2:-1] if a.rank > 1 else (), b.shape[-1:] if b.rank > 1 else ()
    shape = (*stack.shape, *rows, *columns)
    return Type(shape, "column" if len(shape) == 1 and a.rank == 2 else "")


@rule("solve")
def _solve(f: Functions, node: Call, values: dict, options: dict) -> Type:
    a, b = values["a"], values["b"]
    f.square(node, a)
    if b.rank not in (1, 2) or not f.sizes.unify(a.shape[0], b.shape[0]):
        raise f.refuse(node, "the two sides of the equation do not meet", a, b)
    return Type(b.shape, "column" if b.rank == 1 else "")


@rule("outer")
def _outer(f: Functions, node: Call, values: dict, options: dict) -> Type:
    a, b = values["a"], values["b"]
    if a.rank != 1 or b.rank != 1:
        raise f.refuse(node, "outer needs two vectors", a, b)
    return Type((*a.shape, *b.shape))


@rule("kron")
def _kron(f: Functions, node: Call, values: dict, options: dict) -> Type:
    a, b = values["a"], values["b"]
    if a.rank != 2 or b.rank != 2:
        raise f.refuse(node, "kron needs two matrices", a, b)
    f.krons[node] = (a, b)
    return Type(tuple(f.sizes.resolve(i) * f.sizes.resolve(j) for i, j in zip(a.shape, b.shape)))


@rule("trace", "tr")
def _trace(f: Functions, node: Call, values: dict, options: dict) -> Type:
    if not values["x"].rank:
        f.plan[node] = "identity"
        f.remark(f"{f.label(node, 'the trace')} is the trace of a number, the number itself")
        return SCALAR
    values["x"] = f.factored(node, values["x"])
    # A matrix of which nothing else is known is square here.
    if values["x"].rank != 2:
        raise f.refuse(node, f"{node.name} needs a square matrix", values["x"])
    if not square(f.sizes, values["x"]) or options:
        return _as_built(f, node, values, options)
    return SCALAR


@rule("tril", "triu")
def _triangle(f: Functions, node: Call, values: dict, options: dict) -> Type:
    if values["x"].rank < 2:
        raise f.refuse(node, f"{node.name} needs a matrix", values["x"])
    return values["x"]


@rule("diagonal")
def _diagonal(f: Functions, node: Call, values: dict, options: dict) -> Type:
    return _as_built(f, node, values, options)


@rule("cross")
def _cross(f: Functions, node: Call, values: dict, options: dict) -> Type:
    a, b = values["a"], values["b"]
    axis = options.get("axis", -1)
    for kind in (a, b):
        if not kind.rank or not f.sizes.unify(kind.shape[f.axes(node, kind, axis)[0]], Dim.of(3)):
            raise f.refuse(node, "cross takes vectors of three components", a, b)
    return f.together(node, [a, b])


@rule("recurrence")
def _recurrence(f: Functions, node: Call, values: dict, options: dict) -> Type:
    return f.together(node, [values["a"], values["b"]])


@rule("pinv")
def _pinv(f: Functions, node: Call, values: dict, options: dict) -> Type:
    kind = values["a"]
    if kind.rank != 2:
        raise f.refuse(node, "pinv needs a matrix", kind)
    return Type((kind.shape[1], kind.shape[0]))


@rule("eigvalsh")
def _eigenvalues(f: Functions, node: Call, values: dict, options: dict) -> Type:
    f.square(node, values["a"])
    return Type(values["a"].shape[:1], "column")


@rule("svdvals")
def _singular_values(f: Functions, node: Call, values: dict, options: dict) -> Type:
    if values["a"].rank != 2:
        raise f.refuse(node, "svdvals needs a matrix", values["a"])
    return Type((smaller(*(f.sizes.resolve(d) for d in values["a"].shape)),), "column")


@rule("det", "logdet")
def _determinant(f: Functions, node: Call, values: dict, options: dict) -> Type:
    f.square(node, values["a"])
    return SCALAR


@rule("inv", "cholesky", "matrix_power", "expm", "sqrtm", "adjugate")
def _square_to_square(f: Functions, node: Call, values: dict, options: dict) -> Type:
    f.square(node, values["a"])
    if abs(options.get("k", 1)) > MAX_POWER:
        raise f.refuse(node, f"a matrix power goes up to {MAX_POWER:,}")
    return values["a"]


@rule("diag")
def _diag(f: Functions, node: Call, values: dict, options: dict) -> Type:
    kind = values["x"]
    if options:
        return _as_built(f, node, values, options)
    if kind.rank == 1:
        return Type((*kind.shape, *kind.shape))
    if kind.rank != 2:
        raise f.refuse(node, "diag needs a vector or a matrix", kind)
    if not square(f.sizes, kind):
        return Type((smaller(*(f.sizes.resolve(d) for d in kind.shape)),), "column")
    return Type(kind.shape[:1], "column")


@rule("transpose")
def _transpose(f: Functions, node: Call, values: dict, options: dict) -> Type:
    kind, order = values["x"], options.get("axes")
    if order is None:
        return f.transpose(node, node, kind)
    if not isinstance(order, tuple) or sorted(order) != list(range(kind.rank)):
        raise f.refuse(node, f"axes must be an order of the {kind.rank} axes", kind)
    return Type(tuple(kind.shape[a] for a in order))


@rule("ones", "zeros")
def _filled(f: Functions, node: Call, values: dict, options: dict) -> Type:
    shape = f.sized(node, options["shape"])
    return Type(shape, "column" if len(shape) == 1 else "")


@rule("eye")
def _eye(f: Functions, node: Call, values: dict, options: dict) -> Type:
    return Type(f.sized(node, (options["dim"],)) * 2)


@rule("broadcast_to")
def _broadcast_to(f: Functions, node: Call, values: dict, options: dict) -> Type:
    wanted = Type(f.sized(node, options["shape"]))
    result = broadcast(f.sizes, [values["x"], wanted])
    if result is None or result.rank != wanted.rank:
        raise f.refuse(node, lambda: f"this does not broadcast to {f.sizes.text(wanted.shape)}", values["x"])
    return wanted


@rule("reshape")
def _reshape(f: Functions, node: Call, values: dict, options: dict) -> Type:
    kind, wanted = values["x"], [Dim.of(d) for d in _flat(options["shape"])]
    have, rest = Dim.of(1), Dim.of(1)
    for dim in kind.shape:
        have = have * f.sizes.resolve(dim)
    open_axes = [a for a, d in enumerate(wanted) if d == -1]
    for a, d in enumerate(wanted):
        rest = rest * d if a not in open_axes else rest
    if len(open_axes) > 1:
        raise f.refuse(node, "only one size of a new shape can be -1")
    if any(d.value is not None and d.value < 1 for d in wanted if d != -1):
        raise f.refuse(node, "the sizes of a new shape are at least 1")
    if open_axes:
        wanted[open_axes[0]] = have // rest
    elif not f.sizes.unify(have, rest):
        raise f.refuse(node, lambda: f"a shape of {f.sizes.resolve(rest)} entries is asked for", kind)
    return Type(tuple(wanted))


@rule("concatenate")
def _concatenate(f: Functions, node: Call, values: dict, options: dict) -> Type:
    kinds = _parts(f, node, values)
    if any(k.rank != kinds[0].rank or not k.rank for k in kinds):
        raise f.refuse(node, "only arrays of the same number of axes can be concatenated")
    (axis,) = f.axes(node, kinds[0], options.get("axis", 0))
    total = Dim.of(0)
    for kind in kinds:
        others = [(a, b) for i, (a, b) in enumerate(zip(kind.shape, kinds[0].shape)) if i != axis]
        if not all(f.sizes.unify(a, b) for a, b in others):
            raise f.unfit(node, f"these do not fit together along axis {axis}", kinds[0], kind)
        total = total + f.sizes.resolve(kind.shape[axis])
    shape = (*kinds[0].shape[:axis], total, *kinds[0].shape[axis + 1 :])
    return Type(shape, kinds[0].lie)


@rule("stack")
def _stack(f: Functions, node: Call, values: dict, options: dict) -> Type:
    kinds = _parts(f, node, values)
    for kind in kinds:
        if kind.rank != kinds[0].rank or not all(map(f.sizes.unify, kind.shape, kinds[0].shape)):
            raise f.unfit(node, "only arrays of one shape can be stacked", kinds[0], kind)
    axis, rank = options.get("axis", 0), kinds[0].rank + 1
    if isinstance(axis, bool) or not isinstance(axis, int) or not -rank <= axis < rank:
        raise f.refuse(node, f"axis {axis} does not exist in a stack of {rank} axes")
    axis %= rank
    shape = (*kinds[0].shape[:axis], Dim.of(len(kinds)), *kinds[0].shape[axis:])
    return Type(shape, "column" if len(shape) == 1 else "")


@rule("gather", "take")
def _gather(f: Functions, node: Call, values: dict, options: dict) -> Type:
    kind = values["x"]
    axes = f.axes(node, kind, options.get("axis", 0))
    if len(axes) != 1:
        raise f.refuse(node, f"{node.name} takes one axis of an array", kind)
    if "positions" in options:
        given = options["positions"]
        lengths = {len(p) if isinstance(p, tuple) else None for p in given}
        if len(lengths) > 1:
            raise f.refuse(node, "the lists of positions have different lengths")
        positions: tuple = tuple(Dim.of(k) for k in (len(given), *lengths) if k is not None)
    else:
        positions = values["positions"].shape
    shape = (*kind.shape[: axes[0]], *positions, *kind.shape[axes[0] + 1 :])
    return Type(shape, "column" if len(shape) == 1 else "")


@rule("convolve")
def _convolve(f: Functions, node: Call, values: dict, options: dict) -> Type:
    return _as_built(f, node, values, options)


@rule(
    "conv1d",
    "conv2d",
    "conv3d",
    "window",
    "pad",
    "flip",
    "maxpool",
    "avgpool",
    "global_maxpool",
    "global_avgpool",
)
def _sliding(f: Functions, node: Call, values: dict, options: dict) -> Type:
    if not values["x"].rank:
        raise f.refuse(node, f"{node.name} needs a vector or a matrix", values["x"])
    return _as_built(f, node, values, options)


def _as_built(f: Functions, node: Call, values: dict, options: dict) -> Type:
    # Their sizes follow from their own checks: they are called with stand-ins of the same shapes.
    def stand_in(name: str, kind: Type) -> Expr:
        return tensor(name, *(f.sizes.resolve(d) for d in kind.shape))

    stand_ins = {
        name: [stand_in(f"{name}{i}", k) for i, k in enumerate(kind)]
        if isinstance(kind, list)
        else stand_in(name, kind)
        for name, kind in values.items()
    }
    try:
        shape = FUNCTIONS[node.name](**stand_ins, **options).shape
        return Type(shape, "column" if len(shape) == 1 else "")
    except GradworkError as error:
        message = str(error).splitlines()[0]
    except (TypeError, ValueError, IndexError):
        message = f"{node.name} does not take these options"
    # A size that is still to be found has no name that a person could read.
    if "__" in message:
        message = f"{node.name} does not take these shapes"
    raise f.refuse(node, message, *(k for k in values.values() if isinstance(k, Type)))


def _parts(f: Functions, node: Call, values: dict) -> list[Type]:
    kinds = values["parts"] if isinstance(values["parts"], list) else [values["parts"]]
    kinds = [*kinds, *values.get("more", [])]
    if not kinds:
        raise f.refuse(node, f"{node.name} needs at least one part")
    return kinds


def _flat(sizes: tuple) -> tuple:
    return sizes[0] if len(sizes) == 1 and isinstance(sizes[0], tuple) else sizes
