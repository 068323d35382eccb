"""The certificate of a derivative: a numerical check of its components at random points.

One bound for every component of a derivative:

    |error| <= rtol · (|reference| + max |reference|) + floor · max |f|

A symbol that was declared symmetric, diagonal, lower triangular or orthogonal is moved along the directions that keep
it so. Where both sides are polynomials or quotients of them, the identity is proved besides, modulo a prime (`exact`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gradwork.check.claims import Claim, Finding
from gradwork.check.exact import proved
from gradwork.check.lines import wrong_line
from gradwork.check.sampling import Sampler
from gradwork.errors import DerivativeError, GradworkError
from gradwork.expr.node import METHODS, Derived, Expr
from gradwork.words.say import say

WORK = 2e7  # numbers that a check may compute: large arrays are checked in fewer components
LARGEST = 4_000_000  # entries of an array that a check may draw or compute
DOUBTS = 3  # points that must all say no where high precision cannot be asked

Triple = tuple[Expr, Expr, Expr]  # (f, x, ∂f/∂x): the axes of f, then those of x


@dataclass(frozen=True)
class Certificate:
    """What the check of a derivative found.

    holds:  whether every component met the bound.
    points: at how many random points it was checked.
    method: "complex step" or "central differences".
    worst:  the largest |error| / max |reference| over all components.
    where:  the component of the largest error, or why no check was made.
    line:   the first line of the derivation that is wrong, where one is.
    exact:  whether the identity was proved besides, modulo a prime.
    """

    holds: bool
    points: int
    method: str
    worst: float
    where: str = ""
    line: str = ""
    exact: bool = False
    claim: Triple | None = field(default=None, repr=False, compare=False)
    values: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        if not self.points:
            return say("certificate not made", why=self.where)
        facts = {"points": self.points, "method": self.method, "worst": self.worst, "where": self.where}
        if self.holds:
            lines = [say("certificate holds", **facts)] + [say("certificate exact")] * self.exact
        else:
            lines = [say("certificate fails", **facts)]
            lines += [say("certificate line", line=self.line)] if self.line else []
        return "\n".join(lines)

    def __bool__(self) -> bool:
        return self.holds


def certify(derived: Any, points: int = 20, seed: int = 0, rtol: float | None = None) -> Certificate:
    """Check a derivative (what `grad`, `jacobian`, `hessian` or `vjp` returned) numerically.

    Of several derivatives (a tuple) every one is checked, and of a Hessian the gradient below it too.

    >>> import gradwork as gw
    >>> x = gw.scalar("x")
    >>> gw.certify(gw.grad(gw.exp(x) * x, x)).holds
    True
    """
    claims: dict[Triple, Any] = {}
    for one in _each(derived):
        if not isinstance(one, Derived):
            raise DerivativeError("certify takes")
        for claim in one.derivation.checks:
            claims.setdefault(claim, one.derivation)
    found = check(list(claims), points, seed, rtol)
    if found.holds or found.claim is None or found.values is None:
        return found
    return replace(found, line=wrong_line(claims[found.claim], found.claim, found.values))


def _each(derived: Any) -> Iterator[Any]:
    if isinstance(derived, (tuple, list)) and derived:
        for part in derived:
            yield from _each(part)
    else:
        yield derived


def check(claims: list[Triple], points: int = 20, seed: int = 0, rtol: float | None = None) -> Certificate:
    """Check claims (f, x, ∂f/∂x) at random points."""
    from gradwork.run import function

    everything = [e for claim in claims for e in claim]
    rng = np.random.default_rng(seed)
    draw = Sampler(everything, rng)
    if (size := draw.largest()) > LARGEST:
        return _not_made(
            f"an array of {size:,} entries is more than a check draws; name the size, as in x: n"
        )
    try:
        tests = [Claim(f, x, g, function, draw) for f, x, g in claims]
    except ZeroDivisionError as error:
        raise GradworkError("divided by zero") from error
    method = "complex step" if all(t.analytic for t in tests) else "central differences"
    worst, where, done = 0.0, "", 0
    doubts: dict[int, int] = {}
    wrong: tuple[int, Mapping[str, Any], Finding] | None = None
    for _ in range(int(min(points, max(2, WORK / max(sum(t.cost for t in tests), 1))))):
        values = draw.point(lambda v: all(t.defined(v) for t in tests))
        if values is None:
            break
        found = [t.judge(values, rng, rtol) for t in tests]
        if any(f is None for f in found):
            continue  # the differences themselves could not be trusted here
        done += 1
        for k, f in ((k, f) for k, f in enumerate(found) if f is not None):
            if not f.holds:
                doubts[k] = doubts.get(k, 0) + 1
                if wrong is None or (f.sure and not wrong[2].sure):
                    wrong = (k, values, f)
            if not f.worst <= worst:
                worst, where = f.worst, f.where
    if not done:
        return _not_made(say("no point"))
    holds = wrong is None or not (wrong[2].sure or doubts[wrong[0]] >= min(DOUBTS, done))
    if not holds and wrong is not None:
        k, values, f = wrong
        return Certificate(False, done, method, worst, f.where, claim=claims[k], values=values)
    exact = proved(claims, draw.sizes, rng)
    return Certificate(True, done, method, worst, where, exact=exact)


def _not_made(reason: str) -> Certificate:
    return Certificate(False, 0, "", float("nan"), reason)


METHODS.update(certify=certify)
