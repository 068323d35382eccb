"""How a run is computed: on which target, and what is computed once beforehand; with the reasons in words."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from gradwork.errors import GradworkError
from gradwork.learn.descent.cost import Work, compile_seconds, work
from gradwork.learn.descent.loop_numpy import NumpyLoop
from gradwork.learn.descent.loop_xla import XlaLoop
from gradwork.learn.descent.loops import Loop, Setup
from gradwork.words.say import say

PLACING = 0.5e-9  # seconds a byte, to place data in XLA's memory


@dataclass
class Plan:
    """A loop, and the lines that say why it is this one."""

    loop: Loop
    lines: list[str] = field(default_factory=list)
    unit_seconds: float = 0.0  # how long a unit is expected to take

    def text(self, loop: Loop) -> str:
        """Return the plan as text, with what the finished loop has to add."""
        more = loop.report() if hasattr(loop, "report") else []  # type: ignore[attr-defined]
        return "\n".join([*self.lines, *more])


def step_work(setup: Setup) -> Work:
    """Return the work of one step of a setup."""
    sizes = dict(setup.sizes)
    if setup.batching is not None:
        name = _rows_name(setup)
        if name is not None:
            sizes[name] = setup.batching.size
    step = setup.step
    found = work([*step.after, step.loss, step.squares], sizes)
    if setup.batching is None:
        return found
    # Drawing the rows of a batch reads and writes them once more.
    share = setup.batching.size / setup.batching.rows
    drawn = sum(setup.data[n].size * share for n in setup.batching.axes if n in setup.data)
    return Work(found.components + 2 * drawn, found.calls + 2 * len(setup.batching.axes), found.again)


def _rows_name(setup: Setup) -> str | None:
    batching = setup.batching
    assert batching is not None
    for label, axis in batching.axes.items():
        symbol = setup.loss.symbols.get(label)
        if symbol is not None and len(symbol.shape[axis].names) == 1:
            return next(iter(symbol.shape[axis].names))
    return None


def choose(setup: Setup, units: int, target: str, hoist: Any = "auto", limit: float | None = None) -> Plan:
    """Return the plan of a run of so many units, or of as many as `limit` seconds allow."""
    if hoist not in (True, False, "auto"):
        raise GradworkError("hoist is True False or auto", hoist=hoist)
    from gradwork.learn.descent.hoist import hoisted

    lines: list[str] = []
    if setup.batching is not None:
        lines.append(_batches(setup))
    else:
        lines.append(say("full batch"))
    # Under a limit of time a run is as long as it would be without hoisting: what hoisting wins comes on top.
    likely = units if limit is None else _within(setup, units, limit)
    changed = hoisted(setup, likely, hoist) if hoist is not False and setup.batching is None else None
    if changed is not None and changed.setup is not None:
        # The inner loop has data of its own: what it needs of the old, the constants, and the anchor.
        inner, why, seconds = _target(replace(changed.setup, data=dict(setup.data)), units, target, limit)
        lines.append(why)
        from gradwork.learn.descent.loop_hoisted import HoistedLoop

        return Plan(HoistedLoop(changed, inner), [*lines, *changed.lines], seconds)
    loop, why, seconds = _target(setup, units, target, limit)
    lines.append(why)
    if changed is not None:
        lines += changed.lines
    return Plan(loop, lines, seconds)


def _within(setup: Setup, units: int, limit: float) -> int:
    """Return how many units NumPy is likely to do in a time."""
    per_unit = setup.batching.steps if setup.batching is not None else 1
    return max(
        1, min(units, int(limit / (step_work(setup).seconds("numpy", setup.dtype.itemsize) * per_unit)))
    )


def _target(setup: Setup, units: int, target: str, limit: float | None = None) -> tuple[Loop, str, float]:
    """Return a loop, the line that says why it runs there, and how long a unit should take."""
    per_unit = setup.batching.steps if setup.batching is not None else 1
    steps = units * per_unit
    found = step_work(setup)
    item = setup.dtype.itemsize
    slow, fast = found.seconds("numpy", item), found.seconds("xla", item)
    if target == "numpy":
        return NumpyLoop(setup), say("plan target", target="numpy", why=say("asked")), slow * per_unit
    if target == "xla":
        return XlaLoop(setup, units), say("plan target", target="xla", why=say("asked")), fast * per_unit
    before = compile_seconds(found.calls)
    if steps > 1:
        # The data go to XLA's memory once.
        held = setup.step.loss.symbols
        before += sum(setup.data[n].nbytes for n in held if n in setup.data) * PLACING
    compiled, plain = before + steps * fast, steps * slow
    pays = compiled < plain
    facts: dict[str, Any] = {"ours": compiled, "other": plain}
    key = "compile pays" if pays else "compile does not pay"
    if limit is not None and min(compiled, plain) > limit:
        # Neither gets through: the one that gets further.
        ours, other = int(max(limit - before, 0.0) / fast), int(limit / slow)
        pays = ours > other
        facts = {"limit": limit, "ours": ours, "other": other}
        key = "compile pays in time" if pays else "compile does not pay in time"
    if pays:
        return XlaLoop(setup, units), say("plan target", target="xla", why=say(key, **facts)), fast * per_unit
    return NumpyLoop(setup), say("plan target", target="numpy", why=say(key, **facts)), slow * per_unit


def _batches(setup: Setup) -> str:
    b = setup.batching
    assert b is not None
    order = say("shuffled", seed=b.seed) if b.shuffle else say("in order")
    key = "batches, rest" if b.rest else "batches"
    return say(key, count=b.full, size=b.size, rows=b.rows, rest=b.rest, order=order)
