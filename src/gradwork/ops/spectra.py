"""Eigenvalues, singular values, the pseudoinverse, and functions of a matrix as a whole: e^A, √A.

A vᵢ = λᵢ vᵢ for a symmetric A, A = Σ σᵢ uᵢ vᵢᵀ for any. Then, with F = gaps(λ), which is 1/(λⱼ − λᵢ) and 0 for i = j,

    dλᵢ = vᵢᵀ dA vᵢ        dV = V (F ∘ Vᵀ dA V)        dσᵢ = uᵢᵀ dA vᵢ

(Magnus and Neudecker; Townsend for the singular vectors). Where eigenvalues are equal, each of them alone has no
derivative; the convention is that F is 0 there (and at singular values of 0). Functions that treat equal ones alike,
such as their sum, have right first derivatives all the same; their second derivatives there are not meant.

The derivative of a matrix function f at A along E stands in f([A E; 0 A]) = [f(A) L(A, E); 0 f(A)] (Mathias 1996).
"""

from __future__ import annotations

from typing import Any

from gradwork.errors import ShapeError
from gradwork.expr.dims import Dim, smaller
from gradwork.expr.node import Expr, constant, facts, make, ones_vector, zeros
from gradwork.expr.notation import Call, Either, Fence, Indexed, Number, Power, Quotient, Sum
from gradwork.expr.op import Op
from gradwork.ops.arithmetic import add, power, total
from gradwork.ops.contraction import contract, ein, transpose
from gradwork.ops.elementwise import reciprocal0
from gradwork.ops.indexing import CONCATENATE, INDEX, PLACE
from gradwork.ops.linalg import square, stacked

# --- gaps -------------------------------------------------------------------------------------------------


def _gaps_pullback(g: Expr, y: Expr, node: Expr, i: int) -> Expr:
    rank = node.args[0].ndim - 1
    one = ein(",.pq,.pq,.pq*->.q*", constant(-1), y, y, g, stack=rank)
    return add(one, ein(".pq,.pq,.pq*->.p*", y, y, g, stack=rank))


def _gaps_pushforward(t: Expr, y: Expr, node: Expr, i: int) -> Expr:
    rank, ones = node.args[0].ndim - 1, ones_vector(node.shape[-1])
    one = ein(",.pq,.pq,.q*,p->.pq*", constant(-1), y, y, t, ones, stack=rank)
    return add(one, ein(".pq,.pq,.p*,q->.pq*", y, y, t, ones, stack=rank))


def _gaps_notation(node: Expr, args: list) -> Either:
    i, j = (Indexed(args[0], (k,)) for k in "ij")
    shown = Fence("entries", Quotient(Number(constant(1).params[0]), Sum(((False, j), (True, i)))), "i,j")
    return Either(Call("gaps", tuple(args)), shown)


GAPS = Op(
    "gaps",
    shape=lambda a, p: (*a[0].shape, a[0].shape[-1]),
    pullback=_gaps_pullback,
    pushforward=_gaps_pushforward,
    code=lambda w, node, args: w.helper("gaps", args),
    notation=_gaps_notation,
    law=r"F_{ij} = 1/(x_j - x_i): \quad dF_{ij} = -F_{ij}^2\,(dx_j - dx_i)",
    analytic=False,
    summary="1/(x_j - x_i) for every pair, and 0 where the two are equal",
    example=(((2, 4),), ()),
)


def _gaps(x: Expr) -> Expr:
    return make(GAPS, (x,))


# --- symmetric matrices -----------------------------------------------------------------------------------


def _values(node: Expr) -> Expr:
    return make(EIGENVALUES, node.args)


def _vectors(node: Expr) -> Expr:
    return make(EIGENVECTORS, node.args)


def _symmetric(w: Any, node: Expr, args: list) -> Any:
    return args[0] if "symmetric" in facts(node.args[0]) else w.helper("symmetric_part", args)


EIGENVALUES = Op(
    "eigvalsh",
    shape=lambda a, p: square(a, p)[:-1],
    pullback=lambda g, y, node, i: stacked(".i*,.ai,.bi->.ab*")(node, g, _vectors(node), _vectors(node)),
    pushforward=lambda t, y, node, i: stacked(".ai,.ab*,.bi->.i*")(node, _vectors(node), t, _vectors(node)),
    code=lambda w, node, args: w.call("np.linalg.eigvalsh", _symmetric(w, node, args)),
    notation=lambda node, args: Call("eigvalsh", tuple(args), latex=r"\lambda", unicode="λ"),
    law=r"d\lambda_i = v_i^{\mathsf T}\, dA\, v_i",
    analytic=False,
    summary="the eigenvalues of a symmetric matrix, the smallest first",
    example=(((2, 3, 3),), (), "symmetric"),
)


