"""The sentences of fitted models, looked up by name, so that another language is another table."""

from __future__ import annotations

ENGLISH: dict[str, str] = {
    "heading": "{source}: {rows:,} rows, {features}, target {target}: {kind} → {model}, {how}",
    "one feature": "1 feature ({names})",
    "features": "{count} features ({names})",
    "closed": "closed form ({how})",
    "solver": "{solver}",
    "descent": "{solver}",
    "formula heading": "{source}: {rows:,} rows → {formula}, {how}",
    "chosen": "{target} is {kind} ({reason}), so the model is {model}",
    "penalised": (
        "the penalty pulls estimates towards zero: standard errors are those of the penalised estimate, which is "
        "biased; {df} effective parameters"
    ),
    "penalty scale": "the penalty λ = {penalty:g} is on columns scaled to deviation 1",
    "sandwich": "standard errors: sandwich ({kind})",
    "no errors": "the loss {loss} has no curvature at its minimum, so there are no standard errors",
    "robust errors": "standard errors: sandwich (HC0), since {loss} is no likelihood",
    "not converged": (
        "the run had not converged ({reason}); the estimates are up to {distance} standard errors from the minimum"
    ),
    "stopped": "the run had not converged ({reason}): estimates and standard errors are those where it stopped",
    "separated column": "no estimate",
    "small counts": "{count} of {k} classes have fewer rows than parameters ({rows} in the smallest)",
    "level": "level",
    "validation": "validation: {count:,} rows held out, loss {loss:.6g}",
    "reference": "the reference class is {label}",
    "residual sd": "residual sd",
    "fit at bound": "{names} ended at a bound",
    "least squares errors": "standard errors: s²(JᵀJ)⁻¹ with s² = {s2} from {df} degrees of freedom",
    "likelihood errors": "standard errors: inverse of the observed information",
    "mean likelihood": (
        "the formula is a mean over rows; its {n:,}-fold is taken as the negative log-likelihood for standard errors"
    ),
    "collinear all": "the columns are collinear: {sentence}",
}

TABLES: dict[str, dict[str, str]] = {"en": ENGLISH}

KINDS: dict[str, str] = {
    "continuous": "continuous",
    "binary": "two classes",
    "categorical": "classes",
    "count": "counts",
}


def say(key: str, language: str = "en", **values: object) -> str:
    """Return the sentence named `key` with its values in place.

    >>> say("one feature", names="area")
    '1 feature (area)'
    """
    table = TABLES.get(language, ENGLISH)
    return table.get(key, ENGLISH[key]).format(**values)
