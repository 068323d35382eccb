"""What a likelihood is: one record that holds everything Gradwork knows about it.

    log f(y | z, φ) = c(y, φ) − ℓ(y, z)/φ        z: the predictor of a row, φ: the dispersion (1 where there is none)

ℓ is the loss of a row, c the rest of the log density. Everything an inference needs follows from ℓ by differentiating:

    scores       s = ∂ℓ/∂z
    curvature    w = ∂²ℓ/∂z²,  and its expectation where that can be read off
    dispersion   φ̂ = Σ s²/w / (n − p)                  Pearson's
    variance     Var y = φ w/(∂s/∂y)²                  where s is linear in y

A loss without c is no likelihood: it has estimates, and the sandwich of an M-estimator, but no density.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.diff.api import grad, hvp
from gradwork.errors import GradworkError
from gradwork.expr.dims import Dim
from gradwork.expr.node import Expr, is_zero, matrix, scalar, substitute, vector
from gradwork.ops import FUNCTIONS
from gradwork.run import function

Array = NDArray[Any]
FAMILIES: dict[str, Family] = {}
# Layouts of the predictor and the target: a number for each row, or one for each of its classes.
ROWS, CLASSES = Dim.of("n"), Dim.of("k")


@dataclass(frozen=True)
class Support:
    """What a target may be.

    kind: how the column is read (see `data.targets`);  holds: which values may stand there;  what: these, in words.
    """

    kind: str
    holds: Callable[[Array], Array]
    what: str


def _every(y: Array) -> Array:
    return np.ones(len(y), dtype=bool)


NUMBERS = Support("continuous", _every, "a number")
POSITIVE = Support("continuous", lambda y: y > 0, "a number above 0")
COUNTS = Support("count", lambda y: (y >= 0) & (y == np.round(y)), "a count 0, 1, 2, …")
TWO = Support("binary", _every, "one of two classes")
SEVERAL = Support("categorical", _every, "one of several classes")


@dataclass(frozen=True)
class Constant:
    """A number in a loss that is chosen, not learned, such as the δ of Huber's.

    default: its value from the residuals of least squares, where none is given.
    length:  whether it is measured in the units of the target.
    holds:   which values it may have;  what: these, in words.
    """

    default: Callable[[Array], float]
    length: bool = False
    holds: Callable[[float], bool] = lambda value: 0 < value < float("inf")
    what: str = "a positive number"


def _same(z: Any) -> Any:
    return z


@dataclass(frozen=True, eq=False)
class Family:
    """A likelihood, or a loss that is none, declared once, in one block.

    name:       what it is called; of the registry of families.
    title:      of a model with it, as in "Poisson regression";  loss_name: of its loss.
    loss:       (y, z, *constants) -> ℓ, the loss of each row, as an expression.
    rest:       (y, φ, *constants) -> c, the rest of the log density, as an expression; None: it is no likelihood.
    dispersion: whether φ is estimated (else it is 1).
    mean:       z -> the mean that is predicted, the inverse of the link; of classes their probabilities.
    link:       how the predictor is called in an equation: "{target}", "log E({target})", …
    symbol:     how the mean is written, Pr(y = 1) or E(y); ŷ where it is empty.
    support:    what the target may be.
    null:       y -> the predictor of the model without columns (one number, or one for each class).
    starts:     whether a run begins there, rather than at zero.
    saturated:  (y, *constants) -> the least loss that a row can have; None where that is zero.
    quantile:   (p, mean, φ) -> quantiles of y; None where they are those of the mean's interval, or normal.
    draw:       (generator, mean, φ) -> values of y, one for each row.
    whole:      the loss of all rows from that of each; by default their mean.
    degree:     k where the loss of c·(y, z) is cᵏ times that of (y, z) and only y − z counts, so that the target may
                be moved and scaled; None: it may not.
    separates:  how parts of the data can put the maximum at infinity: "classes", "zeros" or "".
    model:      the name of the model with it, as `gradwork fit --model` takes it; "" where a model has several.
    constants:  the numbers in the loss that are chosen.
    """

    name: str
    title: str
    loss_name: str
    loss: Callable[..., Expr]
    rest: Callable[..., Expr] | None = None
    dispersion: bool = False
    mean: Callable[[Expr], Expr] = _same
    link: str = "{target}"
    symbol: str = ""
    support: Support = NUMBERS
    null: Callable[[Array], Any] | None = None
    starts: bool = False
    saturated: Callable[..., Expr] | None = None
    quantile: Callable[[float, Array, float], Array] | None = None
    draw: Callable[[np.random.Generator, Array, float], Array] | None = None
    whole: Callable[[Expr], Expr] = FUNCTIONS["mean"]
    degree: int | None = None
    separates: str = ""
    model: str = ""
    constants: Mapping[str, Constant] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise GradworkError("name of a family", name=self.name)
        if self.name in FAMILIES:
            raise GradworkError("family twice", name=self.name)
        FAMILIES[self.name] = self

    @property
    def likelihood(self) -> bool:
        """Whether the loss is that of a likelihood."""
        return self.rest is not None

    @property
    def classes(self) -> bool:
        """Whether the predictor has a column for each class."""
        return self.support is SEVERAL

    def __repr__(self) -> str:
        return f"Family({self.name})"


def family_of(given: Family | str) -> Family | None:
    """Return a family by its name; None for "", which stands for a loss that is no likelihood."""
    if isinstance(given, Family):
        return given
    if given == "":
        return None
    if given not in FAMILIES:
        raise GradworkError("no family", name=given, known=list(FAMILIES))
    return FAMILIES[given]


def symbols_of(classes: bool) -> tuple[Expr, Expr]:
    """Return symbols for the target and the predictor of all rows: of size n, or n×k."""
    if classes:
        return matrix("Y", ROWS, CLASSES, onehot=True), matrix("Z", ROWS, CLASSES)
    return vector("y", ROWS), vector("z", ROWS)


class Unit:
    """The loss of a row as a function of its predictor z, with its derivatives, as expressions and as numbers.

    >>> from gradwork.families.named import GAMMA
    >>> unit = Unit.of(GAMMA)
    >>> print(unit.score, "|", unit.curvature, "|", unit.expected)
    1 − y ∘ exp(−z) | y ∘ exp(−z) | exp(z) ∘ exp(−z)
    """

    def __init__(
        self, rows: Expr, y: Expr, z: Expr, constants: tuple[Expr, ...] = (), mean: Expr | None = None
    ):
        """`mean` is E y by z, where the loss is that of a likelihood."""
        self.rows, self.y, self.z, self.constants, self.mean = rows, y, z, constants, mean
        (self.score,) = grad(FUNCTIONS["sum"](rows), [z])
        self._programs: dict[str, Any] = {}

    @staticmethod
    def of(family: Family) -> Unit:
        """Return the unit of a family's own loss."""
        return _unit(family)

    @cached_property
    def curvature(self) -> Expr:
        """∂²ℓ/∂z² of each row with one predictor."""
        (found,) = grad(FUNCTIONS["sum"](self.score), [self.z])
        return found

    @cached_property
    def slope(self) -> Expr:
        """∂²ℓ/∂z∂y, how the score changes with the target."""
        (found,) = grad(FUNCTIONS["sum"](self.score), [self.y])
        return found

    @cached_property
    def expected(self) -> Expr:
        """E ∂²ℓ/∂z² where it can be read off: at y = E y, if the curvature is linear in y; else what is observed."""
        w = self.curvature
        if self.mean is None or self.y not in w.symbols.values():
            return w
        (change,) = grad(FUNCTIONS["sum"](w), [self.y])
        if self.y in change.symbols.values():
            return w
        return substitute(w, {self.y: self.mean})

    @cached_property
    def quadratic(self) -> bool:
        """Whether the curvature is one number whatever y and z are, as that of squares is."""
        if self.z.ndim > 1:
            return False
        w = self.curvature
        return not is_zero(w) and not {self.y, self.z} & set(w.symbols.values())

    @property
    def canonical(self) -> bool:
        """Whether the curvature does not hold the target, so that the observed one is also the expected one."""
        return self.z.ndim > 1 or self.y not in self.curvature.symbols.values()

    @property
    def flat(self) -> bool:
        """Whether a row has no curvature anywhere, as an absolute value has none."""
        return self.z.ndim == 1 and is_zero(self.curvature)

    @cached_property
    def variance(self) -> float:
        """w/(∂s/∂y)², which is Var y/φ, where it is one number whatever y and z are; else 0."""
        if not self.quadratic or self.constants:
            return 0.0
        return float(self.variances(np.zeros(1), np.zeros(1))[0])

    def _values(
        self, key: str, made: Any, y: Array, z: Array, constants: Mapping[str, float], *more: Any
    ) -> Array:
        if key not in self._programs:
            extra = [] if not more else [matrix("V", ROWS, CLASSES)]
            self._programs[key] = function(made(*extra), arguments=[self.y, self.z, *self.constants, *extra])
        numbers = [float(constants[c.params[0]]) for c in self.constants]
        with np.errstate(all="ignore"):
            found = self._programs[key](y, z, *numbers, *more)
        return np.asarray(found, dtype=float)

    def losses(self, y: Array, z: Array, constants: Mapping[str, float] = {}) -> Array:
        """Return the loss of each row, n."""
        return np.broadcast_to(self._values("rows", lambda: self.rows, y, z, constants), len(y))

    def scores(self, y: Array, z: Array, constants: Mapping[str, float] = {}) -> Array:
        """Return ∂ℓ/∂z, of the shape of z."""
        return np.broadcast_to(self._values("score", lambda: self.score, y, z, constants), z.shape)

    def weights(
        self, y: Array, z: Array, constants: Mapping[str, float] = {}, expected: bool = False
    ) -> Array:
        """Return ∂²ℓ/∂z² of each row, n, or n×k×k; of one predictor its expectation where `expected`."""
        if z.ndim == 1:
            key = "expected" if expected else "curvature"
            found = self._values(key, lambda: getattr(self, key), y, z, constants)
            return np.broadcast_to(found, z.shape).copy()
        columns = []
        for unit in np.eye(z.shape[1]):
            along = np.broadcast_to(unit, z.shape).copy()
            columns.append(self._values("along", self._along, y, z, constants, along))
        return np.stack(columns, axis=2)

    def _along(self, V: Expr) -> Expr:
        (found,) = hvp(FUNCTIONS["sum"](self.rows), [self.z], [V])
        return found

    def variances(self, y: Array, z: Array, constants: Mapping[str, float] = {}) -> Array:
        """Return w/(∂s/∂y)², the variance of y by φ, for scores that are linear in y."""
        slope = np.broadcast_to(self._values("slope", lambda: self.slope, y, z, constants), z.shape)
        with np.errstate(all="ignore"):
            return self.weights(y, z, constants, expected=True) / slope**2


