"""English: what is wrong with the input of a statistic."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "classes and probabilities do not go": "classes and probabilities do not go together: shapes {shape!s} and {P_shape!s}",
    "columns of probabilities but labels": "{k} columns of probabilities, but {count} labels and classes up to {max}",
    "row space is that of matrix": "a row space is that of a matrix; got shape {shape!s}",
    "estimate and names differ": "{p} names need an estimate of size {p} and a {p}×{p} covariance; got {shape!s}, {C_shape!s}",
    "Hessian not square": "a Hessian is p×p; got shape {shape!s}",
    "Hessian needs names": "a {p}×{p} Hessian needs {p} names; got {count}",
    "scores n p need p p": "scores n×p need a p×p covariance; got {shape!s} and {A_shape!s}",
    "unknown sandwich": "the sandwich is HC0 or HC1, not {kind!r}",
    "HC1 without degrees of freedom": "HC1 divides by n − p, which is {n} here; use HC0",
    "least squares needs X": "least squares needs X: n×p and y: n; X has shape {shape!s}, y {y_shape!s}",
    "least squares needs at least one": "least squares needs at least one row and one column; X has shape {shape!s}",
    "y not finite": "y is {y} in row {row}; least squares needs finite numbers",
    "column not finite": "'{labels}' is {X} in row {row}; least squares needs finite numbers",
    "unknown likelihood": "no likelihood is called {family!r}; there are {families:names}",
    "y and fitted values do": "y and the fitted values do not go together: shapes {shape!s} and {mu_shape!s}",
    "separation needs X": "separation needs X: n×p, y: n and p names; got {shape!s}, {y_shape!s}, {count}",
}
