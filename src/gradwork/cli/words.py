"""The sentences of the command line, looked up by name, so that another language is another table."""

from __future__ import annotations

ENGLISH: dict[str, str] = {
    # entry
    "interrupted": "interrupted",
    "memory": "this needs more memory than there is",
    "misused": "{message}\n  see {command} --help",
    "did you mean": "; did you mean {name}?",
    "fault": (
        "something went wrong inside Gradwork ({kind}{what})\n"
        "  please report it, with the command; GRADWORK_DEBUG=1 shows where"
    ),
    "nearest": "; did you mean '{name}'?",
    # derive
    "name a variable": "by which variable? the symbols of this formula are {names}: --wrt {first}",
    "no symbols": "this formula holds no symbol to take a derivative by",
    "not a symbol": "'{name}' is not a symbol of the formula{nearest}\n  its symbols are {names}",
    "twice": "--wrt {name} is given twice",
    "not scalar": (
        "a gradient needs a scalar, and this formula has shape {shape}\n"
        "  take its sum(…) or mean(…), or ask for the Jacobian: --jacobian"
    ),
    "order": "--order is a whole number from 1, not {order}",
    "order one variable": "--order {order} takes one --wrt",
    "jacobian order": "--jacobian with --order {order}: the derivatives of a Jacobian are asked for with --order alone",
    "choice": "{option} is {choices}, not '{given}'{nearest}",
    "steps order": "--steps shows how a gradient or a Hessian was found; leave out --order {order}",
    "differential first": "--manner differential derives a gradient; leave out {option}",
    "to with steps": "--to {to} writes the derivative itself; the derivation is written by --to {formats}",
    "check failed": "the numerical check contradicts this derivative: please report the formula",
    "assumed": "assumed  {line}",
    "with": "with",
    # ops
    "subject arithmetic": "arithmetic",
    "subject elementwise": "component by component",
    "subject reduction": "over an axis",
    "subject contraction": "sums and products",
    "subject linalg": "matrices",
    "subject indexing": "shape and position",
    "operators": (
        "operators\n"
        "  + − * / ^ (or **)   component by component, with broadcasting\n"
        "  @                   the product of matrices\n"
        "  A' or A.T           the transpose\n"
        "  ‖x‖                 the norm\n"
        "  < <= > >=           comparisons: 0 or 1"
    ),
    "ops footer": "gradwork ops NAME says more of one",
    "law": "law",
    "no operation": "there is no operation '{name}'{nearest}\n  `gradwork ops` lists all",
    # progress
    "loss": "loss",
    "validation": "validation",
    "rate": "rate",
    "left": "{time} left",
    "no optimizer": "there is no optimizer '{name}'{nearest}\n  `gradwork optimizers` lists all",
}

TABLES: dict[str, dict[str, str]] = {"en": ENGLISH}


def say(key: str, language: str = "en", **values: object) -> str:
    """Return the sentence named `key` with its values in place.

    >>> say("did you mean", name="derive")
    '; did you mean derive?'
    """
    table = TABLES.get(language, ENGLISH)
    return table.get(key, ENGLISH[key]).format(**values)


def nearest(name: str, known: list[str] | tuple[str, ...], cutoff: float = 0.6) -> str:
    """Return "; did you mean …?" with the nearest known name, or nothing.

    >>> nearest("softmx", ["softmax", "tanh"]), nearest("zzz", ["softmax"])
    ("; did you mean 'softmax'?", '')
    """
    import difflib

    lower = {k.lower(): k for k in known}
    found = difflib.get_close_matches(name.lower(), list(lower), 1, cutoff)
    return say("nearest", name=lower[found[0]]) if found else ""