@lru_cache(maxsize=128)
def _unit(family: Family) -> Unit:
    y, z = symbols_of(family.classes)
    constants = tuple(scalar(name) for name in family.constants)
    return Unit(family.loss(y, z, *constants), y, z, constants, family.mean(z) if family.likelihood else None)


@lru_cache(maxsize=256)
def _of_target(family: Family, part: str) -> Any:
    """Return the program of what does not hold the predictor: c(y, φ), or the least loss of a row."""
    y, _ = symbols_of(family.classes)
    constants, phi = [scalar(name) for name in family.constants], scalar("phi", positive=True)
    if part == "rest":
        assert family.rest is not None
        return function(family.rest(y, phi, *constants), arguments=[y, phi, *constants])
    assert family.saturated is not None
    return function(family.saturated(y, *constants), arguments=[y, *constants])


def log_density(
    family: Family, y: Array, losses: Array, dispersion: float = 1.0, constants: Mapping[str, float] = {}
) -> Array:
    """Return log f = c(y, φ) − ℓ/φ of each row, from its loss ℓ; y is n×k, one-hot, for classes.

    >>> from gradwork.families.named import POISSON
    >>> y = np.array([2.0])
    >>> log_density(POISSON, y, Unit.of(POISSON).losses(y, np.array([0.0]))).round(6).tolist()
    [-1.693147]
    """
    if not family.likelihood:
        raise GradworkError("no density", loss=family.loss_name)
    numbers = [float(constants[name]) for name in family.constants]
    with np.errstate(all="ignore"):
        rest = _of_target(family, "rest")(y, float(dispersion), *numbers)
    return np.asarray(rest, dtype=float) - losses / dispersion


def deviances(family: Family, y: Array, losses: Array, constants: Mapping[str, float] = {}) -> Array:
    """Return 2(ℓ − min ℓ(y, ·)) of each row: φ times twice what a parameter of its own would gain it.

    >>> from gradwork.families.named import POISSON
    >>> y = np.array([0.0, 2.0])
    >>> float(deviances(POISSON, y, Unit.of(POISSON).losses(y, np.zeros(2))).sum().round(6))
    2.772589
    """
    least: Any = 0.0
    if family.saturated is not None:
        numbers = [float(constants[name]) for name in family.constants]
        with np.errstate(all="ignore"):
            least = _of_target(family, "saturated")(y, *numbers)
    return 2 * (losses - np.asarray(least, dtype=float))
