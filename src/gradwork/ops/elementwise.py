"""Functions of each component: one block for each."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from gradwork.errors import GradworkError
from gradwork.expr.node import Expr, constant, definition, is_constant, make
from gradwork.expr.notation import (
    Call,
    Cases,
    Either,
    Fence,
    Hadamard,
    Math,
    Number,
    Quotient,
    Raw,
    Relation,
    Root,
    Sum,
    Times,
    function,
)
from gradwork.expr.op import Op
from gradwork.expr.reason import Reason
from gradwork.ops.arithmetic import (
    add,
    elementwise_pullback,
    elementwise_pushforward,
    filled_like,
    multiply,
    power,
    same_shape,
    subtract,
)
from gradwork.ops.contraction import broadcast, common_shape, spread

PI = Op(
    "pi",
    shape=lambda a, p: (),
    positive=True,
    notation=lambda node, args: Raw("pi", "π", r"\pi"),
    code="np.pi",
)
pi = make(PI)


def unary(name: str, derivative: Callable | None, summary: str = "", **block: Any) -> Callable[..., Expr]:
    """Declare a function of one argument by its derivative, a function of (x, y = the named result)."""
    partials = ((lambda y, x: derivative(x, y)) if derivative else (lambda y, x: None),)
    block.setdefault("code", f"np.{name}({{0}})")
    block.setdefault("notation", function(name, block.pop("latex", ""), block.pop("unicode", "")))
    op = Op(
        name,
        shape=same_shape,
        pullback=elementwise_pullback(partials),
        pushforward=elementwise_pushforward(partials),
        elementwise=True,
        constant=derivative is None,
        summary=summary,
        **block,
    )

    def call(x: Any) -> Expr:
        return make(op, (constant(x),))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"Return {summary}, elementwise." + (f"\n\n    {op.law}" if op.law else "")
    return call


def binary(name: str, partials: tuple, summary: str = "", **block: Any) -> Callable[..., Expr]:
    """Declare a function of two arguments by its partial derivatives, functions of (y, a, b)."""
    op = Op(
        name,
        shape=same_shape,
        pullback=elementwise_pullback(partials),
        pushforward=elementwise_pushforward(partials),
        elementwise=True,
        constant=all(p is None for p in partials),
        summary=summary,
        **block,
    )

    def call(a: Any, b: Any) -> Expr:
        a, b = constant(a), constant(b)
        if a.ndim and b.ndim:
            shape = common_shape(a.shape, b.shape)
            a, b = broadcast(a, shape), broadcast(b, shape)
        return make(op, (a, b))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"Return {summary}, elementwise." + (f"\n\n    {op.law}" if op.law else "")
    return call


# --- exponentials and roots -------------------------------------------------------------------------------

exp = unary("exp", lambda x, y: y, "e^x", law=r"\exp' = \exp", latex=r"\exp", positive=True)

log = unary(
    "log",
    lambda x, y: power(x, -1),
    "the natural logarithm",
    law=r"\log'(x) = 1/x",
    latex=r"\log",
    domain=((0.2, 3),),
)

log1p = unary(
    "log1p",
    lambda x, y: power(add(1, x), -1),
    "log(1 + x), exact for small x",
    law=r"\operatorname{log1p}'(x) = 1/(1 + x)",
    domain=((-0.8, 3),),
)

expm1 = unary(
    "expm1",
    lambda x, y: exp(x),
    "e^x - 1, exact for small x",
    law=r"\operatorname{expm1}'(x) = e^x",
)

sqrt = unary(
    "sqrt",
    lambda x, y: multiply(constant(1) / 2, power(y, -1)),
    "the square root",
    law=r"(\sqrt{x})' = 1/(2\sqrt{x})",
    notation=lambda node, args: Root(args[0]),
    domain=((0.2, 3),),
)

# --- trigonometry -----------------------------------------------------------------------------------------

sin = unary("sin", lambda x, y: cos(x), "the sine", law=r"\sin' = \cos", latex=r"\sin")
cos = unary("cos", lambda x, y: multiply(-1, sin(x)), "the cosine", law=r"\cos' = -\sin", latex=r"\cos")
tan = unary(
    "tan",
    lambda x, y: add(1, power(y, 2)),
    "the tangent",
    law=r"\tan' = 1 + \tan^2",
    latex=r"\tan",
    domain=((-1.2, 1.2),),
)

sinh = unary("sinh", lambda x, y: cosh(x), "the hyperbolic sine", law=r"\sinh' = \cosh", latex=r"\sinh")
cosh = unary("cosh", lambda x, y: sinh(x), "the hyperbolic cosine", law=r"\cosh' = \sinh", latex=r"\cosh")
log_cosh = unary(
    "log_cosh",
    lambda x, y: tanh(x),
    "log cosh(x) without overflow",
    law=r"(\log\cosh)' = \tanh",
    code=lambda w, node, args: w.helper("log_cosh", args),
    latex=r"\log\cosh",
    unicode="log cosh",
)

tanh = unary(
    "tanh",
    lambda x, y: subtract(1, power(y, 2)),
    "the hyperbolic tangent",
    law=r"\tanh' = 1 - \tanh^2",
    latex=r"\tanh",
)

arcsin = unary(
    "arcsin",
    lambda x, y: power(subtract(1, power(x, 2)), constant(-1) / 2),
    "the arc sine",
    law=r"\arcsin'(x) = 1/\sqrt{1 - x^2}",
    latex=r"\arcsin",
    domain=((-0.8, 0.8),),
)

arccos = unary(
    "arccos",
    lambda x, y: multiply(-1, power(subtract(1, power(x, 2)), constant(-1) / 2)),
    "the arc cosine",
    law=r"\arccos'(x) = -1/\sqrt{1 - x^2}",
    latex=r"\arccos",
    domain=((-0.8, 0.8),),
)

arctan = unary(
    "arctan",
    lambda x, y: power(add(1, power(x, 2)), -1),
    "the arc tangent",
    law=r"\arctan'(x) = 1/(1 + x^2)",
    latex=r"\arctan",
    domain=((-0.8, 0.8),),
)

# --- signs and steps --------------------------------------------------------------------------------------

sign = unary("sign", None, "the sign, 0 at 0", law=r"\operatorname{sign}' = 0", analytic=False, kink=True)

floor = unary(
    "floor",
    None,
    "the largest whole number not above x",
    law=r"\lfloor x \rfloor' = 0",
    analytic=False,
    kink=True,
)

round_ = unary(
    "round", None, "the nearest whole number", law=r"\operatorname{round}' = 0", analytic=False, kink=True
)

absolute = unary(
    "abs",
    lambda x, y: sign(x),
    "the absolute value; its derivative at 0 is 0",
    law=r"|x|' = \operatorname{sign}(x), \quad |0|' = 0",
    notation=lambda node, args: Fence("abs", args[0]),
    analytic=False,
    kink=True,
)

step = unary(
    "step",
    None,
    "1 where x > 0, else 0",
    law=r"[x > 0]' = 0",
    code="np.heaviside({0}, 0.0)",
    targets={"torch": lambda w, node, args: w.call("torch.heaviside", args[0], w.zero_like(args[0]))},
    notation=lambda node, args: Fence("bracket", Relation(">", args[0], Number(Fraction(0)))),
    analytic=False,
    kink=True,
)

# The reciprocal that is 0 at 0: it stands in the derivative of a norm, whose value at 0 is 0 by convention.
reciprocal0 = unary(
    "reciprocal0",
    lambda x, y: multiply(-1, power(y, 2)),
    "1/x, and 0 at 0",
    law=r"(1/x)' = -1/x^2",
    code=lambda w, node, args: w.helper("reciprocal0", args),
    notation=lambda node, args: Quotient(Number(Fraction(1)), args[0]),
    domain=((0.3, 2.5),),
)

# --- special functions ------------------------------------------------------------------------------------


def _gauss(x: Expr, factor: Expr) -> Expr:
    return multiply(factor, exp(multiply(-1, power(x, 2))))


erf = unary(
    "erf",
    lambda x, y: _gauss(x, multiply(2, power(pi, constant(-1) / 2))),
    "the error function",
    law=r"\operatorname{erf}'(x) = \tfrac{2}{\sqrt\pi}\, e^{-x^2}",
    code="special.erf({0})",
)


def _normal_density(x: Expr) -> Expr:
    # φ(x) = exp(−x²/2)/√(2π)
    return multiply(power(multiply(2, pi), constant(-1) / 2), exp(multiply(constant(-1) / 2, power(x, 2))))


normal_cdf = unary(
    "normal_cdf",
    lambda x, y: _normal_density(x),
    "the standard normal distribution function Φ",
    law=r"\Phi'(x) = \tfrac{1}{\sqrt{2\pi}}\, e^{-x^2/2}",
    code="special.ndtr({0})",
    targets={"torch": "torch.special.erfc(-{0} / 2**0.5) / 2"},  # its ndtr is 0 below -14
    latex=r"\Phi",
    unicode="Φ",
)

# φ/Φ as it stands: φ(x)/Φ(x) is 0/0 far out, and exp(log φ − log Φ) the difference of two large numbers.
normal_hazard = unary(
    "normal_hazard",
    lambda x, y: multiply(-1, y, add(x, y)),
    "the ratio φ/Φ of the standard normal density and distribution function, exact far into the tail",
    law=r"h'(x) = -h(x)\,(x + h(x)), \quad h = \varphi/\Phi",
    code=lambda w, node, args: w.helper("normal_hazard", args),
    notation=lambda node, args: Either(
        Call("normal_hazard", tuple(args)),
        (Quotient)(
            Call("normal_density", tuple(args), latex=r"\varphi", unicode="φ"),
            Call("normal_cdf", tuple(args), latex=r"\Phi", unicode="Φ"),
        ),
    ),
)

log_normal_cdf = unary(
    "log_normal_cdf",
    lambda x, y: normal_hazard(x),
    "log Φ, exact far into the tail",
    law=r"(\log\Phi)'(x) = \varphi(x)/\Phi(x)",
    code="special.log_ndtr({0})",
    notation=lambda node, args: Call("log_normal_cdf", tuple(args), latex=r"\log\Phi", unicode="log Φ"),
)

_next_order = (lambda y, x: polygamma(definition(y).params[0] + 1, x),)

POLYGAMMA = Op(
    "polygamma",
    shape=same_shape,
    pullback=elementwise_pullback(_next_order),
    pushforward=elementwise_pushforward(_next_order),
    elementwise=True,
    code=lambda w, node, args: w.call("special.polygamma", str(node.params[0]), args[0]),
    notation=lambda node, args: Either(
        Call("polygamma", (Number(Fraction(node.params[0])), *args)),
        Call(
            "polygamma",
            tuple(args),
            latex=rf"\psi^{{({node.params[0]})}}",
            unicode=f"ψ⁽{''.join('⁰¹²³⁴⁵⁶⁷⁸⁹'[int(d)] for d in str(node.params[0]))}⁾",
        ),
    ),
    domain=((0.4, 4.0),),
    analytic=False,
    summary="the polygamma function of a given order",
    law=r"\psi^{(m)\prime} = \psi^{(m+1)}",
    example=(((3,),), (1,)),
)


def polygamma(order: int, x: Any) -> Expr:
    """Return the polygamma function ψ⁽ᵐ⁾ of a given order, elementwise."""
    if isinstance(order, bool) or not hasattr(order, "__index__") or order < 0:
        raise GradworkError("order of polygamma is whole number", order=order)
    return make(POLYGAMMA, (constant(x),), (int(order),))


digamma = unary(
    "digamma",
    lambda x, y: polygamma(1, x),
    "the digamma function ψ",
    law=r"\psi' = \psi^{(1)}",
    code="special.digamma({0})",
    latex=r"\psi",
    unicode="ψ",
    domain=((0.4, 4.0),),
)

lgamma = unary(
    "lgamma",
    lambda x, y: digamma(x),
    "log Γ",
    law=r"(\log\Gamma)' = \psi",
    code="special.gammaln({0})",
    latex=r"\log\Gamma",
    unicode="logΓ",
    domain=((0.4, 4.0),),
)

# --- activations ------------------------------------------------------------------------------------------

sigmoid = unary(
    "sigmoid",
    lambda x, y: multiply(y, subtract(1, y)),
    "the logistic function 1/(1 + e^-x)",
    law=r"\sigma' = \sigma\,(1 - \sigma)",
    code="special.expit({0})",
    latex=r"\sigma",
    unicode="σ",
    positive=True,
)

softplus = unary(
    "softplus",
    lambda x, y: sigmoid(x),
    "log(1 + e^x) without overflow",
    law=r"\operatorname{softplus}' = \sigma",
    code=lambda w, node, args: w.helper("softplus", args),
    targets={
        "jax": "jax.nn.softplus({0})",
        "torch": "torch.nn.functional.softplus({0}, threshold=40)",
    },
    positive=True,
)

log_sigmoid = unary(
    "log_sigmoid",
    lambda x, y: sigmoid(multiply(-1, x)),
    "log σ(x) without underflow",
    law=r"(\log\sigma)'(x) = \sigma(-x)",
    code="special.log_expit({0})",
    targets={"jax": "jax.nn.log_sigmoid({0})", "torch": "torch.nn.functional.logsigmoid({0})"},
    notation=lambda node, args: Call("log_sigmoid", tuple(args), latex=r"\log\sigma", unicode="log σ"),
)

relu = unary(
    "relu",
    lambda x, y: step(x),
    "max(x, 0); its derivative at 0 is 0",
    law=r"\operatorname{relu}'(x) = [x > 0]",
    code="np.maximum({0}, 0)",
    targets={"torch": "torch.relu({0})"},
    kink=True,
)


# --- comparisons and choices ------------------------------------------------------------------------------


def _relation(name: str, sign_: str, code: str, summary: str) -> Callable[..., Expr]:
    return binary(
        name,
        (None, None),
        summary,
        code=lambda w, node, args: w.infix(sign_, args, w.COMPARE),
        notation=lambda node, args: Relation(sign_, *args),
        law=r"\partial = 0",
        analytic=False,
        domain=((-2, 2), (-2, 2)),
    )


greater = _relation("greater", ">", ">", "1 where a > b")
greater_equal = _relation("greater_equal", ">=", ">=", "1 where a >= b")
less = _relation("less", "<", "<", "1 where a < b")
less_equal = _relation("less_equal", "<=", "<=", "1 where a <= b")
equal = _relation("equal", "==", "==", "1 where a = b")
not_equal = _relation("not_equal", "!=", "!=", "1 where a differs from b")


def _difference(node: Expr, args: list) -> Math:
    # a − b, without a number that is 0
    (a, b), (x, y) = args, node.args
    if is_constant(y, 0):
        return a
    return Sum(((True, b),)) if is_constant(x, 0) else Sum(((False, a), (True, b)))


# 1 where a > b, 1/2 at ties: so that maximum(x, x) has the derivative 1.
prefer = binary(
    "prefer",
    (None, None),
    "1 where a > b, 1/2 where they are equal, else 0: heaviside(a - b)",
    code="np.heaviside({0} - {1}, 0.5)",
    targets={"torch": "(torch.sign({0} - {1}) + 1) / 2"},
    notation=lambda node, args: Either(
        Cases(Relation("==", *args), Number(Fraction(1, 2)), Relation(">", *args)),
        Call("heaviside", (_difference(node, args),), latex=r"\operatorname{heaviside}"),
    ),
    law=r"\operatorname{heaviside}(z) = [z > 0] + \tfrac12 [z = 0], \quad \partial = 0",
    analytic=False,
    domain=((-2, 2), (-2, 2)),
)

maximum = binary(
    "maximum",
    (lambda y, a, b: prefer(a, b), lambda y, a, b: prefer(b, a)),
    "the larger of the two; at ties each has the derivative 1/2",
    code="np.maximum({0}, {1})",
    targets={"torch": lambda w, node, args: w.both_tensors("torch.maximum", node, args)},
    notation=function("maximum", latex=r"\max", unicode="max"),
    law=r"\partial\max(a,b)/\partial a = [a > b] + \tfrac12 [a = b]",
    laws=(
        r"\partial\max(a,b)/\partial a = [a > b] + \tfrac12 [a = b]",
        r"\partial\max(a,b)/\partial b = [b > a] + \tfrac12 [a = b]",
    ),
    analytic=False,
    domain=((-2, 2), (-2, 2)),
    kink=True,
)

minimum = binary(
    "minimum",
    (lambda y, a, b: prefer(b, a), lambda y, a, b: prefer(a, b)),
    "the smaller of the two; at ties each has the derivative 1/2",
    code="np.minimum({0}, {1})",
    targets={"torch": lambda w, node, args: w.both_tensors("torch.minimum", node, args)},
    notation=function("minimum", latex=r"\min", unicode="min"),
    law=r"\partial\min(a,b)/\partial a = [a < b] + \tfrac12 [a = b]",
    laws=(
        r"\partial\min(a,b)/\partial a = [a < b] + \tfrac12 [a = b]",
        r"\partial\min(a,b)/\partial b = [b < a] + \tfrac12 [a = b]",
    ),
    analytic=False,
    domain=((-2, 2), (-2, 2)),
    kink=True,
)


def clip(x: Any, low: Any, high: Any) -> Expr:
    """Return x held between low and high, elementwise; at the ends the derivative is 1/2."""
    return minimum(maximum(x, low), high)


xlogy = binary(
    "xlogy",
    (lambda y, a, b: log(b), lambda y, a, b: multiply(a, reciprocal0(b))),
    "x log y, and 0 at x = 0",
    code="special.xlogy({0}, {1})",
    targets={"torch": lambda w, node, args: w.both_tensors("torch.special.xlogy", node, args)},
    notation=lambda node, args: Either(
        Call("xlogy", tuple(args)),
        (Hadamard if node.ndim else Times)((args[0], Call("log", (args[1],), latex=r"\log"))),
    ),
    law=r"\partial(x \log y)/\partial x = \log y, \quad \partial/\partial y = x/y",
    laws=(r"\partial(x \log y)/\partial x = \log y", r"\partial(x \log y)/\partial y = x/y"),
    domain=((0.2, 3), (0.2, 3)),
)

arctan2 = binary(
    "arctan2",
    (
        lambda y, a, b: multiply(b, reciprocal0(add(power(a, 2), power(b, 2)))),
        lambda y, a, b: multiply(-1, a, reciprocal0(add(power(a, 2), power(b, 2)))),
    ),
    "the angle of the point (b, a)",
    code="np.arctan2({0}, {1})",
    targets={"torch": lambda w, node, args: w.both_tensors("torch.arctan2", node, args)},
    law=r"\partial \operatorname{arctan2}(a,b)/\partial a = b/(a^2+b^2)",
    laws=(
        r"\partial \operatorname{arctan2}(a,b)/\partial a = b/(a^2+b^2)",
        r"\partial \operatorname{arctan2}(a,b)/\partial b = -a/(a^2+b^2)",
    ),
    analytic=False,
    domain=((0.3, 2), (0.3, 2)),
)


def _where_pullback(g: Expr, y: Expr, node: Expr, i: int) -> Expr | None:
    if i == 0:
        return None
    from gradwork.ops.arithmetic import reduce_to

    condition = node.args[0] if node.args[0].ndim == node.ndim else filled_like(node.args[0], node)
    condition = spread(condition, g.shape) if condition.ndim else condition
    guarded = make(WHERE, (condition, g, constant(0)) if i == 1 else (condition, constant(0), g))
    return reduce_to(guarded, node, i, g)


def _where_pushforward(t: Expr, y: Expr, node: Expr, i: int) -> Expr | None:
    if i == 0:
        return None
    if node.args[i].ndim != node.ndim:
        from gradwork.ops.contraction import contract, filled

        rank = node.ndim
        t = contract(
            [(filled(1, node.shape), tuple(range(rank))), (t, tuple(range(rank, rank + t.ndim)))],
            tuple(range(rank + t.ndim)),
        )
    condition = node.args[0]
    condition = spread(condition, t.shape) if condition.ndim else condition
    return make(WHERE, (condition, t, constant(0)) if i == 1 else (condition, constant(0), t))


WHERE = Op(
    "where",
    shape=same_shape,
    pullback=_where_pullback,
    pushforward=_where_pushforward,
    code=lambda w, node, args: w.where(node, args),
    notation=lambda node, args: Cases(*args),
    law=r"\partial\,\mathrm{where}(c, x, y)/\partial x = \mathrm{where}(c, g, 0)",
    reason=lambda node, i: Reason.of("branches", op="where", node=node, i=i),
    analytic=False,
    elementwise=True,
    domain=((-2, 2), (-2, 2), (-2, 2)),
    summary="the second where the first holds, else the third",
)


def where(condition: Any, then: Any, otherwise: Any) -> Expr:
    """Return `then` where the condition holds, `otherwise` elsewhere.

    The branch that is not taken never reaches the derivative: where(x > 0, sqrt(x), 0) has the derivative 0
    at 0, not NaN.
    """
    xs = [constant(a) for a in (condition, then, otherwise)]
    shape = common_shape(*(x.shape for x in xs))
    return make(WHERE, tuple(x if not x.ndim else broadcast(x, shape) for x in xs))


hypot = binary(
    "hypot",
    (
        lambda y, a, b: multiply(a, reciprocal0(y)),
        lambda y, a, b: multiply(b, reciprocal0(y)),
    ),
    "√(a² + b²) without overflow; its derivative at (0, 0) is 0",
    code="np.hypot({0}, {1})",  # NumPy's takes no complex numbers
    targets={"torch": lambda w, node, args: w.both_tensors("torch.hypot", node, args)},
    notation=function("hypot", latex=r"\operatorname{hypot}"),
    law=r"\partial\operatorname{hypot}(a,b)/\partial a = a/\operatorname{hypot}(a,b), \quad 0 \text{ at } (0,0)",
    laws=(
        r"\partial\operatorname{hypot}(a,b)/\partial a = a/\operatorname{hypot}(a,b), \quad 0 \text{ at } (0,0)",
        r"\partial\operatorname{hypot}(a,b)/\partial b = b/\operatorname{hypot}(a,b), \quad 0 \text{ at } (0,0)",
    ),
    analytic=False,
    domain=((0.3, 2), (0.3, 2)),
)
