"""A model of rows: a linear predictor, and the family through which it is compared with the target.

z = Xw + b          X: n×d, w: d, b a number (of classes: W: d×k, b: k)
f = mean ℓ(y, z) + λ ‖w‖²
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from gradwork.errors import GradworkError
from gradwork.expr.dims import Dim
from gradwork.expr.node import Expr, matrix, scalar, substitute, vector
from gradwork.families.family import (
    CLASSES,
    NUMBERS,
    ROWS,
    SEVERAL,
    Family,
    Support,
    Unit,
    family_of,
    symbols_of,
)
from gradwork.ops import FUNCTIONS as f
from gradwork.ops.arithmetic import add, total
from gradwork.rewrite import normalise
from gradwork.rows.proof import terms_of
from gradwork.rows.sums import each_row
from gradwork.run import function
from gradwork.words.numbers import short


@dataclass(frozen=True)
class Model:
    """A model as expressions.

    loss:       what is minimised: a mean over rows, with the penalty if there is one.
    rows:       the loss of each row, without the penalty.
    predictor:  z, linear in the parameters;  prediction: what is predicted from it.
    parameters: the symbols that are learned, the weights of the columns first, then the intercept;
    X, y:       the symbols of the data (y: n, or one-hot n×k).
    family:     the likelihood that `rows` is −log of, up to a positive factor where the family has a dispersion and
                to constants, by its block or its name; "" where it is none.
    link:       how the predictor is called in an equation: "{target}", "logit P({target} = {label})", …
    constants:  numbers of the loss by symbol, such as the λ of ridge or the δ of Huber's.
    options:    what `build` made it with;  degree: of the polynomial in the columns, where it is one.
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
    family: Family | str
    link: str
    loss_name: str
    intercept: bool = True
    constants: dict[str, float] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    degree: int | None = None

    def __str__(self) -> str:
        return f"{self.title}: {self.loss}"

    @cached_property
    def block(self) -> Family | None:
        """The family's block; None for a loss without one."""
        return family_of(self.family)

    @property
    def likelihood(self) -> bool:
        """Whether the loss is that of a likelihood."""
        return self.block is not None and self.block.likelihood

    @property
    def classes(self) -> bool:
        """Whether there is a predictor for each class."""
        return self.predictor.ndim > 1

    @property
    def support(self) -> Support:
        """What the target may be."""
        if self.block is not None:
            return self.block.support
        return SEVERAL if self.classes else NUMBERS

    @cached_property
    def own(self) -> bool:
        """Whether the loss of the rows is the family's own, word for word, and not one written by hand."""
        block = self.block
        if block is None or block.classes != self.classes:
            return False
        chosen = [scalar(name) for name in block.constants]
        return block.loss(self.y, self.predictor, *chosen) is self.rows

    @cached_property
    def unit(self) -> Unit | None:
        """The loss of a row by its predictor; None where it depends on the parameters in another way, too."""
        y, z = symbols_of(self.classes)
        mean = self._by(z, self.prediction) if self.likelihood else None
        rows = self.block.loss(y, z, *self.chosen) if self.own and self.block else self._by(z, self.rows, y)
        return None if rows is None else Unit(rows, y, z, self.chosen, mean)

    @property
    def chosen(self) -> tuple[Expr, ...]:
        """The symbols in the loss of a row whose numbers are `constants`, in the order of the family."""
        names = dict.fromkeys([*(self.block.constants if self.block else ()), *self.constants])
        held = self.rows.symbols
        return tuple(held[name] for name in names if name in held)

    @cached_property
    def penalty(self) -> Expr | None:
        """The part of the loss without data; None where there is none."""
        data = {self.X, self.y}
        apart = [t for t in terms_of(normalise(self.loss)) if not data & set(t.symbols.values())]
        moving = [t for t in apart if set(self.parameters) & set(t.symbols.values())]
        return normalise(total(moving, ())) if moving else None

    @cached_property
    def share(self) -> str:
        """How the loss without its penalty comes from that of the rows: their "mean", "sum", or "other"."""
        core = self.loss if self.penalty is None else normalise(self.loss - self.penalty)
        for name in ("mean", "sum"):
            if normalise(f[name](self.rows)) is normalise(core):
                return name
        return "other"

    @property
    def degree_in_units(self) -> int | None:
        """k where the loss is cᵏ times as large if target and parameters are c times; None where that is not known."""
        block = self.block
        if block is None or block.degree is None or not self.own:
            return None
        whole, penalty = block.whole(self.rows), self.penalty
        if penalty is not None:
            if block.degree != 2 or penalty is not normalise(
                scalar("lam") * f["sum"](self.parameters[0] ** 2)
            ):
                return None
            whole = whole + penalty
        return block.degree if normalise(whole) is normalise(self.loss) else None

    @property
    def squares(self) -> bool:
        """Whether it is plain least squares: a normal likelihood without a penalty."""
        return self.likelihood and self.penalty is None and self.unit is not None and self.unit.quadratic

    def by_row(self, x: Expr, values: Mapping[str, Any]) -> Any:
        """Return an expression that has one entry for each row, by blocks of rows; values by the symbols' names."""
        held, with_rows = x.symbols, (self.X.params[0], self.y.params[0])
        given = {name: np.asarray(value, dtype=float) for name, value in values.items() if name in held}
        places = [(name, 0 if name in with_rows else None) for name in given]
        program = function(x, arguments=[held[name] for name in given])
        rows = next(len(given[name]) for name in with_rows if name in given)
        return each_row(program, places, given, rows)

    @cached_property
    def inverse(self) -> Expr | None:
        """The prediction as an expression of the predictor alone, over its symbol; None where it is no such thing."""
        return self._by(symbols_of(self.classes)[1], self.prediction)

    def _by(self, z: Expr, x: Expr, y: Expr | None = None) -> Expr | None:
        """Return x with its predictor replaced by a symbol (and its target by another), where nothing is left of it."""
        changes = {self.predictor: z} | ({} if y is None else {self.y: y})
        product = self.X @ self.parameters[0]
        if self.predictor is not product and len(self.parameters) > 1:
            # y − Xw − b does not hold Xw + b: what Xw is by z and b leaves y − z.
            changes[product] = add(z, -f["broadcast_to"](self.parameters[1], z.shape))
        try:
            found = substitute(x, changes)
        except GradworkError:
            return None
        gone = {*self.parameters, self.X}
        if gone & set(found.symbols.values()):
            found = normalise(found)
        return None if gone & set(found.symbols.values()) else found