def _vectors_pullback(g: Expr, y: Expr, node: Expr, i: int) -> Expr:
    # V (F ∘ Vᵀ g) Vᵀ, of which only the symmetric part acts.
    f, half = _gaps(_values(node)), constant(1) / 2
    one = stacked(",.ai,.ij,.ci,.cj*,.bj->.ab*")(node, half, y, f, y, g, y)
    return add(one, stacked(",.bi,.ij,.ci,.cj*,.aj->.ab*")(node, half, y, f, y, g, y))


def _vectors_pushforward(t: Expr, y: Expr, node: Expr, i: int) -> Expr:
    f, half = _gaps(_values(node)), constant(1) / 2
    one = stacked(",.ci,.ij,.ai,.ab*,.bj->.cj*")(node, half, y, f, y, t, y)
    return add(one, stacked(",.ci,.ij,.bi,.ab*,.aj->.cj*")(node, half, y, f, y, t, y))


EIGENVECTORS = Op(
    "eigenvectors",
    shape=square,
    pullback=_vectors_pullback,
    pushforward=_vectors_pushforward,
    code=lambda w, node, args: w.helper("eigenvectors", [_symmetric(w, node, args)]),
    notation=lambda node, args: Call("eigenvectors", tuple(args), latex=r"V", unicode="V"),
    law=r"dV = V\,(F \circ V^{\mathsf T} dA\, V), \quad F_{ij} = 1/(\lambda_j - \lambda_i)",
    analytic=False,
    summary="the eigenvectors of a symmetric matrix as columns, in the order of its eigenvalues",
    example=(((3, 3),), (), "symmetric"),
)


def eigvalsh(a: Any) -> Expr:
    """Return the eigenvalues of a symmetric matrix, the smallest first; only the symmetric part of A is seen.

    dλᵢ = vᵢᵀ dA vᵢ. Equal eigenvalues share no derivative of their own; that of their sum is right.

    >>> eigvalsh([[2.0, 1.0], [1.0, 2.0]]).evaluate().round(12).tolist()
    [1.0, 3.0]
    """
    return make(EIGENVALUES, (constant(a),))


def eigh(a: Any) -> tuple[Expr, Expr]:
    """Return the eigenvalues (the smallest first) and the eigenvectors (as columns) of a symmetric matrix.

    The largest component of each vector is positive. Where eigenvalues are equal, the vectors are the library's choice,
    and the derivatives between them are taken as 0.
    """
    a = constant(a)
    return make(EIGENVALUES, (a,)), make(EIGENVECTORS, (a,))


# --- singular values --------------------------------------------------------------------------------------


def _tall(args: tuple[Expr, ...]) -> tuple[tuple[Dim, ...], Dim, Dim, Dim]:
    (a,) = args
    if a.ndim < 2:
        raise ShapeError("singular values need matrix", shape=a.shape)
    rows, columns = a.shape[-2:]
    return a.shape[:-2], rows, columns, smaller(rows, columns)


def _side(args: tuple[Expr, ...], params: tuple) -> tuple[Dim, ...]:
    stack, rows, columns, count = _tall(args)
    return (*stack, rows if params[0] == "left" else columns, count)


def _singular(node: Expr, side: str) -> Expr:
    return make(SINGULAR_VECTORS, node.args, (side,))


SINGULAR_VALUES = Op(
    "svdvals",
    shape=lambda a, p: (*_tall(a)[0], _tall(a)[3]),
    pullback=lambda g, y, node, i: stacked(".ai,.i*,.bi->.ab*")(
        node, _singular(node, "left"), g, _singular(node, "right")
    ),
    pushforward=lambda t, y, node, i: stacked(".ai,.ab*,.bi->.i*")(
        node, _singular(node, "left"), t, _singular(node, "right")
    ),
    code="np.linalg.svd({0}, compute_uv=False)",
    targets={"torch": "torch.linalg.svdvals({0})"},
    notation=lambda node, args: Call("svdvals", tuple(args), latex=r"\sigma", unicode="σ"),
    law=r"d\sigma_i = u_i^{\mathsf T}\, dA\, v_i",
    analytic=False,
    kink=True,
    summary="the singular values, the largest first",
    example=(((2, 4, 3),), ()),
)


