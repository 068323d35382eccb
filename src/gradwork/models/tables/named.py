"""The ready-made models: each an expression, with no numerics of its own.

    z = Xw + b          the linear predictor; X: n×d, w: d, b a number (softmax: W: d×k, b: k)

A model is its loss, the loss of each row, its prediction, and the names of its parts; learning, derivation and
inference are those of any other formula.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gradwork.errors import GradworkError
from gradwork.expr import Dim, Expr, constant, matrix, scalar, size, vector
from gradwork.models.networks.names import NETWORKS
from gradwork.ops import FUNCTIONS as f
from gradwork.words.numbers import short

TITLES = {"mse": "", "rmse": "", "mae": " by least absolute deviations", "huber": " by the Huber loss"}
LOSSES = tuple(TITLES)


@dataclass(frozen=True)
class Model:
    """A model as expressions.

    loss:       what is minimised: a mean over rows, with the penalty if there is one.
    rows:       the loss of each row, without the penalty.
    predictor:  z, linear in the parameters;  prediction: what is predicted from it.
    parameters: the symbols that are learned;  X, y: the symbols of the data (y: n, or one-hot n×k).
    family:     the likelihood that the loss is (up to constants), or "" where it is none.
    link:       how the predictor is called in an equation: "{target}", "logit P({target} = {label})", …
    constants:  numbers of the loss by symbol, such as the λ of ridge.
    """

    name: str
    title: str
    loss: Expr
    rows: Expr
    predictor: Expr
    prediction: Expr
    parameters: tuple[Expr, ...]
    X: Expr
    y: Expr
    family: str
    link: str
    loss_name: str
    intercept: bool = True
    constants: dict[str, float] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.title}: {self.loss}"


def _data() -> tuple[Dim, Dim, Expr, Expr]:
    n, d = Dim.of("n"), Dim.of("d")
    return n, d, matrix("X", n, d), vector("y", n)


def _predictor(X: Expr, d: Dim, intercept: bool) -> tuple[Expr, tuple[Expr, ...]]:
    w, b = vector("w", d), scalar("b")
    return (X @ w + b, (w, b)) if intercept else (X @ w, (w,))


def linear(loss: str = "mse", *, intercept: bool = True, delta: float | None = None) -> Model:
    """Return linear regression, ŷ = Xw + b, with the loss mse, mae, rmse or huber.

        mse    mean (y − ŷ)²            the normal likelihood
        mae    mean |y − ŷ|
        rmse   √(mean (y − ŷ)²)
        huber  mean of r²/2 where |r| ≤ δ, else δ(|r| − δ/2), for r = y − ŷ

    δ is in the units of y. Where it is None a fit takes 1.345 robust standard deviations of the residuals of
    least squares, which costs 5 % of efficiency where the errors are normal (Huber, Robust Statistics, 1981).

    >>> print(linear().loss)
    mean((y − Xw − b)²)
    >>> print(linear("mae", intercept=False).loss)
    mean(|y − Xw|)
    """
    n, d, X, y = _data()
    z, parameters = _predictor(X, d, intercept)
    r = y - X @ parameters[0] - parameters[1] if intercept else y - z
    if loss not in LOSSES:
        raise GradworkError(
            f"the loss of a linear model is {', '.join(LOSSES[:-1])} or {LOSSES[-1]}, not {loss!r}"
        )
    options: dict[str, Any] = {"loss": loss, "intercept": intercept}
    title, constants = "linear regression" + TITLES[loss], {}
    d = scalar("delta")
    if loss == "huber":
        if delta is not None and not (isinstance(delta, (int, float)) and 0 < delta < float("inf")):
            raise GradworkError(f"delta of the Huber loss is a positive number, not {delta!r}")
        options["delta"] = delta if delta is None else float(delta)
        if delta is not None:
            constants["delta"] = float(delta)
            title += f" with δ = {short(float(delta))}"
    rows = {
        "mse": lambda: r**2,
        "rmse": lambda: r**2,
        "mae": lambda: abs(r),
        "huber": lambda: huber(r, d),
    }[loss]()
    whole = f["sqrt"](f["mean"](rows)) if loss == "rmse" else f["mean"](rows)
    family = "normal" if loss in ("mse", "rmse") else ""
    return Model(
        "linear", title, whole, rows, z, z, parameters, X, y, family, "{target}", loss, intercept, constants,
        options,
    )  # fmt: skip


def huber(r: Expr, delta: Expr | float) -> Expr:
    """Return r²/2 where |r| ≤ δ, else δ(|r| − δ/2): quadratic for small residuals, linear for large ones.

    Written by three branches, so that there is no |r| with its kink at zero.
    """
    d = constant(delta)
    return f["where"](r > d, d * (r - d / 2), f["where"](r < -d, -d * (r + d / 2), r**2 / 2))


def polynomial(
    degree: int,
    *,
    interactions: bool = False,
    intercept: bool = True,
    loss: str = "mse",
    delta: float | None = None,
) -> Model:
    """Return polynomial regression: linear regression on powers of the columns (see `terms`).

    >>> polynomial(3).title
    'polynomial regression of degree 3'
    """
    _check_degree(degree)
    made = linear(loss, intercept=intercept, delta=delta)
    title = f"polynomial regression of degree {degree}" + (" with interactions" if interactions else "")
    title += made.title.removeprefix("linear regression")
    options = {**made.options, "degree": int(degree), "interactions": bool(interactions)}
    return _changed(made, name="polynomial", title=title, options=options)


def ridge(penalty: float, *, intercept: bool = True) -> Model:
    """Return ridge regression, mean (y − ŷ)² + λ‖w‖²; the intercept is not penalised.

    In a fit with scaled columns (the default) w is that of the scaled columns.

    >>> print(ridge(0.1).loss)
    mean((y − Xw − b)²) + λ Σ w²
    """
    n, d, X, y = _data()
    z, parameters = _predictor(X, d, intercept)
    rows = (y - X @ parameters[0] - parameters[1] if intercept else y - z) ** 2
    made = Model(
        "ridge", "ridge regression", f["mean"](rows), rows, z, z, parameters, X, y, "normal", "{target}", "mse",
        intercept, {}, {"intercept": intercept},
    )  # fmt: skip
    return _penalised(made, penalty)


def _penalised(model: Model, penalty: float | None) -> Model:
    """Return the model with λ‖w‖² added to its loss; None leaves it as it is."""
    if penalty is None:
        return model
    if isinstance(penalty, bool) or not isinstance(penalty, (int, float)) or not 0 <= penalty < float("inf"):
        raise GradworkError(f"the penalty of {model.name} is a number from 0, say 0.1; not {penalty!r}")
    title = model.title if model.name == "ridge" else f"{model.title} with the penalty λ = {short(penalty)}"
    return _changed(
        model, title=title, loss=model.loss + scalar("lam") * f["sum"](model.parameters[0] ** 2),
        loss_name=f"{model.loss_name} + λ‖w‖²", constants={"lam": float(penalty)},
        options={"penalty": float(penalty), **model.options},
    )  # fmt: skip


def logistic(penalty: float | None = None, *, intercept: bool = True) -> Model:
    """Return logistic regression, P(y = 1) = σ(Xw + b), by binary cross-entropy.

        −mean(y log p + (1 − y) log(1 − p)) = mean(log(1 + exp z) − y z)

    written in the second form, which no z can overflow. With a penalty λ‖w‖² is added, as for `ridge`; then
    there is a minimum also where the classes are separated.

    >>> print(logistic(0.1).loss)
    mean(softplus(Xw + b) − y ∘ (Xw + b)) + λ Σ w²
    """
    n, d, X, y = _data()
    z, parameters = _predictor(X, d, intercept)
    rows = f["softplus"](z) - y * z
    made = Model(
        "logistic", "logistic regression", f["mean"](rows), rows, z, f["sigmoid"](z), parameters, X, y, "binomial",
        "logit P({target} = {label})", "binary cross-entropy", intercept, {}, {"intercept": intercept},
    )  # fmt: skip
    return _penalised(made, penalty)


def softmax(penalty: float | None = None, *, intercept: bool = True) -> Model:
    """Return softmax regression, P(y = j) = softmax(XW + b)ⱼ, by categorical cross-entropy.

        −mean Σⱼ Yⱼ log Pⱼ        Y: n×k, one-hot

    With a penalty λ‖W‖² is added, over the weights of all classes.

    >>> print(softmax(intercept=False).loss)
    −1/n Σ Y ∘ log softmax(XW)
    """
    n, d = Dim.of("n"), Dim.of("d")
    k = Dim.of("k")
    X, Y, W = matrix("X", n, d), matrix("Y", n, k, onehot=True), matrix("W", d, k)
    b = vector("b", k)
    Z = X @ W + b if intercept else X @ W
    parameters = (W, b) if intercept else (W,)
    each = Y * f["log_softmax"](Z)
    rows = -f["sum"](each, axis=1)
    made = Model(
        "softmax", "softmax regression", -f["sum"](each) / size(n), rows, Z, f["softmax"](Z), parameters, X, Y,
        "multinomial", "log P({target} = {label})/P({target} = {reference})", "categorical cross-entropy",
        intercept, {}, {"intercept": intercept},
    )  # fmt: skip
    return _penalised(made, penalty)


def poisson(penalty: float | None = None, *, intercept: bool = True) -> Model:
    """Return Poisson regression, E(y) = exp(Xw + b), for counts; with a penalty λ‖w‖² is added.

    >>> print(poisson(intercept=False).loss)
    mean(exp(Xw) − y ∘ Xw)
    """
    n, d, X, y = _data()
    z, parameters = _predictor(X, d, intercept)
    rows = f["exp"](z) - y * z
    made = Model(
        "poisson", "Poisson regression", f["mean"](rows), rows, z, f["exp"](z), parameters, X, y, "poisson",
        "log E({target})", "Poisson likelihood", intercept, {}, {"intercept": intercept},
    )  # fmt: skip
    return _penalised(made, penalty)


def _check_degree(degree: Any) -> None:
    if isinstance(degree, bool) or not isinstance(degree, int) or not 1 <= degree <= 30:
        raise GradworkError(f"the degree of a polynomial is 1, 2, …, 30; not {degree!r}")


def _changed(model: Model, **changes: Any) -> Model:
    from dataclasses import replace

    return replace(model, **changes)


PENALISED = ("ridge", "logistic", "softmax", "poisson")
BUILDERS = {
    "linear": linear,
    "polynomial": polynomial,
    "ridge": ridge,
    "logistic": logistic,
    "softmax": softmax,
    "poisson": poisson,
}


def build(name: str, options: dict[str, Any]) -> Model:
    """Return the model of that name with the options that it was once built with."""
    if name not in BUILDERS:
        raise GradworkError(f"no model is called {name!r}; there are {', '.join(BUILDERS)}")
    return BUILDERS[name](**options)


def _loss(text: str | None) -> tuple[str, float | None]:
    own, colon, delta = (text or "").strip().lower().partition(":")
    if not colon:
        return own, None
    try:
        if own == "huber":
            return own, float(delta)
    except ValueError:
        pass
    raise GradworkError(f"after the loss may stand δ of the Huber loss, as in huber:1.5; got '{text}'")


def parse_model(text: str, *, loss: str | None = None, intercept: bool = True) -> Model:
    """Return the model that a short text names: linear, poly:3, poly:3:interactions, ridge:0.1, logistic, …

    After a colon logistic, softmax and poisson take a penalty λ too, as in logistic:0.1.

    >>> parse_model("ridge:0.1").constants, parse_model("logistic").constants
    ({'lam': 0.1}, {})
    """
    name, *rest = text.strip().lower().split(":")
    name = {"poly": "polynomial", "logit": "logistic", "ols": "linear"}.get(name, name)
    if name not in BUILDERS:
        known = "linear, poly:3, ridge:0.1, logistic, softmax, poisson (or, with a penalty, logistic:0.1, …)"
        networks = ", ".join(NETWORKS)
        raise GradworkError(f"no model is called '{text}'; there are {known}, and the networks {networks}")
    own, delta = _loss(loss)
    if loss is not None and name not in ("linear", "polynomial"):
        default = {
            "ridge": "mse",
            "logistic": "cross-entropy",
            "softmax": "cross-entropy",
            "poisson": "likelihood",
        }
        if own not in (default[name], "nll", "binary_crossentropy", "categorical_crossentropy"):
            raise GradworkError(f"the loss of a {name} model is its own; {loss!r} belongs to linear models")
    if name == "polynomial":
        if not rest or not rest[0].isdigit():
            raise GradworkError(f"a polynomial needs its degree, as in poly:3; got '{text}'")
        if rest[1:] not in ([], ["interactions"]):
            raise GradworkError(
                f"after the degree may stand 'interactions', as in poly:2:interactions; got '{text}'"
            )
        return polynomial(
            int(rest[0]), interactions=bool(rest[1:]), intercept=intercept, loss=own or "mse", delta=delta
        )
    if name == "ridge" or (name in PENALISED and rest):
        try:
            penalty = float(rest[0]) if len(rest) == 1 else float("nan")
        except ValueError:
            penalty = float("nan")
        if penalty != penalty:
            what = "its penalty" if name == "ridge" else "a number after the colon, its penalty"
            raise GradworkError(f"{name} needs {what}, as in {name}:0.1; got '{text}'")
        return BUILDERS[name](penalty, intercept=intercept)
    if rest:
        raise GradworkError(f"'{name}' takes nothing after a colon; got '{text}'")
    if name == "linear":
        return linear(own or "mse", intercept=intercept, delta=delta)
    return BUILDERS[name](intercept=intercept)
