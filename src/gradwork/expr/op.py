"""What a primitive is: one record that holds everything Gradwork knows about one operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gradwork.expr.reason import Reason

if TYPE_CHECKING:
    from gradwork.expr.node import Expr

REGISTRY: dict[str, Op] = {}


@dataclass(frozen=True, eq=False)
class Op:
    """A primitive operation, declared once, in one block.

    The registry of these feeds the derivative, the printers, the code targets, `gradwork ops` and the tests.

    name:        what the formula language and the printers call it.
    shape:       (args, params) -> shape; raises ShapeError where the arguments do not meet.
    pullback:    (g, y, node, i) -> the adjoint of argument i, given the adjoint `g` of the result. `y` is the
                 result under its name, `node` the operation itself. `g` may carry further axes after those of
                 the result (one column for each component of a Jacobian).
    pushforward: (t, y, node, i) -> the tangent of the result, given the tangent `t` of argument i, again with
                 further axes after those of the argument.
    law:         the derivative as a textbook prints it, in LaTeX.
    laws:        the same for each argument, where they differ.
    reason:      (node, i) -> why the derivative by argument i is what it is, where its law alone does not say it
                 (a fact that shortens it, a rule with a name of its own).
    code:        how the NumPy-like targets write it: a template, or a function of (writer, node, args).
    targets:     what a target writes differently, by the target's name.
    notation:    (node, args) -> how it is written as mathematics; by default name(args).
    domain:      the intervals that each argument is drawn from in tests and certificates.
    analytic:    whether it extends to complex numbers, so that a complex step can check it.
    linear:      whether it is linear in its argument(s) (the reason that a derivation gives).
    positive:    whether its values are positive, whatever its arguments.
    kink:        whether it has kinks or steps: points without a derivative that a descent can come to.
    example:     shapes of arguments and the parameters with which the conformance tests call it.
    """

    name: str
    shape: Callable[[tuple[Expr, ...], tuple], tuple]
    pullback: Callable[[Expr, Expr, Expr, int], Expr | None] | None = None
    pushforward: Callable[[Expr, Expr, Expr, int], Expr | None] | None = None
    law: str = ""
    laws: tuple[str, ...] = ()
    reason: Callable[[Expr, int], Reason] | None = None
    code: str | Callable[..., Any] = ""
    targets: Mapping[str, str | Callable[..., Any]] = field(default_factory=dict)
    notation: Callable[[Expr, list], Any] | None = None
    domain: tuple[tuple[float, float], ...] = ((-2.0, 2.0),)
    analytic: bool = True
    linear: bool = False
    elementwise: bool = False
    positive: bool = False
    kink: bool = False
    constant: bool = False  # piecewise constant: its derivative is zero wherever it exists
    summary: str = ""
    example: tuple = ()

    def __post_init__(self) -> None:
        if self.name in REGISTRY:
            raise ValueError(f"operation {self.name!r} is registered twice")
        REGISTRY[self.name] = self

    def why(self, node: Expr, i: int) -> Reason:
        """Return why the derivative by argument i of `node` is what it is."""
        if self.reason is not None:
            return self.reason(node, i)
        law = self.laws[i] if self.laws else self.law
        kind = "constant operation" if self.constant else "linear operation" if self.linear else "law"
        return Reason.of(kind, law=law, op=self.name, node=node, i=i)

    def __reduce__(self) -> tuple:
        return REGISTRY.__getitem__, (self.name,)

    def __repr__(self) -> str:
        return f"Op({self.name})"
