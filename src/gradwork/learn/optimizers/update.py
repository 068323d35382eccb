"""An optimizer as a value: a chain of parts and a learning rate, which make the update of a parameter.

w ← w − η · direction(∇f, what was kept from earlier steps)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gradwork.expr.node import Expr, constant, scalar, symbol
from gradwork.learn.optimizers.parts import Part, Terms
from gradwork.learn.optimizers.schedules import Schedule, as_schedule, is_constant_rate
from gradwork.ops.arithmetic import subtract
from gradwork.ops.norms import norm


@dataclass(frozen=True)
class Update:
    """One step of one parameter: its new value, and the new value of each kept array."""

    parameter: Expr
    slots: dict[str, Expr]


@dataclass(frozen=True)
class Optimizer:
    """A chain of parts and a learning rate. `str` and `latex` print its update.

    >>> from gradwork.learn.optimizers.named import SGD
    >>> print(SGD(learning_rate=0.1))
    SGD: w ← w − ηg   (η = 0.1)
    """

    name: str
    parts: tuple[Part, ...]
    learning_rate: Schedule
    variant: str = "torch"
    summary: str = ""
    when: str = ""

    @property
    def slots(self) -> dict[str, float]:
        """The kept arrays by name, each with the number that fills it at the start."""
        return {
            slot: start for part, mapping in self._slot_names() for slot, start in _renamed(part, mapping)
        }

    @property
    def memory(self) -> bool:
        """Whether earlier gradients act on later steps, so that the loss may rise for a while."""
        return any(part.memory for part in self.parts)

    @property
    def numbers(self) -> dict[str, float]:
        """Its numbers by the letter under which they print; the learning rate is `eta`."""
        found = {}
        for part, letters in zip(self.parts, self._letters()):
            found.update({letters[k]: v for k, v in part.numbers.items()})
        return {"eta": self.learning_rate.initial, **found}

    def _slot_names(self) -> list[tuple[Part, dict[str, str]]]:
        taken: set[str] = set()
        found = []
        for part in self.parts:
            mapping = {}
            for slot in part.slots:
                label, count = slot, 2
                while label in taken:
                    label, count = f"{slot}_{count}", count + 1
                taken.add(label)
                mapping[slot] = label
            found.append((part, mapping))
        return found

    def _letters(self) -> list[dict[str, str]]:
        values: dict[str, float] = {}
        found = []
        for part in self.parts:
            mapping = {}
            for letter, value in part.numbers.items():
                label, count = letter, 2
                while values.setdefault(label, value) != value:
                    label, count = f"{letter}_{count}", count + 1
                mapping[letter] = label
            found.append(mapping)
        return found

    def update(
        self,
        w: Expr,
        g: Expr,
        slots: Mapping[str, Expr],
        t: Expr,
        eta: Expr,
        whole_norm: Expr | None = None,
        letters: bool = False,
    ) -> Update:
        """Return the update of one parameter.

        w, g:       the parameter and its gradient, of one shape.
        slots:      the kept arrays by name, of that shape.
        t:          the number of this step, from 1.
        eta:        the learning rate of this step.
        whole_norm: the Euclidean norm of all gradients together (of `g` alone by default).
        letters:    leave the numbers as letters, for printing.
        """
        found: dict[str, Expr] = {}
        direction = g
        whole = norm(g) if whole_norm is None else whole_norm
        for (part, mapping), names in zip(self._slot_names(), self._letters()):
            numbers = {k: scalar(names[k]) if letters else constant(v) for k, v in part.numbers.items()}
            terms = Terms(w, g, t, eta, whole, {s: slots[label] for s, label in mapping.items()}, numbers)
            terms.u = direction
            direction = part.rule(terms)
            for slot, value in terms.updates.items():
                found[mapping[slot]] = value
        return Update(subtract(w, direction), found)

    def lines(self) -> list[tuple[str, Expr]]:
        """Return the update of a parameter w with the gradient g as (what is set, its new value), in letters."""
        w, g = symbol("w", ("d",)), symbol("g", ("d",))
        slots = {slot: symbol(slot, ("d",)) for slot in self.slots}
        made = self.update(w, g, slots, scalar("t"), scalar("eta"), letters=True)
        return [*((slot, value.args[0]) for slot, value in made.slots.items()), ("w", made.parameter)]

    def latex(self) -> str:
        r"""Return the update as LaTeX, one aligned line for each thing that is set."""
        rows = [rf"{symbol(s).latex()} &\leftarrow {value.simplify().latex()}" for s, value in self.lines()]
        if not is_constant_rate(self.learning_rate):
            rows.insert(0, rf"\eta &\leftarrow {self.learning_rate.expression().latex()}")
        return r"\begin{aligned}" + r" \\ ".join(rows) + r"\end{aligned}"

    def text(self) -> str:
        """Return the update in Unicode mathematics, one line for each thing that is set."""
        rows = [f"{symbol(s).unicode()} ← {value.simplify().unicode()}" for s, value in self.lines()]
        if not is_constant_rate(self.learning_rate):
            rows.insert(0, f"η ← {self.learning_rate.expression().unicode()}")
        return "\n".join(rows)

    def __str__(self) -> str:
        numbers = ", ".join(f"{scalar(k).unicode()} = {v:g}" for k, v in self.numbers.items())
        return f"{self.name}: {'; '.join(self.text().splitlines())}   ({numbers})"

    def __repr__(self) -> str:
        return f"<Optimizer {self.name}, learning rate {self.learning_rate!r}>"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def with_rate(self, learning_rate: float | Schedule) -> Optimizer:
        """Return the same optimizer with another learning rate or schedule."""
        return replace(self, learning_rate=as_schedule(learning_rate))


def _renamed(part: Part, mapping: Mapping[str, str]) -> list[tuple[str, float]]:
    return [(mapping[slot], start) for slot, start in part.slots.items()]