def _vector_terms(node: Expr, y: Expr) -> list[tuple[str, str, tuple]]:
    # dU = U (F ∘ (P S + S Pᵀ)) + (I − U Uᵀ) dA V S⁻¹ with P = Uᵀ dA V and F = gaps(σ²); for V with dAᵀ in dA's place.
    # Each term as (labels of its operands, labels of the direction, operands): the result is ck, the direction xy.
    left = node.params[0] == "left"
    other = _singular(node, "right" if left else "left")
    s = make(SINGULAR_VALUES, node.args)
    f = _gaps(power(s, 2))
    x, z = ("a", "b") if left else ("b", "a")
    terms: list[tuple[str, str, tuple]] = [
        (f",.ci,.ik,.k,.{x}i,.{z}k", ".ab", (constant(1), y, f, s, y, other)),
        (f",.ci,.ik,.i,.{x}k,.{z}i", ".ab", (constant(1), y, f, s, y, other)),
    ]
    _, rows, columns, count = _tall(node.args)
    if count != (rows if left else columns):
        r = reciprocal0(s)
        direct = ".cb" if left else ".ac"
        terms.append((f",.{z}k,.k", direct, (constant(1), other, r)))
        terms.append((f",.ci,.{x}i,.{z}k,.k", ".ab", (constant(-1), y, y, other, r)))
    return terms


def _singular_pullback(g: Expr, y: Expr, node: Expr, i: int) -> Expr:
    return total(
        [
            stacked(f"{labels},.ck*->{along}*")(node, *operands, g)
            for labels, along, operands in _vector_terms(node, y)
        ],
        (*node.args[0].shape, *g.shape[node.ndim :]),
    )


def _singular_pushforward(t: Expr, y: Expr, node: Expr, i: int) -> Expr:
    return total(
        [
            stacked(f"{labels},{along}*->.ck*")(node, *operands, t)
            for labels, along, operands in _vector_terms(node, y)
        ],
        (*node.shape, *t.shape[node.args[0].ndim :]),
    )


# params: ("left" or "right",)
SINGULAR_VECTORS = Op(
    "singular_vectors",
    shape=_side,
    pullback=_singular_pullback,
    pushforward=_singular_pushforward,
    code=lambda w, node, args: w.helper("singular_vectors", args, node.params[0] == "left"),
    notation=lambda node, args: Call(
        "singular_vectors",
        tuple(args),
        (("side", node.params[0]),),
    ),
    law=(
        r"dU = U\,(F \circ (P S + S P^{\mathsf T})) + (I - U U^{\mathsf T})\, dA\, V S^{-1},"
        r" \quad P = U^{\mathsf T} dA\, V"
    ),
    analytic=False,
    summary="the left or right singular vectors as columns, in the order of the singular values",
    example=(((4, 3),), ("left",)),
)


def svdvals(a: Any) -> Expr:
    """Return the singular values of a matrix, the largest first.

    dσᵢ = uᵢᵀ dA vᵢ. At a singular value of 0 this is one of several subgradients; equal ones are as for `eigvalsh`.

    >>> svdvals([[3.0, 0.0], [0.0, 4.0]]).evaluate().tolist()
    [4.0, 3.0]
    """
    return make(SINGULAR_VALUES, (constant(a),))


def svd(a: Any) -> tuple[Expr, Expr, Expr]:
    """Return U, σ and Vᵀ with A = U diag(σ) Vᵀ, of the smaller size: n×k, k and k×d with k = min(n, d).

    The largest component of each column of U is positive. Where singular values are equal, the vectors are the
    library's choice; what does not depend on that has right derivatives.
    """
    a = constant(a)
    v = make(SINGULAR_VECTORS, (a,), ("right",))
    turned = transpose(v, (*range(v.ndim - 2), v.ndim - 1, v.ndim - 2))
    return make(SINGULAR_VECTORS, (a,), ("left",)), svdvals(a), turned


# --- pseudoinverse ----------------------------------------------------------------------------------------


def _inverse_shape(args: tuple[Expr, ...], params: tuple) -> tuple[Dim, ...]:
    stack, rows, columns, _ = _tall(args)
    return (*stack, columns, rows)


def _pinv_terms(node: Expr, y: Expr) -> list[tuple[str, str, tuple]]:
    # dA⁺ = −A⁺ dA A⁺ + A⁺A⁺ᵀ dAᵀ (I − A A⁺) + (I − A⁺A) dAᵀ A⁺ᵀA⁺, where A keeps its rank (Golub and Pereyra 1973).
    a, minus, plus = node.args[0], constant(-1), constant(1)
    return [
        (",.qa,.bp", ".ab", (minus, y, y)),
        (",.qc,.bc", ".pb", (plus, y, y)),
        (",.qc,.bc,.ad,.dp", ".ab", (minus, y, y, a, y)),
        (",.ea,.ep", ".aq", (plus, y, y)),
        (",.qc,.cb,.ea,.ep", ".ab", (minus, y, a, y, y)),
    ]


