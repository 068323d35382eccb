"""`gradwork derive`: a formula's derivative, its derivation, its check, its code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gradwork.cli.output import coloured, note, out, speaks_unicode, visible
from gradwork.cli.paint import paint
from gradwork.errors import DerivativeError, GradworkError
from gradwork.words.notes import near
from gradwork.words.say import say

if TYPE_CHECKING:
    from gradwork.show.printer import Printer

NOTATIONS = ("text", "unicode", "latex", "mathml")
CODE = ("numpy", "jax", "torch")
FORMATS = (*NOTATIONS, *CODE, "json")


@dataclass(frozen=True)
class Request:
    """What `gradwork derive` was asked for."""

    formula: str
    wrt: list[str]
    shapes: str | None = None
    order: int = 1
    jacobian: bool = False
    steps: bool = False
    detail: str = "board"
    manner: str = "backprop"
    to: str | None = None
    expand: bool = False
    check: bool = True
    structure: str = "within"


def derive(request: Request) -> None:
    """Print the answer to a request; GradworkError for one that has none."""
    _check_choices(request)
    from gradwork.formula import read

    scalar = request.order == 1 and not request.jacobian
    reading = read(request.formula.strip(), request.shapes, scalar=scalar)
    variables = _variables(request, reading.symbols)
    results = _results(request, reading.expr, variables)
    certificate = None
    if request.check and request.to is None or request.to == "json" and request.check:
        from gradwork import certify

        certificate = certify(results[0] if len(results) == 1 else tuple(results))
    if request.to is not None:
        _pipe(request, reading, results, certificate)
    else:
        _show(request, reading, results, certificate)
    if certificate is not None and certificate.points and not certificate.holds:
        raise DerivativeError("check failed")


def _check_choices(request: Request) -> None:
    _choice("--to", request.to, FORMATS)
    _choice("--detail", request.detail, ("board", "slow", "engine"))
    _choice("--structure", request.structure, ("within", "free", "entries"))
    if request.structure != "within" and (request.order > 1 or request.jacobian):
        raise GradworkError("structure first", structure=request.structure)
    _choice("--manner", request.manner, ("backprop", "differential"))
    if request.order < 1:
        raise GradworkError("order", order=request.order)
    if request.order > 2:
        from gradwork.diff.api import check_order

        check_order(request.order)
    if request.order > 1 and request.jacobian:
        raise GradworkError("jacobian order", order=request.order)
    if request.steps and request.order > 2:
        raise GradworkError("steps order", order=request.order)
    if request.steps and request.to in CODE:
        raise GradworkError("to with steps", to=request.to, formats=", ".join((*NOTATIONS, "json")))
    if request.manner == "differential" and (request.order > 1 or request.jacobian):
        option = "--jacobian" if request.jacobian else f"--order {request.order}"
        raise GradworkError("differential first", option=option)


def _choice(option: str, given: str | None, known: tuple[str, ...]) -> None:
    if given is not None and given not in known:
        choices = ", ".join(known[:-1]) + " or " + known[-1]
        raise GradworkError("choice", option=option, choices=choices, given=given, nearest=near(given, known))


def _variables(request: Request, symbols: dict[str, Any]) -> list[Any]:
    """Return the symbols of --wrt; the only symbol there is, when nothing is said."""
    asked = [part for given in request.wrt for part in given.replace(",", " ").split()]
    names = ", ".join(symbols)
    if not symbols:
        raise DerivativeError("no symbols")
    if not asked:
        if len(symbols) > 1:
            lower = [s for s in symbols if s[:1].islower()] or list(symbols)
            raise DerivativeError("name a variable", names=names, first=lower[-1])
        asked = list(symbols)
    for i, name in enumerate(asked):
        if name not in symbols:
            hint = near(name, symbols)
            raise DerivativeError("not a symbol", name=name, nearest=hint, names=names)
        if name in asked[:i]:
            raise DerivativeError("twice", name=name)
    return [symbols[name] for name in asked]


def _results(request: Request, f: Any, variables: list[Any]) -> list[Any]:
    from gradwork.diff import api
    from gradwork.expr import Derived, shape_text

    if request.order > 1:
        if len(variables) > 1 and (request.order > 2 or f.ndim):
            raise DerivativeError("order one variable", order=request.order)
        if len(variables) > 1:
            blocks = api.hessian(f, variables)
            found = [block for i, row in enumerate(blocks) for block in row[i:]]  # the others are transposes
        else:
            found = [api.derivative(f, variables[0], request.order)]
    elif request.jacobian:
        found = list(api.jacobian(f, variables))
    else:
        if f.ndim:
            raise DerivativeError("not scalar", shape=shape_text(f.shape))
        found = list(api.grad(f, variables, structure=request.structure))
    if request.expand:
        found = [Derived.of(r.expand(), r.derivation) for r in found]
    return found


def _show(request: Request, reading: Any, results: list[Any], certificate: Any) -> None:
    """Print the blackboard: assumptions, header, derivation or result, check."""
    from dataclasses import replace

    from gradwork.show.derivation import header, render

    style = "unicode" if speaks_unicode() else "text"
    derivation = _derivation(request, results)
    lines = [say("assumed", line=line) for line in reading.assumptions]
    lines += [""] if lines else []
    by = tuple(dict.fromkeys(_by(results)))
    lines += [header(replace(derivation, function=reading.expr, variables=by), style), ""]
    if request.steps and (not request.jacobian or len(results) == 1):
        lines.append(render(_shared(derivation, results), style=style, detail=request.detail))
        if len(results) > 1 and request.order > 1:
            lines += ["", _answer(request, results, style)]
    else:
        lines.append(_answer(request, results, style))
    if certificate is not None:
        lines.append(str(certificate))
    text = "\n".join(lines)
    out(paint(visible(text)) if coloured() else text, painted=coloured())


def _derivation(request: Request, results: list[Any]) -> Any:
    derivation = results[0].derivation
    if request.manner == "differential" and request.steps and derivation.differential is not None:
        return derivation.differential()
    return derivation


def _shared(derivation: Any, results: list[Any]) -> Any:
    """Return what a derivation says of all results: of blocks of second derivatives, that of the gradient."""
    return derivation.before if len(results) > 1 and derivation.before is not None else derivation


def _answer(request: Request, results: list[Any], style: str) -> str:
    """Return the result and the definitions of the names that it still holds, one a line, shapes at the right."""
    rows, named = _answer_rows(request, results, style)
    lines = [_margin(f"{row.left} = {row.right}", row.note) for row in rows]
    pad = max((len(row.left) for row in named), default=0)
    for i, row in enumerate(named):
        lead = say("with") if i == 0 else " " * len(say("with"))
        lines.append(_margin(f"{lead} {row.left:<{pad}} = {row.right}", row.note))
    return "\n".join(lines)


def _answer_rows(request: Request, results: list[Any], style: str) -> tuple[list[Any], list[Any]]:
    """Return the rows that say the results, and those that define the names in them."""
    from dataclasses import replace

    from gradwork.expr import shape_text
    from gradwork.show import alphabet, math
    from gradwork.show.derivation import Row, loss_letter, mixed, named_rows

    rows, named = [], []
    for result, variable in zip(results, _by(results), strict=True):
        chosen = alphabet(style, loss_letter(result.derivation))
        first = result.derivation.row
        if first is not None and first is not variable:
            left = mixed(first, variable, chosen)
        else:
            left = _left(request, chosen.spell(math(variable)), chosen)
        rows.append(Row("result", left, chosen.spell(math(result.twin)), shape_text(result.shape)))
        own = replace(result.derivation, results=(result.twin,), variables=(variable,))
        named += [row for row in named_rows(own, style) if row not in named]
    return rows, named


def _left(request: Request, variable: str, chosen: Printer) -> str:
    """Return how a derivative is called: ∇f(b), ∇²f(b), ∂f/∂b."""
    return (
        chosen.partial(variable)
        if request.jacobian
        else chosen.applied(chosen.nabla(request.order), variable)
    )


def _by(results: list[Any]) -> list[Any]:
    """Return the variable of each result: a Jacobian has a derivation of its own, gradients share one."""
    if all(len(r.derivation.variables) == 1 for r in results):
        return [r.derivation.variables[0] for r in results]
    return list(results[0].derivation.variables)


def _margin(text: str, shape: str) -> str:
    from gradwork.show.derivation import COLUMN

    return f"{text:<{COLUMN}}  {shape}".rstrip()


def _pipe(request: Request, reading: Any, results: list[Any], certificate: Any) -> None:
    """Print only what was asked for; what was assumed goes to standard error."""
    for line in reading.assumptions:
        if request.to != "json":
            note(say("assumed", line=line))
    if request.to == "json":
        out(_json(reading, _derivation(request, results), results, certificate))
    elif request.to in CODE:
        from gradwork.run import code

        exprs = results[0] if len(results) == 1 else list(results)
        held = {name for result in results for name in result.symbols}
        # Arguments stand in the order in which the formula first mentions them.
        arguments = [symbol for name, symbol in reading.symbols.items() if name in held]
        out(
            code(
                exprs,
                str(request.to),
                arguments=arguments,
                name="gradient" if request.order == 1 and not request.jacobian else "derivative",
            ).rstrip("\n")
        )
    elif request.steps:
        from gradwork.show.derivation import render

        derivation = _shared(_derivation(request, results), results)
        out(render(derivation, style=str(request.to), detail=request.detail))
        if derivation is not _derivation(request, results) and request.order > 1:
            out(_notation(request, results))
    else:
        out(_notation(request, results))


def _notation(request: Request, results: list[Any]) -> str:
    from gradwork.show import alphabet
    from gradwork.show.mathml import math_element

    to = str(request.to)
    rows, named = _answer_rows(request, results, to)
    alone = len(rows) == 1 and not named
    chosen = alphabet(to)
    lines = [row.right if alone else chosen.row(row.left, "=", row.right) for row in (*rows, *named)]
    if to == "mathml":
        return "\n".join(math_element(line, block=True) for line in lines)
    return "\n".join(lines)


def _json(reading: Any, derivation: Any, results: list[Any], certificate: Any) -> str:
    import json

    from gradwork.show.derivation import as_data, written

    data = {"formula": reading.text, "assumptions": reading.assumptions, **as_data(derivation)}
    if len(results) > len(derivation.results):  # each has a derivation of its own
        names = [v.params[0] for v in _by(results)]
        rows = [getattr(r.derivation.row, "params", (None,))[0] for r in results]
        keys = [n if row in (None, n) else f"{row},{n}" for row, n in zip(rows, names, strict=True)]
        data["variables"] = list(dict.fromkeys(names))
        data["results"] = {k: written(r.twin) for k, r in zip(keys, results, strict=True)}
    if certificate is not None:
        data["check"] = {
            "holds": bool(certificate.holds),
            "points": certificate.points,
            "method": certificate.method,
            "worst": certificate.worst,
        }
    return json.dumps(data, ensure_ascii=not speaks_unicode(), indent=1)
