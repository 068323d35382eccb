"""Ctrl-C while a run goes: the first is a wish that every loop heeds between its steps, the second ends at once.

A signal may arrive in the middle of anything. So the handler only takes note of it, and a loop asks at places
where everything belongs to one moment; it then keeps the best so far and says so.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Interrupt:
    """Whether Ctrl-C has been pressed during a run."""

    def __init__(self, before: Any) -> None:
        self.asked, self.before = False, before

    def handle(self, number: int, frame: Any) -> None:
        """Take note of the first signal; at the second call the handler from before, then end."""
        if self.asked:
            self.before(number, frame)
            raise KeyboardInterrupt
        self.asked = True


# Of each thread: signals reach the main thread, and only its runs.
_running = threading.local()


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Turn the first Ctrl-C within into a wish (`asked`); afterwards the handler from before is back.

    A run within a run shares its interrupt, so that both end. Where Ctrl-C is ignored, or handled by something
    other than Python, that stays so; in a thread other than the main one nothing is installed.

    >>> with interruptible() as interrupt:
    ...     signal.raise_signal(signal.SIGINT)
    ...     print(interrupt.asked, asked())
    True True
    >>> asked()
    False
    """
    outer = getattr(_running, "interrupt", None)
    if outer is not None:
        yield outer
        return
    before = signal.getsignal(signal.SIGINT)
    interrupt = _running.interrupt = Interrupt(before)
    catches = threading.current_thread() is threading.main_thread() and callable(before)
    try:
        if catches:
            signal.signal(signal.SIGINT, interrupt.handle)
        yield interrupt
    finally:
        if catches:
            signal.signal(signal.SIGINT, before)
        _running.interrupt = None


def asked() -> bool:
    """Return whether the run of this thread should end: what a loop asks between its steps."""
    interrupt = getattr(_running, "interrupt", None)
    return interrupt is not None and interrupt.asked