def _pinv_pullback(g: Expr, y: Expr, node: Expr, i: int) -> Expr:
    parts = [
        # (I − A A⁺) lets the transposed direction through as it is: there b and p, a and q change places.
        stacked(f"{labels},.qp*->{along}*")(node, *operands, g)
        for labels, along, operands in _pinv_terms(node, y)
    ]
    return total(parts, (*node.args[0].shape, *g.shape[node.ndim :]))


def _pinv_pushforward(t: Expr, y: Expr, node: Expr, i: int) -> Expr:
    parts = [
        stacked(f"{labels},{along}*->.qp*")(node, *operands, t)
        for labels, along, operands in _pinv_terms(node, y)
    ]
    return total(parts, (*node.shape, *t.shape[node.args[0].ndim :]))


PINV = Op(
    "pinv",
    shape=_inverse_shape,
    pullback=_pinv_pullback,
    pushforward=_pinv_pushforward,
    code="np.linalg.pinv({0})",
    notation=lambda node, args: Either(
        Call("pinv", tuple(args)), Power(args[0], Call("", (), latex="+", unicode="+"))
    ),
    law=(
        r"dA^+ = -A^+ dA\, A^+ + A^+ A^{+\mathsf T} dA^{\mathsf T} (I - A A^+)"
        r" + (I - A^+ A)\, dA^{\mathsf T} A^{+\mathsf T} A^+"
    ),
    analytic=False,
    summary="the Moore-Penrose pseudoinverse; its derivative is that among matrices of the same rank",
    example=(((4, 3),), ()),
)


def pinv(a: Any) -> Expr:
    """Return the pseudoinverse A⁺ of a matrix, or of each of a stack.

    The derivative is that among matrices of the same rank; at a change of rank A⁺ jumps.
    """
    return make(PINV, (constant(a),))


# --- functions of a matrix --------------------------------------------------------------------------------


def _turned(x: Expr, stack: int) -> Expr:
    order = tuple(range(x.ndim))
    return transpose(x, (*order[:stack], stack + 1, stack, *order[stack + 2 :]))


def _along(name: str, a: Expr, e: Expr) -> Expr:
    return make(ALONG, (a, e), (name,))


def _function(name: str, summary: str, law: str, latex: str, unicode: str, kind: str) -> Op:
    return Op(
        name,
        shape=square,
        pullback=lambda g, y, node, i: _along(name, _turned(node.args[0], node.ndim - 2), g),
        pushforward=lambda t, y, node, i: _along(name, node.args[0], t),
        code=lambda w, node, args: w.helper(name, args),
        notation=lambda node, args: Call(name, tuple(args), latex=latex, unicode=unicode),
        law=law,
        analytic=False,
        domain=((-1, 1),),
        summary=summary,
        example=(((2, 3, 3),), (), kind),
    )


EXPM = _function(
    "expm",
    "the exponential of a matrix, I + A + A²/2 + …",
    r"d e^A = \int_0^1 e^{sA}\, dA\, e^{(1-s)A}\, ds",
    r"\exp",
    "exp",
    "",
)

SQRTM = _function(
    "sqrtm",
    "the square root of a matrix whose eigenvalues are not negative numbers or 0",
    r"\sqrt{A}\; d\sqrt{A} + d\sqrt{A}\, \sqrt{A} = dA",
    r"\operatorname{sqrtm}",
    "sqrtm",
    "spd",
)


class _Blocks:
    # 𝔸 = [A E; 0 A] as matrices of twice the size, the further axes of E in front with those of the stack.

    def __init__(self, node: Expr):
        self.a, self.e = node.args
        self.stack, self.more = self.a.ndim - 2, self.e.ndim - self.a.ndim
        self.n = self.a.shape[-1]
        s = tuple(range(self.stack))
        self.s, self.m = s, tuple(("more", i) for i in range(self.more))
        wide = [
            (ones_vector(d), (label,)) for d, label in zip(self.e.shape[self.a.ndim :], self.m, strict=True)
        ]
        self.wide = wide
        a = contract([(self.a, (*s, "i", "j")), *wide], (*s, *self.m, "i", "j"))
        e = contract([(self.e, (*s, "i", "j", *self.m))], (*s, *self.m, "i", "j"))
        axis = self.stack + self.more
        top = make(CONCATENATE, (a, e), (axis + 1,))
        bottom = make(CONCATENATE, (zeros(a.shape), a), (axis + 1,))
        self.whole = make(CONCATENATE, (top, bottom), (axis,))
        self.front = tuple(("from", Dim.of(0), None, 1, d) for d in self.whole.shape[:axis])

    def place(self, row: int, column: int) -> tuple:
        ends = [("from", self.n * k, None if k else self.n, 1, self.n) for k in (row, column)]
        return (*self.front, *ends)

    def placed(self, x: Expr, row: int, column: int) -> Expr:
        shape = (*self.whole.shape, *x.shape[self.whole.ndim :])
        return make(PLACE, (x,), (self.place(row, column), shape))

    def part(self, x: Expr, row: int, column: int) -> Expr:
        return make(INDEX, (x,), (self.place(row, column),))


