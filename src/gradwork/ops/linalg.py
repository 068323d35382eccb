"""Inverses, determinants and factorisations of square matrices, and of stacks of them (… × n × n)."""

from __future__ import annotations

from typing import Any

from gradwork.errors import ShapeError
from gradwork.expr.dims import Dim
from gradwork.expr.facts import is_symmetric
from gradwork.expr.node import TRIL, Expr, constant, facts, make
from gradwork.expr.notation import Call, Fence, Inverse, Times
from gradwork.expr.op import Op
from gradwork.expr.reason import Reason
from gradwork.ops.arithmetic import add
from gradwork.ops.contraction import ein, matmul


def square(args: tuple[Expr, ...], params: tuple) -> tuple[Dim, ...]:
    (a,) = args
    if a.ndim < 2 or a.shape[-2] != a.shape[-1]:
        raise ShapeError("square matrix is needed here", shape=a.shape)
    return a.shape


def _scalar(args: tuple[Expr, ...], params: tuple) -> tuple[Dim, ...]:
    return square(args, params)[:-2]


def stacked(pattern: str):
    """Return a contraction of matrices, or of each matrix of the stacks: `.ij` has the axes of the stack in front."""
    return lambda node, *operands: ein(pattern, *operands, stack=node.args[0].ndim - 2)


def _reason(node: Expr, i: int) -> Reason:
    # A transpose that a symmetric argument makes needless is not written, and that is an assumption.
    facts = {"law": node.op.law, "op": node.op.name, "node": node, "i": i}
    if is_symmetric(node.args[0]):
        return Reason.of("law of a symmetric matrix", **facts, symmetric=node.args[0])
    return Reason.of("law", **facts)


INV = Op(
    "inv",
    shape=square,
    # −A⁻ᵀ g A⁻ᵀ and −A⁻¹ t A⁻¹
    pullback=lambda g, y, node, i: stacked(",.ji,.jk*,.lk->.il*")(node, constant(-1), y, g, y),
    pushforward=lambda t, y, node, i: stacked(",.ij,.jk*,.kl->.il*")(node, constant(-1), y, t, y),
    code="np.linalg.inv({0})",
    notation=lambda node, args: Inverse(args[0]),
    law=r"d(A^{-1}) = -A^{-1}\, dA\, A^{-1}",
    reason=_reason,
    summary="the inverse matrix",
    example=(((3, 3),), (), "well"),
)


def inv(a: Any) -> Expr:
    """Return the inverse A⁻¹ of a square matrix."""
    return make(INV, (constant(a),))


def adjugate(a: Any) -> Expr:
    """Return the adjugate, the transposed cofactor matrix: A adj(A) = det(A) I, for singular A too.

    >>> adjugate([[1.0, 2], [3, 4]]).evaluate().round(12).tolist()
    [[4.0, -2.0], [-3.0, 1.0]]
    """
    c = make(COFACTOR, (constant(a),))
    return ein(".ij->.ji", c, stack=c.ndim - 2)


def solve(a: Any, b: Any) -> Expr:
    """Return the solution x of A x = b. It is A⁻¹b; the code solves and never forms the inverse.

    Stacks broadcast by NumPy's rule: b is a vector where it has one axis, else a stack of matrices.
    """
    return matmul(inv(a), constant(b))


# The transposed adjugate, ∂det(A)/∂A. It equals det(A) A⁻ᵀ, and exists where A is singular.
COFACTOR = Op(
    "cofactor",
    shape=square,
    pullback=lambda g, y, node, i: _cofactor_derivative(g, node),
    pushforward=lambda t, y, node, i: _cofactor_derivative(t, node),
    code=lambda w, node, args: w.helper("cofactor", args),
    notation=lambda node, args: Times(
        (Fence("det", args[0]), Inverse(args[0], transposed=not is_symmetric(node.args[0])))
    ),
    law=r"\operatorname{cof}(A) = \det(A)\, A^{-\mathsf T}",
    analytic=False,
    summary="the cofactor matrix det(A) A^-T, defined for singular A too",
    example=(((3, 3),), (), "well"),
)


def _cofactor_derivative(t: Expr, node: Expr) -> Expr:
    # C = det(A) A⁻ᵀ:  dC = tr(A⁻¹ dA) C − C dAᵀ A⁻ᵀ, which is symmetric as a map.
    a = node.args[0]
    c, back = make(COFACTOR, (a,)), inv(a)
    return add(
        stacked(".ji,.ij*,.kl->.kl*")(node, back, t, c),
        stacked(",.ij,.kj*,.lk->.il*")(node, constant(-1), c, t, back),
    )


