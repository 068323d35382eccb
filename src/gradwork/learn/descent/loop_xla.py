"""The loop compiled by XLA: whole runs of steps, or of epochs over batches, in one call.

    full batch    while i < count:  record f, ‖∇f‖;  θ ← step(θ)
    batches       while e < count:  for each batch k: rows by the epoch's order;  θ ← step(θ)

The number of units is an argument, so a run is cut into calls without another compilation, and a call can be
repeated up to the unit at which a run turns out to have ended. For that reason the state is not donated: it is
small, and it is the place to go back to; inside a call XLA reuses the loop's buffers by itself.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.data import permutation
from gradwork.learn.descent.cost import compile_seconds
from gradwork.learn.descent.loops import Array, Record, Setup, State, measuring, raw, written
from gradwork.learn.interrupt import asked
from gradwork.run.source import Source

_LIMIT = 64
_compiled: OrderedDict[Any, Any] = OrderedDict()


def _cached(key: Any, make: Callable[[], Any]) -> Any:
    # The text is the program: equal texts share a compilation, so a second run of a formula starts at once.
    if key in _compiled:
        _compiled.move_to_end(key)
        return _compiled[key]
    value = _compiled[key] = make()
    while len(_compiled) > _LIMIT:
        _compiled.popitem(last=False)
    return value


def _key(source: Source, *more: Any) -> Any:
    constants = tuple((n, a.shape, a.dtype.str, a.tobytes()) for n, a in source.constants.items())
    return (source.text, constants, *more)


def _aligned(array: Array) -> Array:
    """Return the array, or a copy of it, in memory that XLA takes as it is.

    XLA shares memory that is aligned to 64 bytes and copies all other, at less than half of NumPy's speed.
    """
    array = np.ascontiguousarray(array).reshape(array.shape)  # which would make a vector of a scalar
    if array.nbytes < 4096 or array.ctypes.data % 64 == 0:
        return array
    room = np.empty(array.nbytes + 64, np.uint8)
    offset = -room.ctypes.data % 64
    copy = room[offset : offset + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def _ready(result: Any) -> bool:
    """Wait for a call of a loop; return False where Ctrl-C asks to end before it is done.

    XLA computes in threads of its own and cannot be stopped: what a call abandoned so would have given is dropped.
    """
    pause = 2e-5
    while not result.is_ready():
        if asked():
            return False
        time.sleep(pause)
        pause = min(2 * pause, 1e-3)
    return True


class XlaLoop:
    """Runs a setup compiled."""

    target = "xla"

    def __init__(self, setup: Setup, units: int):
        self.setup = setup
        step = setup.step
        outputs = [*step.after, step.loss, step.squares]
        outputs += [step.moved] if setup.moved else []
        outputs += step.gradients if setup.batching else []
        self.source = written(outputs, "jax", setup.dtype, step.inner, setup.sizes)
        self.names = [a.label for a in self.source.signature.arguments][len(step.inner) :]
        self.free = tuple((s, setup.sizes[s]) for s in self.source.signature.free)
        self._validation = self._validation_source()
        self.capacity = self._capacity(units)
        self._data: dict[str, Any] = {}
        self._measure: Any = None
        self._validate: Any = None

    def _capacity(self, units: int) -> int:
        # A power of two, so that runs of different length share a compilation.
        limit = 1 << 16
        if self.setup.batching is not None:
            limit = max(1, (1 << 20) // self.setup.batching.rows)
        capacity = 1
        while capacity < min(units, limit):
            capacity *= 2
        return capacity

    def _validation_source(self) -> Source | None:
        if self.setup.validation is None:
            return None
        return written([self.setup.loss], "jax", self.setup.dtype, self.setup.step.symbols, self.setup.sizes)

    # --- state and data ---------------------------------------------------------------------------------

    def _x64(self) -> Any:
        import jax

        # Thread-local: the caller's configuration stays as it is.
        return jax.enable_x64(True)

    def refresh(self, values: Mapping[str, Array]) -> None:
        """Take note that these data have changed."""
        for label in values:
            self._data.pop(label, None)

    def start(self, arrays: Sequence[Array]) -> State:
        """Return the state for these arrays."""
        import jax

        with self._x64():
            return State(tuple(jax.device_put(np.asarray(a, self.setup.dtype)) for a in arrays))

    def read(self, state: State) -> list[Array]:
        """Return the state's arrays as NumPy arrays of their own."""
        return [np.array(a, self.setup.dtype) for a in state.arrays]

    def _put(self, label: str, array: Array) -> Any:
        # Placed once for the run.
        import jax

        if label not in self._data:
            self._data[label] = jax.device_put(_aligned(array))
        return self._data[label]

    def measure(self, state: State) -> tuple[float, float, float]:
        """Return loss, gradient norm and validation loss at the state's parameters, on all rows."""
        # It happens at the start and the end of a run: by NumPy, on the arrays where they lie, unless that takes
        # longer than to compile it, as for networks on many images.
        if self._measure is None:
            self._measure = measuring(self.setup, compiled=self._slow())
            self._validate = measuring(self.setup, loss_only=True)
        parameters = self.read(state)[: len(self.setup.step.symbols)]
        loss, norm = self._measure(parameters, self.setup.data)
        validation = self.setup.validation
        return loss, norm, float("nan") if validation is None else self._validate(parameters, validation)[0]

    def _slow(self) -> bool:
        from gradwork.learn.descent.plans import step_work

        batching = self.setup.batching
        if batching is None:
            return False
        found = step_work(self.setup)
        slow = found.seconds("numpy", self.setup.dtype.itemsize) * batching.rows / batching.size
        return slow > compile_seconds(found.calls)

    # --- running ----------------------------------------------------------------------------------------

    def advance(self, state: State, unit: int, count: int) -> tuple[State, Record]:
        """Run `count` units from `unit` on."""
        with self._x64():
            parts = []
            for at in range(0, count, self.capacity):
                number = min(self.capacity, count - at)
                run = self._steps if self.setup.batching is None else self._epochs
                state, record = run(state, unit + at, number)
                parts.append(record)
                if len(record.loss) < number:
                    break
            return state, Record.joined(parts)

    def _steps(self, state: State, unit: int, count: int) -> tuple[State, Record]:
        import jax

        setup = self.setup
        key = _key(
            self.source,
            "steps",
            setup.dtype.name,
            self.capacity,
            setup.moved,
            self.free,
            self._validation_key(),
        )
        loop = _cached(key, self._full_loop)
        data = tuple(self._put(n, setup.data[n]) for n in self.names)
        arrays, rows = loop(
            state.arrays,
            np.int64(unit),
            np.int64(count),
            setup.dtype.type(setup.eta),
            data,
            self._validation_data(),
        )
        if not _ready(rows[0]):
            arrays, count = state.arrays, 0
            rows = tuple(np.zeros(0) for _ in rows)
        columns = [np.asarray(c, np.float64)[:count] for c in jax.device_get(rows)]
        record = Record(columns[0], np.sqrt(columns[1]))
        if setup.moved:
            record.moved = columns[2]
        if setup.validation is not None:
            record.validation = columns[-1]
        return State(arrays, state.extra), record

    def _validation_key(self) -> Any:
        return None if self._validation is None else _key(self._validation)

    def _validation_data(self) -> tuple:
        if self._validation is None or self.setup.validation is None:
            return ()
        names = [a.label for a in self._validation.signature.arguments][len(self.setup.step.symbols) :]
        return tuple(self._put(f"validation {n}", self.setup.validation[n]) for n in names)

    def _validator(self) -> Callable | None:
        if self._validation is None:
            return None
        function = raw(self._validation, "xla")
        free = {s: self.setup.sizes[s] for s in self._validation.signature.free}
        return lambda parameters, data: function(*parameters, *data, **free)[0]

    def _full_loop(self) -> Callable:
        import jax
        import jax.numpy as jnp
        from jax import lax

        setup, capacity, free = self.setup, self.capacity, dict(self.free)
        function, validate = raw(self.source, "xla"), self._validator()
        width, learned, dtype, moved = (
            len(setup.step.state),
            len(setup.step.symbols),
            setup.dtype,
            setup.moved,
        )
        columns = 2 + moved + (validate is not None)

        def loop(arrays: tuple, unit: Any, count: Any, eta: Any, data: tuple, held: tuple) -> tuple:
            def body(i: Any, carry: tuple) -> tuple:
                arrays, rows = carry
                t = (unit + i + 1).astype(dtype)
                out = function(*arrays, t, eta, *data, **free)
                recorded = list(out[width : width + 2 + moved])
                if validate is not None:
                    recorded.append(validate(arrays[:learned], held))
                rows = tuple(
                    lax.dynamic_update_index_in_dim(r, jnp.asarray(v, dtype), i, 0)
                    for r, v in zip(rows, recorded, strict=True)
                )
                return tuple(jnp.asarray(a, dtype) for a in out[:width]), rows

            rows = tuple(jnp.zeros(capacity, dtype) for _ in range(columns))
            return lax.fori_loop(0, count, body, (arrays, rows))

        return jax.jit(loop)

    def _epochs(self, state: State, unit: int, count: int) -> tuple[State, Record]:
        import jax

        setup, batching = self.setup, self.setup.batching
        assert batching is not None
        axes = tuple(batching.axes.get(n) for n in self.names)
        key = _key(
            self.source, "epochs", setup.dtype.name, self.capacity, batching.size, batching.rows, batching.shuffle,
            axes, setup.steps, self.free, self._validation_key(),
        )  # fmt: skip
        loop = _cached(key, lambda: self._batch_loop(axes))
        orders: NDArray[np.int32] = np.zeros(
            (self.capacity, batching.rows if batching.shuffle else 1), np.int32
        )
        if batching.shuffle:
            for e in range(count):
                orders[e] = permutation(batching.rows, batching.seed, unit + e)
        data = tuple(self._put(n, setup.data[n]) for n in self.names)
        arrays, rows = loop(
            state.arrays, np.int64(unit), np.int64(count), setup.dtype.type(setup.eta), orders, data,
            self._validation_data(),
        )  # fmt: skip
        if not _ready(rows[0]):
            arrays, count = state.arrays, 0
            rows = tuple(np.zeros((0, *r.shape[1:])) for r in rows)
        found = [np.asarray(c, np.float64)[:count] for c in jax.device_get(rows)]
        record = Record(found[0], found[1])
        if setup.validation is not None:
            record.validation = found[2]
        if setup.steps:
            record.step_loss, record.step_norm = found[-2], np.sqrt(found[-1])
        return State(arrays, state.extra), record

    def _batch_loop(self, axes: tuple[int | None, ...]) -> Callable:
        import jax
        import jax.numpy as jnp
        from jax import lax

        setup, batching, capacity, free = self.setup, self.setup.batching, self.capacity, dict(self.free)
        assert batching is not None
        function, validate = raw(self.source, "xla"), self._validator()
        width, learned, dtype = len(setup.step.state), len(setup.step.symbols), setup.dtype
        size, full, rest, steps, total = (
            batching.size,
            batching.full,
            batching.rest,
            batching.steps,
            batching.rows,
        )
        columns = 2 + (validate is not None)

        def rows_of(x: Any, axis: int | None, order: Any, at: Any, count: int) -> Any:
            if axis is None:
                return x
            if not batching.shuffle:
                return lax.dynamic_slice_in_dim(x, at, count, axis)
            chosen = lax.dynamic_slice_in_dim(order, at, count)
            return x.at[(slice(None),) * axis + (chosen,)].get(mode="promise_in_bounds")

        def loop(
            arrays: tuple, unit: Any, count: Any, eta: Any, orders: Any, data: tuple, held: tuple
        ) -> tuple:
            def epoch(e: Any, carry: tuple) -> tuple:
                arrays, columns, per_step = carry
                order = orders[e]
                first = (unit + e) * steps

                def batch(k: Any, inner: tuple, rows: int) -> tuple:
                    arrays, loss, sums, step_loss, step_norm = inner
                    taken = [
                        rows_of(x, axis, order, k * size, rows) for x, axis in zip(data, axes, strict=True)
                    ]
                    t = (first + k + 1).astype(dtype)
                    out = function(*arrays, t, eta, *taken, **free)
                    share = rows / total
                    sums = tuple(s + share * g for s, g in zip(sums, out[len(out) - learned :], strict=True))
                    if setup.steps:
                        step_loss = step_loss.at[k].set(out[width])
                        step_norm = step_norm.at[k].set(out[width + 1])
                    after = tuple(jnp.asarray(a, dtype) for a in out[:width])
                    return after, loss + share * out[width], sums, step_loss, step_norm

                empty = jnp.zeros(steps if setup.steps else 0, dtype)
                inner = (
                    arrays,
                    jnp.zeros((), dtype),
                    tuple(map(jnp.zeros_like, arrays[:learned])),
                    empty,
                    empty,
                )
                inner = lax.fori_loop(0, full, lambda k, c: batch(k, c, size), inner)
                if rest:
                    inner = batch(jnp.asarray(full, unit.dtype), inner, rest)
                arrays, loss, sums, step_loss, step_norm = inner
                norm = jnp.sqrt(sum(jnp.vdot(s, s) for s in sums))
                recorded = [loss, norm]
                if validate is not None:
                    recorded.append(validate(arrays[:learned], held))
                columns = tuple(
                    lax.dynamic_update_index_in_dim(c, jnp.asarray(v, dtype), e, 0)
                    for c, v in zip(columns, recorded, strict=True)
                )
                if setup.steps:
                    per_step = tuple(
                        lax.dynamic_update_index_in_dim(c, v, e, 0)
                        for c, v in zip(per_step, (step_loss, step_norm), strict=True)
                    )
                return arrays, columns, per_step

            start = tuple(jnp.zeros(capacity, dtype) for _ in range(columns))
            per_step = tuple(jnp.zeros((capacity, steps), dtype) for _ in range(2)) if setup.steps else ()
            arrays, found, per_step = lax.fori_loop(0, count, epoch, (arrays, start, per_step))
            return arrays, (*found, *per_step)

        return jax.jit(loop)


def is_compiled(source_key: Any) -> bool:
    """Tell whether a loop of this key has been compiled in this process."""
    return source_key in _compiled


__all__ = ["XlaLoop", "is_compiled"]
