"""The ready-made models: each an expression, with no numerics of its own.

    z = Xw + b          the linear predictor; X: n×d, w: d, b a number (softmax: W: d×k, b: k)

A model is a family over a linear predictor (see `families`), perhaps with a penalty, or over powers of the columns.
Every family that names a model is one, without a line here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from gradwork.errors import GradworkError
from gradwork.families.family import FAMILIES, Family
from gradwork.families.model import Model, model_of, penalised
from gradwork.families.named import ABSOLUTE, HUBER, NORMAL, PINBALL, ROOT, huber
from gradwork.models.networks.names import NETWORKS
from gradwork.words.say import say

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
        raise GradworkError("no loss of linear models", known=LOSSES, loss=loss)
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
        raise GradworkError("degree of a polynomial", degree=repr(degree))
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
        raise GradworkError("no built model", model=name, known=list(known))
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
    raise GradworkError("after the loss", given=text)


@dataclass(frozen=True)
class _Text:
    """A model as a text names it: its name, what stands after colons, the loss that was asked for."""

    text: str
    name: str
    rest: list[str]
    loss: str
    constants: dict[str, float]
    intercept: bool

    def penalty(self, what: str) -> float:
        """Return the number after the colon."""
        try:
            penalty = float(self.rest[0]) if len(self.rest) == 1 else float("nan")
        except ValueError:
            penalty = float("nan")
        if penalty != penalty:
            raise GradworkError("model needs", model=self.name, what=say(what), given=self.text)
        return penalty


def parse_model(text: str, *, loss: str | None = None, intercept: bool = True) -> Model:
    """Return the model that a short text names: linear, poly:3, poly:3:interactions, ridge:0.1, logistic, …

    After a colon logistic, softmax, poisson and gamma take a penalty λ too, as in logistic:0.1.

    >>> parse_model("ridge:0.1").constants, parse_model("logistic").constants
    ({'lam': 0.1}, {})
    """
    name, *rest = text.strip().lower().split(":")
    name, known = SHORT.get(name, name), builders()
    if name not in known:
        plain = [n for n in known if n not in READERS]
        raise GradworkError("no such model", model=text, plain=plain, networks=NETWORKS)
    own, constants = _loss(loss)
    return READERS.get(name, _family)(_Text(text, name, rest, own, constants, intercept))


def _linear(given: _Text) -> Model:
    if given.rest:
        raise GradworkError("nothing after a colon", model=given.name, given=given.text)
    return linear(given.loss or "mse", intercept=given.intercept, **given.constants)


def _polynomial(given: _Text) -> Model:
    degree, *more = given.rest or [""]
    if not degree.isdigit():
        raise GradworkError("polynomial without degree", given=given.text)
    if more not in ([], ["interactions"]):
        raise GradworkError("after the degree", given=given.text)
    return polynomial(
        int(degree), interactions=bool(more), intercept=given.intercept, loss=given.loss or "mse", **given.constants
    )  # fmt: skip


def _ridge(given: _Text) -> Model:
    made = ridge(given.penalty("its penalty"), intercept=given.intercept)
    return _with_own_loss(made, given)


def _family(given: _Text) -> Model:
    penalty = given.penalty("a number, its penalty") if given.rest else None
    return _with_own_loss(builders()[given.name](penalty, intercept=given.intercept), given)


def _with_own_loss(model: Model, given: _Text) -> Model:
    if given.loss and given.loss not in OWN_LOSSES and given.loss not in model.loss_name.lower():
        raise GradworkError("loss of another model", model=model.name, loss=given.loss)
    return model


OWN_LOSSES = ("nll", "binary_crossentropy", "categorical_crossentropy", "cross-entropy", "likelihood")
# How the text of a model is read, where it is more than the name of a family and a penalty.
READERS: dict[str, Callable[[_Text], Model]] = {"linear": _linear, "polynomial": _polynomial, "ridge": _ridge}


__all__ = [
    "BUILDERS", "LOSSES", "Model", "build", "builders", "gamma", "huber", "linear", "logistic", "parse_model",
    "poisson", "polynomial", "ridge", "softmax",
]  # fmt: skip
