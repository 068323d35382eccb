"""What a checkpoint of a descent holds, and whether it belongs to the run that wants to go on from it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.errors import GradworkError
from gradwork.learn.descent import checkpoint

Array = NDArray[Any]
Saved = tuple[list[Array], dict[str, Array]]


WHOLE = 200_000_000  # bytes of an array that are hashed, in a fifth of a second


def digest(array: Array) -> str:
    """Return a hash of an array's numbers.

    Beyond 200 MB it is taken of every second (third, …) number, with the sum of all, so that it stays quick.

    >>> digest(np.zeros(3)) == digest(np.zeros(3)), digest(np.zeros(3)) == digest(np.array([0.0, 0.0, 1e-300]))
    (True, False)
    """
    flat = np.ascontiguousarray(array).reshape(-1)
    found = hashlib.blake2b(digest_size=16)
    if flat.nbytes <= WHOLE:
        found.update(memoryview(flat.view(np.uint8)))  # type: ignore[arg-type]
    else:
        numbers = flat.view(f"u{flat.itemsize}")
        found.update(memoryview(np.ascontiguousarray(numbers[:: -(-flat.nbytes // WHOLE)])))  # type: ignore[arg-type]
        found.update(numbers.sum(dtype=np.uint64).tobytes())
    return found.hexdigest()


@dataclass(frozen=True)
class RunState:
    """A run as it stood: units taken, the states by unit, the watch, the history, the seconds spent."""

    unit: int
    target: str
    states: dict[int, Saved]
    watch: dict[str, Any]
    history: dict[str, list[float]]
    seconds: float
    moved: float


def save(
    path: Any,
    fingerprint: Mapping[str, Any],
    target: str,
    unit: int,
    states: Mapping[int, tuple[Sequence[Array], Mapping[str, Array]]],
    watch: Mapping[str, Any],
    history: Mapping[str, Sequence[float]],
    seconds: float,
    moved: float,
) -> None:
    """Write a run as it stands, whole or not at all."""
    arrays: dict[str, Array] = {}
    for u, (parts, extra) in states.items():
        arrays |= {f"state/{u}/{i}": np.asarray(a) for i, a in enumerate(parts)}
        arrays |= {f"extra/{u}/{name}": np.asarray(a) for name, a in extra.items()}
    arrays |= {f"history/{name}": np.asarray(column) for name, column in history.items()}
    numbers = {k: _plain(v) for k, v in watch.items()}
    meta = {"fingerprint": dict(fingerprint), "target": target, "unit": unit, "watch": numbers}
    meta |= {"units": sorted(states), "seconds": seconds, "moved": _plain(moved)}
    checkpoint.save(path, arrays, meta)


def load(path: Any, fingerprint: Mapping[str, Any]) -> RunState:
    """Return the run in a checkpoint; raise GradworkError if it is another run."""
    if path is None:
        raise GradworkError("name checkpoint to resume")
    arrays, meta = checkpoint.load(path)
    try:
        theirs = meta["fingerprint"]
        for key, value in fingerprint.items():
            if key == "data" and theirs[key].keys() == value.keys():
                changed = [name for name in value if theirs[key][name] != value[name]]
                if changed:
                    raise GradworkError("checkpoint of other data", path=path, changed=changed)
            elif theirs[key] != value:
                raise GradworkError(
                    "checkpoint of another run", path=path, key=key, theirs=theirs[key], value=value
                )
        states: dict[int, Saved] = {}
        for u in meta["units"]:
            parts = [k for k in arrays if k.startswith(f"state/{u}/")]
            extra = {k.split("/", 2)[2]: arrays[k] for k in arrays if k.startswith(f"extra/{u}/")}
            states[int(u)] = ([arrays[f"state/{u}/{i}"] for i in range(len(parts))], extra)
        history = {k.split("/", 1)[1]: arrays[k].tolist() for k in arrays if k.startswith("history/")}
        watch = {k: _number(v) for k, v in meta["watch"].items()}
        return RunState(
            int(meta["unit"]),
            meta["target"],
            states,
            watch,
            history,
            float(meta["seconds"]),
            _number(meta["moved"]),
        )
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as problem:
        if isinstance(problem, GradworkError):
            raise
        raise GradworkError("checkpoint unreadable", path=path) from problem


def _plain(value: Any) -> Any:
    # JSON has no infinity and no NaN.
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, str) else value
