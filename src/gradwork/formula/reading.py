"""Reading a formula: grammar, shapes, expression, and the list of what was assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from gradwork.errors import FormulaError
from gradwork.expr.dims import shape_text
from gradwork.expr.node import Expr, symbol
from gradwork.expr.op import REGISTRY
from gradwork.formula.assume import Assumption, assume, certain
from gradwork.formula.build import build
from gradwork.formula.counts import counted
from gradwork.formula.declare import SQUARE, Declared, check_facts, parse_shapes
from gradwork.formula.grammar import parse_tree
from gradwork.formula.infer import Inference, Trial, name_sizes
from gradwork.formula.lexer import fail
from gradwork.formula.prepare import Prepared, prepare
from gradwork.formula.roles import Roles
from gradwork.formula.search import Found, search
from gradwork.formula.types import Type
from gradwork.formula.vocabulary import Vocabulary

# Made of several primitives, and elementwise all the same.
COMPOSED = frozenset(
    "leaky_relu elu gelu clip mod hypot multiply divide round exp2 logit logaddexp2 swish mish hardtanh relu6 "
    "hardsigmoid hardswish softsign selu factorial beta_function betaln binom multigammaln normal_pdf normal_logpdf "
    "t_pdf t_logpdf t_logcdf".split()
)


@dataclass(frozen=True)
class Reading:
    """A formula that was read: its text, its expression, its symbols by name, and what was assumed.

    `assumptions` are sentences, one for each name or notation that nothing declares; `sizes` the names of the
    sizes in the symbols' shapes.
    """

    text: str
    expr: Expr
    symbols: dict[str, Expr] = field(default_factory=dict)
    assumptions: list[str] = field(default_factory=list)
    sizes: tuple[str, ...] = ()


def read(
    text: str,
    shapes: str | Mapping[str, Any] | None = None,
    facts: Mapping[str, tuple[str, ...]] | None = None,
    symbols: Mapping[str, Expr] | None = None,
    scalar: bool = False,
) -> Reading:
    """Return a formula as an expression together with everything that was assumed on the way.

    scalar: a number is wanted, as for a gradient; readings that give one are then preferred.

    >>> reading = read("mean((y - X@b)^2)", "y: n")
    >>> for line in reading.assumptions:
    ...     print(line)
    X is taken as a matrix n×d (upper case)
    b is taken as a vector d (lower case)
    """
    # Not at the top: operations import slowly, and nothing needs them before a formula is read.
    from gradwork.formula.composed import functions
    from gradwork.ops import CONSTANTS

    known = functions()
    declared, given = parse_shapes(shapes), dict(symbols or {})
    facts = _all_facts(declared, facts or {}, given)
    types = _types(declared, given)
    sizes = {name for kind in types.values() for dim in kind.shape for name in dim.names}
    words = Vocabulary(frozenset(known), frozenset(types), frozenset(sizes - set(types)))
    formula = parse_tree(text, words)
    prepared = prepare(formula, known, set(words.sizes), set(types))
    roles = Roles(prepared, _ranks(prepared, types, facts), _elementwise())
    assumed = _assumed(prepared, roles, types, facts)
    squares = frozenset(name for name, own in facts.items() if SQUARE & set(own))
    found = search(Inference(prepared, types, assumed, squares, roles, _sources(declared, types), scalar))
    trial = found.best
    counts = counted(prepared, roles, trial, assumed)
    name_sizes(trial, prepared)
    made = _made(text, prepared, trial, facts, given)
    constants = {name: CONSTANTS["pi"] for name in ("pi", "π") if name not in made}
    expr = build(prepared, trial, {**constants, **made}, known)
    lines = [*words.assumptions, *counts, *_said(prepared, found, assumed), *trial.functions.said()]
    return Reading(text, expr, made, lines, _sizes(made, prepared))


def _all_facts(
    declared: Mapping[str, Declared], facts: Mapping[str, tuple[str, ...]], given: Mapping[str, Expr]
) -> dict[str, tuple[str, ...]]:
    """Return the facts of every symbol, from its declaration and from `facts`."""
    both = set(given) & (set(declared) | set(facts))
    if both:
        raise FormulaError("facts of an expression", both=min(both))
    result = {name: d.facts for name, d in declared.items() if d.facts}
    for name, own in facts.items():
        own = (own,) if isinstance(own, str) else tuple(own)
        wrong = check_facts(name, declared[name].shape if name in declared else None, own)
        if wrong:
            raise FormulaError(wrong)
        result[name] = tuple(dict.fromkeys((*result.get(name, ()), *own)))
    return result


def _types(declared: Mapping[str, Declared], given: Mapping[str, Expr]) -> dict[str, Type]:
    shapes = {name: d.shape for name, d in declared.items()} | {name: e.shape for name, e in given.items()}
    return {name: Type(shape, "column" if len(shape) == 1 else "") for name, shape in shapes.items()}


def _sources(declared: Mapping[str, Declared], types: Mapping[str, Type]) -> dict[str, str]:
    return {
        name: declared[name].source if name in declared else f"{name}: {shape_text(kind.shape)}"
        for name, kind in types.items()
    }


@lru_cache(maxsize=1)
def _elementwise() -> frozenset[str]:
    from gradwork.formula import composed

    known = composed.functions()
    own = COMPOSED | set(composed.COMPOSED)
    return frozenset(n for n in known if n in own or (n in REGISTRY and REGISTRY[n].elementwise))


def _ranks(
    prepared: Prepared, types: Mapping[str, Type], facts: Mapping[str, tuple[str, ...]]
) -> dict[str, int]:
    """Return the numbers of axes that are known: of what is declared, and of names with a meaning of their own."""
    free = {name for name in prepared.names() if name not in types}
    missing = [name for name in facts if name not in types and name not in free]
    if missing:
        raise FormulaError("facts are given of which", missing=missing[0])
    ranks = {name: kind.rank for name, kind in types.items()}
    ranks |= {
        name: 0 for name in (*prepared.sizes, "pi", "π", "True", "False", "None", "inf") if name in free
    }
    ranks |= {"I": 2} if "I" in free else {}
    ranks |= {name: rank for name, rank in prepared.formula.ranks.items() if name in free}
    return ranks | {name: 2 for name, own in facts.items() if name in free and SQUARE & set(own)}


def _assumed(
    prepared: Prepared, roles: Roles, types: Mapping[str, Type], facts: Mapping[str, tuple[str, ...]]
) -> dict[str, Assumption]:
    """Return what is assumed of the names that have no shape."""
    given = {
        name: certain(2, own[0]) for name, own in facts.items() if name not in types and SQUARE & set(own)
    }
    assumed = {**assume(prepared, roles), **given}
    for name, rank in prepared.formula.ranks.items():
        if name not in types and name not in given and rank < 3:
            assumed[name] = certain(
                rank, "each row is one of its vectors" if rank == 2 else "its entries are summed"
            )
    for name, own in facts.items():
        if "onehot" in own and name in assumed:
            upper = name[:1].isupper()
            assumed[name] = Assumption((None, 0.5 if upper else 0.0, 0.0 if upper else 0.5), "onehot")
    return {name: assumed[name] for name in prepared.names() if name in assumed}


def _made(
    text: str,
    prepared: Prepared,
    trial: Trial,
    facts: Mapping[str, tuple[str, ...]],
    given: Mapping[str, Expr],
) -> dict[str, Expr]:
    """Return the symbols with the shapes that were declared or found, in the order of the formula."""
    made: dict[str, Expr] = {}
    # In the order of the formula, which is that of the arguments of generated code.
    order = [*(n for n in prepared.names() if n in trial.symbols), *trial.symbols]
    for name in dict.fromkeys(order):
        kind = trial.symbols[name]
        shape = tuple(trial.functions.sizes.resolve(d) for d in kind.shape)
        empty = [d for d in shape if d.value is not None and d.value < 1]
        if empty:
            raise fail(text, f"no sizes fit this formula: {name} would have an axis of size {empty[0]}")
        own = facts.get(name, ())
        wrong = check_facts(name, shape, own)
        if wrong:
            raise fail(text, wrong)
        made[name] = given[name] if name in given else symbol(name, shape, **dict.fromkeys(own, True))
    return made


def _said(prepared: Prepared, found: Found, assumed: Mapping[str, Assumption]) -> list[str]:
    """Return one line for every name that was not declared, with the other reading where one comes near."""
    lines = []
    trial = found.best
    for name in prepared.names():
        if name in assumed:
            kind, reason = trial.symbols[name], assumed[name].reason
            usual = assumed[name].rank
            if kind.rank != usual:
                reason = f"as {_KINDS[usual]} it would not fit"
                if name in found.others or not (kind.rank or trial.functions.roles.evidence):
                    reason = "nothing here asks for an array" if not kind.rank else "beside other arrays"
            shape = f" {trial.functions.sizes.text(kind.shape)}" if kind.rank else ""
            line = f"{name} is taken as {_KINDS[kind.rank]}{shape} ({reason})"
            if name in found.others and found.together is None:
                other = found.others[name].symbols[name]
                shape = _declared(prepared, found.others[name], name)
                line += f"; {_KINDS[other.rank]} fits too: declare {name}: {shape}"
            lines.append(line)
        elif name not in trial.symbols and name == "I":
            lines.append("I is the identity matrix")
        elif name not in trial.symbols and name in ("pi", "π"):
            lines.append(f"{name} is the number 3.14159…")
    if found.together is not None:
        numbers = [name for name, rank in trial.ranks.items() if rank != found.together.ranks[name]]
        listed = ", ".join(f"{name}: scalar" for name in numbers)
        lines.append(f"{', '.join(numbers)} may also be numbers: declare {listed}")
    return lines


_KINDS = ("a scalar", "a vector", "a matrix")


def _declared(prepared: Prepared, trial: Trial, name: str) -> str:
    """Return how a reading's shape of a name is declared."""
    name_sizes(trial, prepared)
    shape = trial.functions.sizes.resolve_all(trial.symbols[name].shape)
    return " ".join(str(d).replace(" ", "") for d in shape) or "scalar"


def _sizes(made: Mapping[str, Expr], prepared: Prepared) -> tuple[str, ...]:
    used = [name for e in made.values() for dim in e.shape for name in sorted(dim.names)]
    return tuple(dict.fromkeys([*used, *sorted(prepared.sizes)]))
