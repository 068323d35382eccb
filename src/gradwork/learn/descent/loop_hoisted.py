"""The loop of a hoisted plan: constants from the data first, then an inner loop that never touches them.

The passes over the data run in NumPy, on the arrays where they lie (XLA would copy unaligned ones); the inner loop
runs on either target. Anchors move at set steps, counted from the start of the run, and belong to the state: a run
that is cut into calls, repeated or resumed takes the same path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradwork.learn.descent.hoist import Hoisted, anchor_units
from gradwork.learn.descent.loops import Array, Loop, Record, State, measuring, raw, written
from gradwork.rows.passes import Pass
from gradwork.words.say import say


class HoistedLoop:
    """Runs a hoisted setup by way of `make`, which gives the inner loop for a setup."""

    def __init__(self, hoisted: Hoisted, inner: Loop):
        self.hoisted, self.inner = hoisted, inner
        self.setup = hoisted.original
        self.target, self.capacity = inner.target, inner.capacity
        self.quadratic = hoisted.quadratic
        self.anchored = 0
        self._measure = measuring(self.setup)
        self._validate = measuring(self.setup, loss_only=True) if self.setup.validation is not None else None
        self._values: dict[str, Any] = {}
        assert hoisted.setup is not None
        # The inner loop reads its data from a dictionary that is filled here.
        self.inner.setup.data.update(self._once())  # type: ignore[attr-defined]
        if self.quadratic is not None:
            symbols = self.setup.step.symbols
            self._inner_values = self._function(list(self.quadratic.inner), symbols)
            exact = self.quadratic.exact
            setup = self.setup
            self._exact = Pass(
                exact[0], self.quadratic.anchors, setup.data, setup.sizes, setup.dtype, exact[1:]
            )

    def _function(self, outputs: list, arguments: Sequence) -> Callable[[Sequence[Array]], list[Array]]:
        source = written(outputs, "numpy", self.setup.dtype, arguments, self.setup.sizes)
        function = raw(source, "numpy")
        names = [a.label for a in source.signature.arguments][len(arguments) :]
        free = {s: self.setup.sizes[s] for s in source.signature.free}

        def call(values: Sequence[Array]) -> list[Array]:
            with np.errstate(all="ignore"):
                found = function(*values, *(self.setup.data[n] for n in names), **free)
            return [np.asarray(v, self.setup.dtype) for v in found]

        return call

    def _once(self) -> dict[str, Array]:
        if not self.hoisted.once:
            return {}
        values = self._function([e for _, e in self.hoisted.once], ())(())
        return {s.params[0]: v for (s, _), v in zip(self.hoisted.once, values, strict=True)}

    def start(self, arrays: Sequence[Array]) -> State:
        """Return the state for these arrays."""
        return self.inner.start(arrays)

    def read(self, state: State) -> list[Array]:
        """Return the state's arrays."""
        return self.inner.read(state)

    def measure(self, state: State) -> tuple[float, float, float]:
        """Return loss, gradient norm and validation loss at the state's parameters, from the data themselves."""
        parameters = self.read(state)[: len(self.setup.step.symbols)]
        loss, norm = self._measure(parameters, self.setup.data)
        validation = self.setup.validation
        held = (
            float("nan")
            if validation is None or self._validate is None
            else self._validate(parameters, validation)[0]
        )
        return loss, norm, held

    def anchor(self, state: State) -> State:
        """Return the state with its anchor moved to its parameters."""
        if self.quadratic is None:
            return state
        self.anchored += 1
        at = self._inner_values(self.read(state)[: len(self.setup.step.symbols)])
        value, *slopes = (np.asarray(v, self.setup.dtype) for v in self._exact(at, self.setup.data))
        names = [s.params[0] for s in (*self.quadratic.anchors, self.quadratic.value, *self.quadratic.slopes)]
        return State(state.arrays, dict(zip(names, [*at, value, *slopes], strict=True)))

    def confirm(self, state: State) -> tuple[float, State | None]:
        """Return the gradient's norm from the data, and the state to go on from if that is too large."""
        norm = self.measure(state)[1]
        anew = self.anchor(state)
        same = anew.extra.keys() == state.extra.keys() and all(
            np.array_equal(value, state.extra[k]) for k, value in anew.extra.items()
        )
        return norm, None if same else anew

    def advance(self, state: State, unit: int, count: int) -> tuple[State, Record]:
        """Run `count` units from `unit` on, moving the anchor at its set steps."""
        if self.quadratic is None:
            return self.inner.advance(state, unit, count)
        end = unit + count
        cuts = [u for u in anchor_units(end) if unit < u < end]
        records = []
        for at, to in zip([unit, *cuts], [*cuts, end], strict=True):
            if not state.extra or at in anchor_units(at + 1):
                state = self.anchor(state)
            self.inner.setup.data.update(state.extra)  # type: ignore[attr-defined]
            self.inner.refresh(state.extra)  # type: ignore[attr-defined]
            state, record = self.inner.advance(state, at, to - at)
            records.append(record)
            if len(record.loss) < to - at:
                break
        return state, Record.joined(records)

    def report(self) -> list[str]:
        """Return what is known of the plan only after the run."""
        return [say("anchor", count=self.anchored)] if self.quadratic is not None else []
