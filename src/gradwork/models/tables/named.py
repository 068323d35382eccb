"""The ready-made models: each an expression, with no numerics of its own.

    z = Xw + b          the linear predictor; X: n×d, w: d, b a number (softmax: W: d×k, b: k)

A model is a family over a linear predictor (see `families`), perhaps with a penalty, or over powers of the columns.
Every family that names a model is one, without a line here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gradwork.errors import GradworkError
from gradwork.families.family import FAMILIES, Family
from gradwork.families.model import Model, model_of, penalised
from gradwork.families.named import ABSOLUTE, HUBER, NORMAL, PINBALL, ROOT, huber
from gradwork.models.networks.names import NETWORKS

# The losses that a linear or polynomial model may be given, by name.
LOSS_FAMILIES: dict[str, Family] = {
    "mse": NORMAL, "mae": ABSOLUTE, "rmse": ROOT, "huber": HUBER, "pinball": PINBALL,
}  # fmt: skip
LOSSES = tuple(LOSS_FAMILIES)
SHORT = {"poly": "polynomial", "logit": "logistic", "ols": "linear"}


def linear(
    loss: str = "mse", *, intercept: bool = True, delta: float | None = None, tau: float | None = None
) -> Model:
    """Return linear regression, ŷ = Xw + b, with the loss mse, mae, rmse, huber or pinball.

        mse      mean (y − ŷ)²            the normal likelihood
        mae      mean |y − ŷ|
        rmse     √(mean (y − ŷ)²)
        huber    mean of r²/2 where |r| ≤ δ, else δ(|r| − δ/2), for r = y − ŷ
        pinball  mean of τ r where r > 0, else (τ − 1) r: ŷ is the τ-quantile

    δ is in the units of y. Where it is None a fit takes 1.345 robust standard deviations of the residuals of
    least squares, which costs 5 % of efficiency where the errors are normal (Huber, Robust Statistics, 1981).
    τ is 0.5 where it is None.

    >>> print(linear().loss)
    mean((y − Xw − b)²)
    >>> print(linear("mae", intercept=False).loss)
    mean(|y − Xw|)
    """
    if loss not in LOSS_FAMILIES:
        raise GradworkError(
            f"the loss of a linear model is {', '.join(LOSSES[:-1])} or {LOSSES[-1]}, not {loss!r}"
        )
    family, given = LOSS_FAMILIES[loss], {"delta": delta, "tau": tau}
    constants = {name: given[name] for name in given if name in family.constants or given[name] is not None}
    made = model_of(family, intercept=intercept, name="linear", constants=constants)
    return replace(made, options={"loss": loss, **made.options})


def polynomial(
    degree: int,
    *,
    interactions: bool = False,
    intercept: bool = True,
    loss: str = "mse",
    delta: float | None = None,
    tau: float | None = None,
) -> Model:
    """Return polynomial regression: linear regression on powers of the columns (see `terms`).

    >>> polynomial(3).title
    'polynomial regression of degree 3'
    """
    if isinstance(degree, bool) or not isinstance(degree, int) or not 1 <= degree <= 30:
        raise GradworkError(f"the degree of a polynomial is 1, 2, …, 30; not {degree!r}")
    made = linear(loss, intercept=intercept, delta=delta, tau=tau)
    title = f"polynomial regression of degree {degree}" + (" with interactions" if interactions else "")
    title += made.title.removeprefix(NORMAL.title)
    options = {**made.options, "degree": int(degree), "interactions": bool(interactions)}
    return replace(made, name="polynomial", title=title, options=options, degree=int(degree))


def ridge(penalty: float, *, intercept: bool = True) -> Model:
    """Return ridge regression, mean (y − ŷ)² + λ‖w‖²; the intercept is not penalised.

    In a fit with scaled columns (the default) w is that of the scaled columns.

    >>> print(ridge(0.1).loss)
    mean((y − Xw − b)²) + λ Σ w²
    """
    made = model_of(NORMAL, intercept=intercept, name="ridge", title="ridge regression")
    return replace(penalised(made, penalty), title=made.title)


def logistic(penalty: float | None = None, *, intercept: bool = True) -> Model:
    """Return logistic regression, P(y = 1) = σ(Xw + b), by binary cross-entropy.

        −mean(y log p + (1 − y) log(1 − p)) = mean(log(1 + exp z) − y z)

    written in the second form, which no z can overflow. With a penalty λ‖w‖² is added, as for `ridge`; then
    there is a minimum also where the classes are separated.

    >>> print(logistic(0.1).loss)
    mean(softplus(Xw + b) − y ∘ (Xw + b)) + λ Σ w²
    """
    return model_of("binomial", penalty, intercept=intercept)


def softmax(penalty: float | None = None, *, intercept: bool = True) -> Model:
    """Return softmax regression, P(y = j) = softmax(XW + b)ⱼ, by categorical cross-entropy.

        −mean Σⱼ Yⱼ log Pⱼ        Y: n×k, one-hot

    With a penalty λ‖W‖² is added, over the weights of all classes.

    >>> print(softmax(intercept=False).loss)
    −1/n Σ Y ∘ log softmax(XW)
    """
    return model_of("multinomial", penalty, intercept=intercept)


def poisson(penalty: float | None = None, *, intercept: bool = True) -> Model:
    """Return Poisson regression, E(y) = exp(Xw + b), for counts; with a penalty λ‖w‖² is added.

    >>> print(poisson(intercept=False).loss)
    mean(exp(Xw) − y ∘ Xw)
    """
    return model_of("poisson", penalty, intercept=intercept)


def gamma(penalty: float | None = None, *, intercept: bool = True) -> Model:
    """Return gamma regression, E(y) = exp(Xw + b), for numbers above zero whose spread grows with their mean.

    The dispersion φ, the square of the coefficient of variation, is estimated: Var y = φ (E y)².

    >>> print(gamma(intercept=False).loss)
    mean(Xw + y ∘ exp(−Xw))
    """
    return model_of("gamma", penalty, intercept=intercept)


BUILDERS: dict[str, Callable[..., Model]] = {
    "linear": linear,
    "polynomial": polynomial,
    "ridge": ridge,
    "logistic": logistic,
    "softmax": softmax,
    "poisson": poisson,
    "gamma": gamma,
}


def _of_family(family: Family) -> Callable[..., Model]:
    def built(penalty: float | None = None, *, intercept: bool = True, **constants: float | None) -> Model:
        return model_of(family, penalty, intercept=intercept, constants=constants)

    return built


def builders() -> dict[str, Callable[..., Model]]:
    """Return what builds each model by its name: those above, and every other family that names a model."""
    more = {f.model: _of_family(f) for f in FAMILIES.values() if f.model and f.model not in BUILDERS}
    return {**BUILDERS, **more}


def build(name: str, options: dict[str, Any]) -> Model:
    """Return the model of that name with the options that it was once built with."""
    known = builders()
    if name not in known:
        raise GradworkError(f"no model is called {name!r}; there are {', '.join(known)}")
    return known[name](**options)


def _loss(text: str | None) -> tuple[str, dict[str, float]]:
    """Return the name of a loss and its constant, which stands after a colon, as in huber:1.5."""
    own, colon, value = (text or "").strip().lower().partition(":")
    if not colon:
        return own, {}
    constants = LOSS_FAMILIES[own].constants if own in LOSS_FAMILIES else {}
    try:
        if constants:
            return own, {next(iter(constants)): float(value)}
    except ValueError:
        pass
    raise GradworkError(
        f"after the loss may stand δ of the Huber loss, as in huber:1.5, or τ of the pinball loss, as in "
        f"pinball:0.9; got '{text}'"
    )


def parse_model(text: str, *, loss: str | None = None, intercept: bool = True) -> Model:
    """Return the model that a short text names: linear, poly:3, poly:3:interactions, ridge:0.1, logistic, …

    After a colon logistic, softmax, poisson and gamma take a penalty λ too, as in logistic:0.1.

    >>> parse_model("ridge:0.1").constants, parse_model("logistic").constants
    ({'lam': 0.1}, {})
    """
    name, *rest = text.strip().lower().split(":")
    name, known = SHORT.get(name, name), builders()
    if name not in known:
        plain = ", ".join(n for n in known if n not in ("linear", "polynomial", "ridge"))
        raise GradworkError(
            f"no model is called '{text}'; there are linear, poly:3, ridge:0.1, {plain} (or, with a penalty, "
            f"logistic:0.1, …), and the networks {', '.join(NETWORKS)}"
        )
    own, constants = _loss(loss)
    if loss is not None and name not in ("linear", "polynomial"):
        made = known[name](*([1.0] if name == "ridge" else []))
        if own not in OWN_LOSSES and own not in made.loss_name.lower():
            raise GradworkError(f"the loss of a {name} model is its own; {loss!r} belongs to linear models")
    if name == "polynomial":
        return _polynomial(text, rest, intercept, own or "mse", constants)
    if name == "linear":
        if rest:
            raise GradworkError(f"'{name}' takes nothing after a colon; got '{text}'")
        return linear(own or "mse", intercept=intercept, **constants)
    if name == "ridge" or rest:
        return known[name](_penalty(text, name, rest), intercept=intercept)
    return known[name](intercept=intercept)


OWN_LOSSES = ("nll", "binary_crossentropy", "categorical_crossentropy", "cross-entropy", "likelihood")


def _polynomial(text: str, rest: list[str], intercept: bool, loss: str, constants: dict[str, float]) -> Model:
    if not rest or not rest[0].isdigit():
        raise GradworkError(f"a polynomial needs its degree, as in poly:3; got '{text}'")
    if rest[1:] not in ([], ["interactions"]):
        raise GradworkError(
            f"after the degree may stand 'interactions', as in poly:2:interactions; got '{text}'"
        )
    return polynomial(int(rest[0]), interactions=bool(rest[1:]), intercept=intercept, loss=loss, **constants)


def _penalty(text: str, name: str, rest: list[str]) -> float:
    try:
        penalty = float(rest[0]) if len(rest) == 1 else float("nan")
    except ValueError:
        penalty = float("nan")
    if penalty != penalty:
        what = "its penalty" if name == "ridge" else "a number after the colon, its penalty"
        raise GradworkError(f"{name} needs {what}, as in {name}:0.1; got '{text}'")
    return penalty


__all__ = [
    "BUILDERS", "LOSSES", "Model", "build", "builders", "gamma", "huber", "linear", "logistic", "parse_model",
    "poisson", "polynomial", "ridge", "softmax",
]  # fmt: skip
