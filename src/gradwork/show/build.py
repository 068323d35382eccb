"""From an expression to written mathematics: one term for each node, arguments first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from gradwork.expr.dims import Dim
from gradwork.expr.facts import is_symmetric
from gradwork.expr.node import ARRAY, CONSTANT, EYE, NAME, ONES, SIZE, SYMBOL, TRIL, ZEROS, Expr, make, plain
from gradwork.expr.notation import (
    Call,
    Either,
    Fence,
    Inverse,
    Letter,
    Math,
    Number,
    Power,
    Raw,
    Relation,
    Times,
    Transpose,
)
from gradwork.ops.arithmetic import ADD, POWER
from gradwork.ops.contraction import CONTRACT, label_sizes
from gradwork.ops.linalg import COFACTOR, DET
from gradwork.show.correlation import with_correlations
from gradwork.show.indices import with_indices
from gradwork.show.matrix import Graph, Item, NoMatrixForm
from gradwork.show.pieces import Piece, dim_text, elementwise, leaf, ones, turn, write
from gradwork.show.sums import Addend, arranged, broadcast_from, may_shorten, write_sum
from gradwork.show.terms import Scalar, Term, math_of, raised, size_term, write_term

# Products and sums that are nested deeper than this many parts are not opened into what holds them.
MAX_PARTS = 64


class Builder:
    """Writes the nodes of an expression; a node that is used twice is written once.

    mean: write 1/n Σ x, where it stands alone as a product, as mean(x).
    """

    def __init__(self, mean: bool = True):
        self.mean = mean
        self.terms: dict[Expr, Term] = {}
        self.maths: dict[Expr, Math] = {}
        self.sums: dict[Expr, tuple[Addend, ...]] = {}

    def math(self, root: Expr) -> Math:
        """Return the expression as mathematics."""
        root = plain(root)
        for node in shown_nodes(root):
            if node not in self.terms:
                self.terms[node] = self._term(node)
        return self._math(root)

    def _math(self, node: Expr) -> Math:
        found = self.maths.get(node)
        if found is None:
            found = self.maths[node] = math_of(self.terms[node])
        return found

    def _term(self, node: Expr) -> Term:
        op = node.op
        if op is CONSTANT:
            return Term(node.params[0])
        if op is SIZE:
            return size_term(node.params[0], Fraction(1))
        if op is CONTRACT:
            return self._contraction(node)
        if op is POWER:
            return self._power(node)
        if op.name == "reciprocal0":
            return self._to_power(node.args[0], Fraction(-1))
        if op is ADD:
            return self._wrapped(node, self._sum(node))
        if op in (SYMBOL, NAME):
            label, kind = node.params[0], "value" if op is SYMBOL else node.params[1]
            if label.startswith("df/d") and op is SYMBOL:  # what comes in at a step of a backward recurrence
                label, kind = label[4:], "adjoint"
            return self._wrapped(node, Letter(label, kind))
        if op is ONES:
            return Term(body=ones(node.params[0]))
        if not node.args and op.notation is None:
            return Term(body=leaf(*_constant_array(node), node.ndim, is_symmetric(node), _kind(node)))
        return self._operation(node)

    def _wrapped(self, node: Expr, math: Math) -> Term:
        if not node.ndim:
            return Term(over=[Scalar(math, key=node)])
        kind = "function" if node.op.elementwise and node.op is not ADD else "leaf"
        return Term(body=leaf(math, node.ndim, is_symmetric(node), kind))

    def _operation(self, node: Expr) -> Term:
        args = [self._math(a) for a in node.args]
        if node.op.name == "inv":
            return Term(body=leaf(self._inverse(node), 2, is_symmetric(node)))
        if node.op is COFACTOR:
            # det(A) A⁻ᵀ; beside the determinant itself the two become a power
            whole = make(DET, node.args)
            assert node.op.notation is not None and DET.notation is not None
            body = leaf(node.op.notation(node, args).factors[1], 2, is_symmetric(node))
            return Term(over=[Scalar(DET.notation(whole, args), key=whole)], body=body)
        if node.op.name == "reshape" and (pair := _kronecker(node)):
            return self._wrapped(node, Call("kron", tuple(self._math(a) for a in pair)))
        notation = node.op.notation
        math = Call(node.op.name, tuple(args)) if notation is None else notation(node, args)
        if node.ndim and isinstance(math, Times) and len(math.factors) == 2:
            # A scalar beside an array, such as det(A) A⁻ᵀ: each goes to its own place in larger products.
            scalar, array = math.factors
            return Term(over=[Scalar(scalar)], body=leaf(array, node.ndim, is_symmetric(node)))
        if isinstance(math, Relation):
            math = Fence("bracket", math)
        return self._wrapped(node, math)

    def _inverse(self, node: Expr) -> Math:
        term = self.terms[node.args[0]]
        if isinstance(self._math(node.args[0]), Transpose) and term.body is not None:
            return Inverse(write(turn(term.body.factors)), transposed=True)  # (Aᵀ)⁻¹ is A⁻ᵀ
        return Inverse(self._math(node.args[0]))

    # --- powers ---

    def _power(self, node: Expr) -> Term:
        base, exponent = node.args
        if exponent.op is CONSTANT and base.shape == node.shape:
            if base.op.name == "reciprocal0":  # (1/‖b‖)³ is a power below the bar
                return self._to_power(base.args[0], -exponent.params[0])
            return self._to_power(base, exponent.params[0])
        math = Power(self._math(base), self._math(exponent), elementwise=_is_square(node))
        return self._wrapped(node, math)

    def _to_power(self, base: Expr, k: Fraction | float) -> Term:
        size = abs(k)
        if k == 0:
            return self._wrapped(base, Power(self._math(base), Number(Fraction(0)), _is_square(base)))
        if base.ndim:
            math = self._math(base)
            if size != 1:
                math = raised(math, size) if size == 0.5 else Power(math, Number(size), _is_square(base))
            piece = leaf(math, base.ndim, is_symmetric(base), "function") if size != 1 else self._array(base)
            return Term(body=piece if k > 0 else elementwise([], [piece]))
        if isinstance(k, Fraction) and k.denominator == 1:
            if base.op is SIZE:
                return size_term(base.params[0], k)
            if (
                base.op is CONSTANT
                and isinstance(base.params[0], Fraction)
                and base.params[0] != 0
                and k == -1
            ):
                return Term(1 / base.params[0])
        scalar = Scalar(self._math(base), size, base)
        return Term(over=[scalar]) if k > 0 else Term(under=[scalar])

    def _array(self, node: Expr) -> Piece:
        term = self.terms[node]
        if term.body is not None and term.number == 1 and not term.over and not term.under:
            return term.body
        return leaf(self._math(node), node.ndim, is_symmetric(node))

    # --- products ---

    def _contraction(self, node: Expr) -> Term:
        labels, out = node.params
        if self.mean:
            mean = self._mean(node)
            if mean is not None:
                return self._wrapped(node, mean)
        term = Term()
        items: list[Item] = []
        for arg, own in zip(node.args, labels):
            inner = self.terms[arg]
            term.times(inner)
            if arg.ndim:
                assert inner.body is not None
                piece = inner.body
                if len(piece.factors) > MAX_PARTS:
                    piece = leaf(write(piece.factors), arg.ndim, is_symmetric(arg))
                items.append(Item(piece, own))
        dims = label_sizes(node.args, labels)
        items = with_correlations(node, items, dims, self._math)
        try:
            graph = Graph(items, out, dims)
            body = graph.reduce()
        except NoMatrixForm:
            math = with_indices(items, out)
            if out:
                term.body = leaf(math, len(out), is_symmetric(node))
            else:
                term.over.append(Scalar(math))
            return term
        for dim in graph.counts:
            term.times(size_term(dim, Fraction(1)))
        term.over += [Scalar(math) for math in graph.scalars]
        term.body = body
        return term

    def _mean(self, node: Expr) -> Math | None:
        """Return mean(x) where the node is exactly 1/n Σ x."""
        labels, out = node.params
        arrays = [(a, own) for a, own in zip(node.args, labels) if a.ndim]
        if len(arrays) != 1 or len(node.args) == 1:
            return None
        ((x, own),) = arrays
        axes = [k for k, label in enumerate(own) if label not in out]
        if len(set(own)) != len(own) or not axes or tuple(l for l in own if l in out) != out:
            return None
        count = Dim.of(1)
        for a in node.args:
            divisor = _divisor(a) if not a.ndim else Dim.of(1)
            if divisor is None:
                return None
            count = count * divisor
        wanted = Dim.of(1)
        for k in axes:
            wanted = wanted * x.shape[k]
        if count != wanted or wanted == 1:
            return None
        where = () if not out else (("axis", _axes(axes)),)
        return Call("mean", (self._summed(x) or self._math(x),), where, latex=r"\operatorname{mean}")

    def _summed(self, x: Expr) -> Math | None:
        """Return sum(x, axis=…) for sums within a mean, where X1 would hide what was written."""
        if x.op is not CONTRACT or len(x.args) != 1:
            return None
        (own,), out = x.params
        if len(set(own)) != len(own) or tuple(l for l in own if l in out) != out or len(own) == len(out):
            return None
        return Call(
            "sum", (self._math(x.args[0]),), (("axis", _axes(k for k, l in enumerate(own) if l not in out)),)
        )

    # --- sums ---

    def _sum(self, node: Expr) -> Math:
        addends: list[Addend] = []
        short: bool | None = None
        for arg in node.args:
            inner = self.sums.get(arg)
            if inner is not None and len(addends) + len(inner) <= MAX_PARTS and arg.ndim == node.ndim:
                addends.extend(inner)
                continue
            term = self.terms[arg]
            repeated = broadcast_from(arg) if arg.ndim else None
            if repeated is not None:
                if short is None:
                    short = may_shorten(node, [(a, self.terms[a].body) for a in node.args])
                term = self._shortened(*repeated) if short else term
            if arg.ndim == 1 and _only_ones(term) and not all(_only_ones(self.terms[a]) for a in node.args):
                term = Term(term.number)  # 1 − h²: a number is added to every component
            addends.append(Addend(*write_term(term)))
        self.sums[node] = ordered = arranged(addends)
        return write_sum(ordered)

    def _shortened(self, scalars: list[Expr], thing: Expr | None) -> Term:
        term = Term()
        for scalar in scalars:
            term.times(self.terms[scalar])
        if thing is not None:
            term.times(self.terms[thing])
            term.body = self.terms[thing].body
        return term


def _only_ones(term: Term) -> bool:
    alone = term.body is not None and term.body.atom is not None and term.body.atom.kind == "ones"
    return alone and not term.over and not term.under


def shown_nodes(root: Expr) -> Iterator[Expr]:
    """Yield the nodes that are written, arguments first, without recursion; what a name stands for is not."""
    seen: set[Expr] = set()
    stack: list[tuple[Expr, bool]] = [(root, False)]
    while stack:
        node, done = stack.pop()
        if done:
            yield node
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            if node.op is not NAME:
                stack.extend((a, False) for a in reversed(node.args) if a not in seen)


def _kronecker(node: Expr) -> tuple[Expr, Expr] | None:
    """Return A and B where the node is their Kronecker product: aᵢₖbⱼₗ, reshaped."""
    product = node.args[0]
    if product.op is not CONTRACT or product.params != (((0, 1), (2, 3)), (0, 2, 1, 3)):
        return None
    a, b = product.args
    return (a, b) if node.shape == tuple(p * q for p, q in zip(a.shape, b.shape)) else None


def _axes(axes: Iterable[int]) -> str:
    chosen = tuple(axes)
    return str(chosen[0]) if len(chosen) == 1 else str(chosen)


def _kind(node: Expr) -> str:
    return "eye" if node.op is EYE else "leaf"


def _is_square(node: Expr) -> bool:
    return node.ndim == 2 and node.shape[0] == node.shape[1]


def _divisor(x: Expr) -> Dim | None:
    """Return k where x is 1/k for a whole k or a size."""
    if x.op is POWER and x.args[1].op is CONSTANT and x.args[1].params[0] == -1:
        base = x.args[0]
        if base.op is SIZE:
            return base.params[0]
        x = base
        value = x.params[0] if x.op is CONSTANT else None
    else:
        value = 1 / x.params[0] if x.op is CONSTANT and x.params[0] != 0 else None
    whole = isinstance(value, Fraction) and value.denominator == 1 and value > 0
    return Dim.of(int(value)) if whole else None  # type: ignore[arg-type]


def _constant_array(node: Expr) -> tuple[Math]:
    sizes = ", ".join(dim_text(d) for d in node.shape)
    if node.op is EYE:
        return (Raw(f"eye({dim_text(node.params[0])})", "I", "I"),)
    if node.op is TRIL:
        # Ones below the diagonal, one half on it.
        inside = Raw("", "𝟏𝟏ᵀ − I/2", r"\mathbf{1} \mathbf{1}^{\mathsf T} - \tfrac{1}{2} I")
        return (Either(Raw(f"tril({dim_text(node.params[0])})", "", ""), Call("tril", (inside,))),)
    if node.op is ZEROS:
        return (Raw(f"zeros({sizes})", "0", r"\mathbf{0}"),)
    if node.op is ARRAY:
        return (_array_literal(node.params[0].array),)
    return (Raw(node.op.name, node.op.name, rf"\operatorname{{{node.op.name}}}"),)


def _array_literal(array) -> Math:
    if array.size > 9 or array.ndim > 2:
        text = f"array({', '.join(map(str, array.shape))})"
        return Raw(text, text, rf"\operatorname{{array}}({', '.join(map(str, array.shape))})")
    text = repr(array.tolist())
    rows = array.reshape(1, -1) if array.ndim == 1 else array
    inside = r" \\ ".join(" & ".join(f"{v:g}" for v in row) for row in rows)
    return Raw(text, text.replace("-", "−"), rf"\begin{{bmatrix}} {inside} \end{{bmatrix}}")
