"""Values on the command line: what is given for the names of a formula, and how a value is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.errors import GradworkError
from gradwork.words.say import say

SHOWN = 8  # rows and columns that are written out


def gather(pairs: Sequence[str], at: str | None, table: Path | None) -> dict[str, NDArray[np.float64]]:
    """Return the values by name that arguments such as X=[1 2; 3 4], --at and --with give; later ones win.

    The columns of a table count as they are numbers; categories and text have no value in a formula.
    """
    from gradwork.formula.given import parse_values

    found: dict[str, NDArray[np.float64]] = {}
    if table is not None:
        from gradwork.data import read_table

        read = read_table(table)
        found |= {
            name: np.asarray(read[name].values, float) for name in read.names if read[name].kind == "number"
        }
    for text in (*pairs, *([at] if at else [])):
        found |= parse_values(text)
    return found


def written(value: Any) -> str:
    """Return a value as it is read back: a number, [1, 2], [1, 2; 3, 4]; a large one by shape, norm and range.

    >>> written(np.float64(2)), written(np.array([0.5, 1e-9])), written(np.eye(2))
    ('2', '[0.5, 1e-09]', '[1, 0; 0, 1]')
    >>> written(np.ones((9, 2)))
    '9×2, norm 4.24264, from 1 to 1'
    """
    array = np.asarray(value, dtype=float)
    if array.ndim == 0:
        return _number(array.item())
    if array.ndim > 2 or max(array.shape, default=0) > SHOWN:
        shape = "×".join(map(str, array.shape))
        norm = _number(float(np.linalg.norm(array.ravel())))
        return say(
            "value of shape", shape=shape, norm=norm, low=_number(array.min()), high=_number(array.max())
        )
    rows = [", ".join(_number(x) for x in row) for row in np.atleast_2d(array)]
    return f"[{'; '.join(rows)}]"


def _number(value: float) -> str:
    return f"{value + 0.0:.6g}"


def missing(names: Sequence[str], found: Sequence[str]) -> GradworkError:
    """Return the error that some names of a formula have no value."""
    return GradworkError("no value", names=", ".join(names), first=names[0], given=", ".join(found) or "–")
