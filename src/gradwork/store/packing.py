"""Arrays in and out of a description: plain data for JSON on one side, arrays by name on the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def pack(spec: Any) -> tuple[Any, dict[str, NDArray[Any]]]:
    """Return a description with its arrays replaced by references, and the arrays.

    >>> described, arrays = pack({"b": np.zeros(2), "degree": 3})
    >>> described, list(arrays)
    ({'b': {'array': 'b'}, 'degree': 3}, ['b'])
    """
    arrays: dict[str, NDArray[Any]] = {}

    def walk(value: Any, path: str) -> Any:
        if isinstance(value, np.ndarray):
            arrays[path] = np.ascontiguousarray(value)
            return {"array": path}
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, Mapping):
            return {str(k): walk(v, f"{path}.{k}" if path else str(k)) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [walk(v, f"{path}.{i}") for i, v in enumerate(value)]
        if isinstance(value, float) and not np.isfinite(value):
            return {"number": repr(value)}
        return value

    return walk(spec, ""), arrays


def unpack(described: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Return a description with its arrays back in place.

    >>> unpack({"b": {"array": "b"}, "k": 1}, {"b": np.array([1.0])})
    {'b': array([1.]), 'k': 1}
    """
    if isinstance(described, dict):
        if set(described) == {"array"}:
            return arrays[described["array"]]
        if set(described) == {"number"} and described["number"] in ("nan", "inf", "-inf"):
            return float(described["number"])
        return {k: unpack(v, arrays) for k, v in described.items()}
    if isinstance(described, list):
        return [unpack(v, arrays) for v in described]
    return described


def references(described: Any) -> set[str]:
    """Return the names of the arrays that a description refers to.

    >>> sorted(references({"a": [{"array": "x"}], "b": 2}))
    ['x']
    """
    found: set[str] = set()
    stack = [described]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if set(value) == {"array"}:
                found.add(str(value["array"]))
            else:
                stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
    return found