DET = Op(
    "det",
    shape=_scalar,
    pullback=lambda g, y, node, i: stacked(".*,.ij->.ij*")(node, g, make(COFACTOR, node.args)),
    pushforward=lambda t, y, node, i: stacked(".ij,.ij*->.*")(node, make(COFACTOR, node.args), t),
    code="np.linalg.det({0})",
    notation=lambda node, args: Call("det", tuple(args), latex=r"\det"),
    law=r"\nabla\det(A) = \operatorname{adj}(A)^{\mathsf T} = \det(A)\, A^{-\mathsf T}",
    reason=_reason,
    summary="the determinant; its gradient is the adjugate, at singular matrices too",
    example=(((3, 3),), (), "well"),
)


def det(a: Any) -> Expr:
    """Return the determinant of a square matrix."""
    return make(DET, (constant(a),))


LOGDET = Op(
    "logdet",
    shape=_scalar,
    pullback=lambda g, y, node, i: stacked(".*,.ji->.ij*")(node, g, inv(node.args[0])),
    pushforward=lambda t, y, node, i: stacked(".ji,.ij*->.*")(node, inv(node.args[0]), t),
    code="np.linalg.slogdet({0})[1]",
    notation=lambda node, args: Call("logdet", tuple(args), latex=r"\log\det", unicode="log det"),
    law=r"\nabla\log\det(A) = A^{-\mathsf T}",
    reason=_reason,
    summary="the logarithm of |det|, without overflow",
    example=(((3, 3),), (), "well"),
)


def logdet(a: Any) -> Expr:
    """Return log |det(A)| of a square matrix, without overflow."""
    return make(LOGDET, (constant(a),))


def _cholesky_pullback(g: Expr, y: Expr, node: Expr, i: int) -> Expr:
    # Ā = ½ (S + Sᵀ) with S = L⁻ᵀ Φ(Lᵀ g) L⁻¹, where Φ keeps the lower triangle and half the diagonal.
    # Murray, Differentiation of the Cholesky decomposition (2016), eq. 9, for a symmetric argument.
    low, back = make(TRIL, (), (node.shape[-1],)), inv(y)
    one = stacked(",.ai,.ka,.kb*,ab,.bj->.ij*")(node, constant(1) / 2, back, y, g, low, back)
    other = stacked(",.aj,.ka,.kb*,ab,.bi->.ij*")(node, constant(1) / 2, back, y, g, low, back)
    return add(one, other)


def _cholesky_pushforward(t: Expr, y: Expr, node: Expr, i: int) -> Expr:
    # dL = L Φ(L⁻¹ dA L⁻ᵀ)
    low, back = make(TRIL, (), (node.shape[-1],)), inv(y)
    half = constant(1) / 2
    one = stacked(",.ia,ab,.ak,.kl*,.bl->.ib*")(node, half, y, low, back, t, back)
    other = stacked(",.ia,ab,.ak,.lk*,.bl->.ib*")(node, half, y, low, back, t, back)
    return add(one, other)


CHOLESKY = Op(
    "cholesky",
    shape=square,
    pullback=_cholesky_pullback,
    pushforward=_cholesky_pushforward,
    # NumPy reads the lower triangle only, which has another derivative than a function of the symmetric part.
    code=lambda w, node, args: w.call(
        "np.linalg.cholesky",
        args[0] if "symmetric" in facts(node.args[0]) else w.helper("symmetric_part", args),
    ),
    notation=lambda node, args: Call("cholesky", tuple(args), latex=r"\operatorname{chol}"),
    law=r"dL = L\,(M \circ L^{-1}\, dA\, L^{-\mathsf T}), \quad M = \operatorname{tril}(1 1^{\mathsf T} - \tfrac12 I)",
    analytic=False,
    summary="the lower triangular L with L Lᵀ = A, for a symmetric positive definite A",
    example=(((3, 3),), (), "spd"),
)


def cholesky(a: Any) -> Expr:
    """Return the lower triangular L with L Lᵀ = A, for a symmetric positive definite A.

    Only the symmetric part of A is seen, so the gradient by A is symmetric.
    """
    return make(CHOLESKY, (constant(a),))