def data_symbols(classes: bool = False) -> tuple[Expr, Expr]:
    """Return the symbols X and y (of classes Y) of a table."""
    d = Dim.of("d")
    return matrix("X", ROWS, d), symbols_of(classes)[0]


def model_of(
    family: Family | str,
    penalty: float | None = None,
    *,
    intercept: bool = True,
    name: str = "",
    title: str = "",
    constants: Mapping[str, float | None] | None = None,
) -> Model:
    """Return the model z = Xw + b of a family, with the penalty λ‖w‖² if one is given.

    constants: numbers of its loss; those that are not named are chosen by a fit.
    Raises GradworkError for a number that a constant cannot have, and for an unknown one.

    >>> print(model_of("gamma").loss)
    mean(Xw + b + y ∘ exp(−(Xw + b)))
    >>> print(model_of("poisson", 0.1, intercept=False).loss)
    mean(exp(Xw) − y ∘ Xw) + λ Σ w²
    """
    block = family_of(family)
    if block is None:
        raise GradworkError("no family given")
    X, y = data_symbols(block.classes)
    d = Dim.of("d")
    w = matrix("W", d, CLASSES) if block.classes else vector("w", d)
    b = vector("b", CLASSES) if block.classes else scalar("b")
    z, parameters = (X @ w + b, (w, b)) if intercept else (X @ w, (w,))
    rows = block.loss(y, z, *(scalar(constant) for constant in block.constants))
    numbers = _numbers(block, constants or {})
    title = title or block.title
    for constant, value in numbers.items():
        title += f" with {GREEK.get(constant, constant)} = {short(value)}"
    options: dict[str, Any] = {"intercept": intercept, **{c: numbers.get(c) for c in block.constants}}
    made = Model(
        name or block.model or block.name, title, block.whole(rows), rows, z, block.mean(z), parameters, X, y, block,
        block.link, block.loss_name, intercept, numbers, options,
    )  # fmt: skip
    return penalised(made, penalty)


GREEK = {"delta": "δ", "tau": "τ"}


def _numbers(block: Family, given: Mapping[str, float | None]) -> dict[str, float]:
    found = {}
    for name, value in given.items():
        if name not in block.constants:
            key = "no constant" if block.constants else "no constants"
            facts = {"known": list(block.constants)} if block.constants else {}
            raise GradworkError(key, loss=block.loss_name, name=name, **facts)
        if value is None:
            continue
        kind = block.constants[name]
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (number and kind.holds(value)):
            raise GradworkError(
                "value of a constant", name=name, model=block.title, what=kind.what, value=value
            )
        found[name] = float(value)
    return found


def penalised(model: Model, penalty: float | None) -> Model:
    """Return the model with λ‖w‖² added to its loss; None leaves it as it is."""
    if penalty is None:
        return model
    if isinstance(penalty, bool) or not isinstance(penalty, (int, float)) or not 0 <= penalty < float("inf"):
        raise GradworkError("penalty of a model", model=model.name, penalty=penalty)
    return replace(
        model, title=f"{model.title} with the penalty λ = {short(penalty)}",
        loss=model.loss + scalar("lam") * f["sum"](model.parameters[0] ** 2),
        loss_name=f"{model.loss_name} + λ‖w‖²", constants={**model.constants, "lam": float(penalty)},
        options={"penalty": float(penalty), **model.options},
    )  # fmt: skip


__all__ = ["Model", "data_symbols", "model_of", "penalised"]
