"""English: stats."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    # collinearity
    "collinear": "'{column}' is a combination of other columns: {column} = {combination}",
    "zero column": "'{column}' is zero in every row",
    "constant column": "'{column}' is constant ({value:short} in every row), as the intercept is",
    "nearly collinear": (
        "{columns:quoted 6} are nearly collinear (condition number {condition:power} after scaling): "
        "their separate estimates are uncertain"
    ),
    "inflated": (
        "strongly correlated columns: {columns:quoted 6}; the standard error of '{column}' is {times:short 2} times what it would be "
        "if it were uncorrelated with the others (variance inflation factor {factor:short 3})"
    ),
    "rank deficient": (
        "the {parameters} parameters have rank {rank}: the estimates are the smallest of the many that fit "
        "equally well, and the undetermined ones ({columns:quoted 6}) have no standard error"
    ),
    "more parameters than rows": (
        "{parameters} parameters from {rows} {rows:row|rows}: infinitely many fits pass through every row"
    ),
    "no degree of freedom": (
        "no degree of freedom is left: {rows} rows carry {parameters} parameters, so the fit passes through "
        "every row and says nothing of its error"
    ),
    "one degree of freedom": (
        "one degree of freedom is left: the intervals are this wide because {rows} rows carry "
        "{parameters} parameters"
    ),
    "perfect fit": (
        "exact fit: the fit passes through every row to the last digit, "
        "so there are no residuals from which to tell standard errors, t and p"
    ),
    # information
    "not definite": (
        "the Hessian is not positive definite (smallest eigenvalue {eigenvalue:short 2} after scaling, "
        "along {direction}): {columns:names 6} {count:has|have} no standard error"
    ),
    "Hessian not finite": "the Hessian is not finite (first at {row}, {column}): no standard errors",
    # separation
    "complete separation": (
        "the classes are completely separated: {rule:clauses}; the likelihood has no maximum, "
        "the estimates grow without end, and standard errors, z and p mean nothing"
    ),
    "quasi separation": (
        "the classes are quasi-completely separated: {rule:clauses}; some estimates grow without end (∞) and have no "
        "standard error; those that have one are determined by the rows that overlap"
    ),
    "zero counts": (
        "{rule:clauses}; the likelihood is largest where their means are zero, so some estimates grow without end (∞) and "
        "have no standard error; those that have one are determined by the other rows"
    ),
    "rule zero": "'{target}' is zero in all {count} rows where {direction} is above {cut:short}",
    "zero help": "leave these rows and columns out, or add a penalty (such as poisson:0.01)",
    "one class": "every row has the same class: there is nothing to tell apart",
    "rule above": (
        "'{column}' alone tells them apart ({target} is {high} where it is above {cut:short}, else {low})"
    ),
    "rule below": (
        "'{column}' alone tells them apart ({target} is {high} where it is below {cut:short}, else {low})"
    ),
    "rule touch": (
        "'{column}' alone tells them apart except where it is {cut:short} "
        "({target} is {above} above, {below} below)"
    ),
    "rule direction": "{direction} tells them apart",
    "rule columns": "{columns:quoted 6} tell {classes:names 6} apart",
    "rule all": "the {count} columns together tell {classes:names 6} apart",
    "rule some": "{columns:quoted 6} tell some of the rows apart",
    "rule pairs": "{columns:quoted 6} tell apart {pairs:names 6}{overlap}",
    "pair": "{first} and {second}",
    "pairs overlap": " ({pairs:names 6} overlap)",
    "separation help": (
        "leave the column out, add a penalty (such as logistic:0.01), or collect rows where the classes overlap"
    ),
    # summary
    "estimate": "estimate",
    "std. error": "std. error",
    "p": "p",
    "interval": "{level} % interval",
    "r2": "R²",
    "r2 uncentred": "R² (uncentred)",
    "r2 adjusted": "adjusted R²",
    "f": "F",
    "f p": "p(F)",
    "df residual": "residual df",
    "condition": "condition number",
    "log likelihood": "log-likelihood",
    "aic": "AIC",
    "bic": "BIC",
    "deviance": "deviance",
    "null deviance": "null deviance",
    "pseudo r2": "McFadden R²",
    "lr": "LR χ²",
    "lr p": "p(LR)",
    "pearson": "Pearson χ²",
    "dispersion": "dispersion φ",
    "residual sd": "residual sd",
    "rmse": "RMSE",
    "mae": "MAE",
    "accuracy": "accuracy",
    "auc": "ROC AUC",
    "rows": "rows",
    "class": "class {label}",
    "class against": "class {label} (against {reference})",
}
