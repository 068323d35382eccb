"""A derivation as data: lines, each with the steps that lead from its start to its result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from gradwork.errors import GradworkError
from gradwork.expr.node import METHODS, NAME, Expr, rebuild, surface, walk
from gradwork.rewrite.engine import Engine, Rule, Step


@dataclass(frozen=True)
class Phase:
    """A run of the engine over a whole line: what it started from, what it reached, and its steps.

    kind: stabilise, name, derive, simplify, substitute, collect.
    """

    kind: str
    before: Expr
    after: Expr
    steps: dict[Expr, Step] = field(default_factory=dict)
    inlined: tuple[Expr, ...] = ()

    def replay(self) -> Expr:
        """Return what this phase makes of its start, each step derived again by its own rule."""
        start = inline(self.before, self.inlined) if self.kind == "substitute" else self.before
        return Engine(()).replay(start, self.steps)

    @property
    def board(self) -> list[Step]:
        """The steps that a teacher would name."""
        return [s for s in self.steps.values() if s.rule.board]


@dataclass(frozen=True)
class Line:
    """One line of a derivation.

    kind:   "forward" (a name and its definition), "backward" (an adjoint), "tangent" (a differential) or
            "result".
    target: what the line is about: the named quantity, or the variable.
    left:   what stands left of the first equals sign.
    """

    kind: str
    target: Expr
    left: Expr
    phases: tuple[Phase, ...]
    folded: bool = False

    @property
    def start(self) -> Expr:
        """The expression before the first step."""
        return self.phases[0].before

    @property
    def result(self) -> Expr:
        """The expression after the last step."""
        return self.phases[-1].after


@dataclass
class Derivation:
    """How a derivative was found: the function, the variables, the lines, and the result for each variable.

    manner: "backprop" or "differential".
    checks: the claims (f, x, ∂f/∂x) that a certificate tests.
    differential: makes the same derivation in the manner of differentials.
    certificate: what the check of these derivatives found, once it was asked for.
    row: for a block of second derivatives, the variable of the gradient that was differentiated, and
    before: the derivation of that gradient.
    simplified: of differentials, the simplifications by which the results that are read off became what they are.
    """

    function: Expr
    variables: tuple[Expr, ...]
    lines: Sequence[Line]
    results: tuple[Expr, ...]
    manner: str = "backprop"
    order: int = 1
    title: str = ""
    checks: list[tuple[Expr, Expr, Expr]] = field(default_factory=list)
    differential: Callable[[], Derivation] | None = None
    row: Expr | None = None
    before: Derivation | None = None
    certificate: Any = None
    simplified: tuple[Phase, ...] = ()

    @property
    def steps(self) -> list[Step]:
        """Every step of every line, in order."""
        return [s for line in self.lines for phase in line.phases for s in phase.steps.values()]

    def render(self, style: str = "unicode", detail: str = "board", language: str = "en") -> str:
        """Return this derivation as "unicode", "text", "latex", "mathml", "html" or "json".

        detail: "board" for the lines that a teacher writes, "slow" for a pupil, "engine" for every rewrite.
        """
        return METHODS["derivation"](self, style, detail, language)

    def text(self, detail: str = "board", manner: str = "", language: str = "en") -> str:
        """Return this derivation for a terminal, in either manner ("backprop" or "differential").

        >>> import gradwork as gw
        >>> x = gw.scalar("x")
        >>> print(gw.grad(x**2 + 3, x).derivation.text(detail="slow"))
        f′(x) = (x²)′ + (3)′                              sum rule
              = 2x + (3)′                                 power rule, (xᵖ)′ = p xᵖ⁻¹
              = 2x                                        a constant does not change
        """
        chosen = self.differential() if manner == "differential" and self.differential else self
        return chosen.render("unicode", detail, language)

    def unicode(self) -> str:
        """Return this derivation in Unicode mathematics."""
        return self.render("unicode")

    def latex(self) -> str:
        """Return this derivation as LaTeX."""
        return self.render("latex")

    def mathml(self) -> str:
        """Return this derivation as MathML."""
        return self.render("mathml")

    def html(self) -> str:
        """Return this derivation as a table with MathML."""
        return self.render("html")

    def json(self) -> str:
        """Return this derivation as JSON."""
        return self.render("json")

    def __str__(self) -> str:
        return self.render()

    _repr_html_ = html

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __bool__(self) -> bool:
        return True

    def replay(self) -> bool:
        """Tell whether every line, started again, reaches its result by its recorded steps.

        Raises GradworkError at the first line that does not.
        """
        for line in self.lines:
            for phase in line.phases:
                if phase.replay() is not phase.after:
                    raise GradworkError("line does not replay", target=line.target)
        return True


def inline(x: Expr, names: tuple[Expr, ...]) -> Expr:
    """Return `x` with the given names replaced by what they stand for."""
    chosen = set(names)
    done: dict[Expr, Expr] = {}
    for node in surface(x, chosen):
        if node in chosen:
            done[node] = done[node.args[0]]
        else:
            done[node] = node if node.op is NAME else rebuild(node, tuple(done[a] for a in node.args))
    return done[x]


def inline_all(x: Expr) -> Expr:
    """Return `x` without any names."""
    done: dict[Expr, Expr] = {}
    for node in walk(x):
        done[node] = (
            done[node.args[0]] if node.op is NAME else rebuild(node, tuple(done[a] for a in node.args))
        )
    return done[x]


def run(kind: str, before: Expr, rules: tuple[Rule, ...], names: tuple[Expr, ...] = ()) -> Phase:
    """Return the phase that these rules make of an expression."""
    engine = Engine(rules)
    start = inline(before, names) if kind == "substitute" else before
    after = engine.normalise(start)
    return Phase(kind, before, after, engine.steps, names)
