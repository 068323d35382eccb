"""What a run tells while it goes, and how one can stop it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.errors import GradworkError
from gradwork.learn.history import History
from gradwork.words.notes import Line


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    unit, units:  units taken, and asked for (steps of full batches, or epochs of batches).
    step:         steps taken.
    loss, validation_loss, gradient_norm, learning_rate: of the last record.
    seconds:      since the start;  left: until the end at this speed, at most.
    history:      everything recorded so far.
    parameters:   a function that returns the parameters by name (it copies them).
    """

    unit: int
    units: int
    step: int
    loss: float
    validation_loss: float
    gradient_norm: float
    learning_rate: float
    seconds: float
    left: float
    history: History
    parameters: Callable[[], Mapping[str, NDArray[Any]]]


class Callback:
    """What is called while a run goes. Override what you need.

    every: call `after` each time so many units are done; None leaves it to the loop, a few times a second.
    """

    every: int | None = None

    def begin(self, progress: Progress) -> None:
        """Called once before the first step."""

    def after(self, progress: Progress) -> str | Line | None:
        """Called between steps; a text or record that is returned ends the run, as its reason."""

    def end(self, fit: Any) -> None:
        """Called with the finished fit."""


class Called(Callback):
    """A callback from a plain function of the progress."""

    def __init__(self, function: Callable[[Progress], str | Line | None], every: int | None = None):
        self.function, self.every = function, every

    def after(self, progress: Progress) -> str | Line | None:
        """Call the function."""
        return self.function(progress)


def as_callbacks(given: Any) -> list[Callback]:
    """Return callbacks for callbacks or functions, one or several."""
    items: Iterable[Any] = given if isinstance(given, (list, tuple)) else [] if given is None else [given]
    found = []
    for item in items:
        if isinstance(item, Callback):
            found.append(item)
        elif callable(item):
            found.append(Called(item))  # type: ignore[arg-type]
        else:
            raise GradworkError("callback is gw learn Callback", item=item)
    for callback in found:
        every = callback.every
        if every is not None and (not isinstance(every, (int, np.integer)) or every < 1):
            raise GradworkError("callback every below 1", every=every)
    return found