def _further(x: Expr, known: int) -> tuple:
    return tuple(("further", i) for i in range(x.ndim - known))


def _along_pullback(g: Expr, y: Expr, node: Expr, i: int) -> Expr:
    name, stack = node.params[0], node.args[0].ndim - 2
    if i == 1:
        return _along(name, _turned(node.args[0], stack), g)
    b = _Blocks(node)
    more = _further(g, node.ndim)
    front = contract([(g, (*b.s, "i", "j", *b.m, *more))], (*b.s, *b.m, "i", "j", *more))
    w = _along(name, _turned(b.whole, b.whole.ndim - 2), b.placed(front, 0, 1))
    both = add(b.part(w, 0, 0), b.part(w, 1, 1))
    return contract([(both, (*b.s, *b.m, "i", "j", *more))], (*b.s, "i", "j", *more))


def _along_pushforward(t: Expr, y: Expr, node: Expr, i: int) -> Expr:
    name = node.params[0]
    if i == 1:
        return _along(name, node.args[0], t)
    b = _Blocks(node)
    more = _further(t, node.args[0].ndim)
    wide = contract([(t, (*b.s, "i", "j", *more)), *b.wide], (*b.s, *b.m, "i", "j", *more))
    both = add(b.placed(wide, 0, 0), b.placed(wide, 1, 1))
    found = b.part(_along(name, b.whole, both), 0, 1)
    return contract([(found, (*b.s, *b.m, "i", "j", *more))], (*b.s, "i", "j", *b.m, *more))


def _along_notation(node: Expr, args: list) -> Either:
    text = Call("along", tuple(args), (("of", node.params[0]),))
    name = {"expm": r"\exp", "sqrtm": r"\sqrt{\ }"}[node.params[0]]
    shown = {"expm": "exp", "sqrtm": "√"}[node.params[0]]
    return Either(text, Call("along", tuple(args), latex=rf"L_{{{name}}}", unicode=f"L_{shown}"))


# The derivative of a matrix function at the first argument along the second, which may have further axes.
# It is linear in the second; its adjoint there is that at the transposed matrix. params: (name of the function,)
ALONG = Op(
    "along",
    shape=lambda a, p: a[1].shape,
    pullback=_along_pullback,
    pushforward=_along_pushforward,
    code=lambda w, node, args: w.helper("along", args, w.helper_name(node.params[0])),
    notation=_along_notation,
    law=r"f\begin{pmatrix} A & E \\ 0 & A \end{pmatrix} = \begin{pmatrix} f(A) & L(A, E) \\ 0 & f(A) \end{pmatrix}",
    analytic=False,
    domain=((-1, 1), (-1, 1)),
    summary="the derivative of a function of a matrix along a direction",
    example=(((3, 3), (3, 3, 2)), ("expm",)),
)


def expm(a: Any) -> Expr:
    """Return the exponential of a square matrix, I + A + A²/2 + …, not that of its entries.

    d e^A = ∫₀¹ e^{sA} dA e^{(1−s)A} ds

    >>> expm([[0.0, 1.0], [0.0, 0.0]]).evaluate().tolist()
    [[1.0, 1.0], [0.0, 1.0]]
    """
    return make(EXPM, (constant(a),))


def sqrtm(a: Any) -> Expr:
    """Return the square root S of a matrix, S S = A, whose eigenvalues have positive real parts.

    S dS + dS S = dA

    >>> sqrtm([[4.0, 0.0], [0.0, 9.0]]).evaluate().round(12).tolist()
    [[2.0, 0.0], [0.0, 3.0]]
    """
    return make(SQRTM, (constant(a),))


__all__ = ["eigh", "eigvalsh", "expm", "pinv", "sqrtm", "svd", "svdvals"]
