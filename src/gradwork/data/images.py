"""Images and other samples that are arrays: the shape of an image, and `.npz` files with X and y."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.data.design import Design, _chosen, _feature, _keep
from gradwork.data.encoding import Encoding
from gradwork.data.reading import _file_errors
from gradwork.data.tables import Table
from gradwork.data.targets import target
from gradwork.errors import GradworkError, TableError

Array = NDArray[Any]

LARGEST = 100_000  # pixels along one side


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples that are arrays. X: n × the shape of one; y: n labels or numbers, or None."""

    source: str
    X: Array
    y: Array | None = None

    @property
    def rows(self) -> int:
        """How many samples there are."""
        return len(self.X)


def image_shape(text: str) -> tuple[int, int, int]:
    """Return height, width and channels from "8x8x1", or "8x8" for one channel.

    >>> image_shape("28x28"), image_shape("32×32×3")
    ((28, 28, 1), (32, 32, 3))
    """
    parts = text.strip().lower().replace("×", "x").split("x")
    if len(parts) not in (2, 3) or not all(p.isascii() and p.isdigit() for p in parts):
        raise GradworkError("image is height x width x", given=text)
    sizes = [int(p) for p in parts]
    if min(sizes) < 1 or max(sizes) > LARGEST:
        raise GradworkError("sides of image are from 1", largest=LARGEST, given=text)
    height, width, *channels = sizes
    return height, width, (channels or [1])[0]


def check_fills(count: int, image: tuple[int, ...], source: str) -> None:
    """Raise TableError unless that many columns are the pixels of an image."""
    pixels = math.prod(image)
    if count != pixels:
        shape = "×".join(map(str, image))
        one = "column does" if count == 1 else "columns do"
        raise TableError(
            "columns do not fill the image", place=source, count=count, one=one, shape=shape, pixels=pixels
        )


def read_samples(path: str | Path, labels: str = "y") -> Samples:
    """Return the samples in an .npz file: X, n × the shape of one, and y (or the array that `labels` names), if there.

    Nothing in the file is executed: arrays of Python objects are refused. Raises TableError.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(Path(folder) / "digits.npz", X=np.zeros((3, 8, 8)), y=[0, 1, 2])
    ...     samples = read_samples(Path(folder) / "digits.npz")
    >>> samples.X.shape, samples.y.tolist()
    ((3, 8, 8), [0, 1, 2])
    """
    path = Path(path)
    name = path.name
    with _file_errors(path), open(path, "rb") as file:
        if file.read(2) != b"PK":
            raise TableError("not an npz file", name=name)
        file.seek(0)
        try:
            with np.load(file, allow_pickle=False) as found:
                return _samples(
                    name, {key: found[key] for key in found.files if key in ("X", labels)}, found.files
                )
        except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, OSError, ValueError) as error:
            if isinstance(error, GradworkError):
                raise
            why = str(error).splitlines()[0] if str(error) else type(error).__name__
            if "pickle" in why:
                why = "it holds Python objects, which are not read; save arrays of numbers or of text"
            else:
                why = f"it is damaged or truncated ({why})"
            raise TableError("file cannot be read", name=name, why=why) from error


def _samples(name: str, arrays: dict[str, Array], names: list[str]) -> Samples:
    X = arrays.pop("X", None)
    if not isinstance(X, np.ndarray):
        held = f"it holds {', '.join(names)}" if names else "it is empty"
        raise TableError("no array X", name=name, held=held)
    if X.dtype.kind not in "buif":
        raise TableError("X holds not numbers", name=name, X_dtype_name=X.dtype.name)
    if X.ndim < 2 or not X.size:
        shape = "×".join(map(str, X.shape)) or "a single number"
        raise TableError("X holds samples along its first", name=name, shape=shape)
    if X.dtype.kind == "f" and not np.isfinite(X).all():
        row = int(np.flatnonzero(~np.isfinite(X.reshape(len(X), -1)).all(axis=1))[0])
        raise TableError("X holds value", name=name, row=row + 1)
    y = next(iter(arrays.values()), None)
    if y is not None:
        y = _labels(name, y, len(X))
    return Samples(name, X, y)


def _labels(name: str, y: Array, rows: int) -> Array:
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.shape != (rows,):
        shape = "×".join(map(str, y.shape)) or "a single value"
        raise TableError("y holds one label or number", name=name, rows=rows, shape=shape)
    if y.dtype.kind not in "buifU":
        raise TableError("y holds labels are text booleans", name=name, y_dtype_name=y.dtype.name)
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        row = int(np.flatnonzero(~np.isfinite(y))[0])
        raise TableError("y not finite for sample", name=name, y=y[row], row=row + 1)
    return y


def image_table(
    table: Table, target_name: str, image: tuple[int, ...], features: Sequence[str] | None = None, *,
    missing: str = "error", kind: str | None = None,
) -> Design:  # fmt: skip
    """Return the pixels of a table with one image in each row, and its target.

    The columns (all but the target, or `features`) are the pixels row by row, the channels of each together; unlike
    other features they may be constant. TableError if they do not fill the image.

    >>> table = Table.from_any({"p1": [0, 9], "p2": [0, 0], "label": ["a", "b"]})
    >>> image_table(table, "label", (1, 2, 1)).X.tolist()
    [[0.0, 0.0], [9.0, 0.0]]
    """
    table[target_name]
    chosen = _chosen(table, target_name, features)
    check_fills(len(chosen), image, table.source)
    for name in chosen:
        table.numbers(name)  # says where there is text
    kept, notes = _keep(table, target_name, chosen, missing)
    part = table if len(kept) == table.rows else table.take(kept)
    goal = target(part, target_name, kind)
    made = tuple(_feature(part, part[name], []) for name in chosen)
    encoding = Encoding(made, target_name, goal.kind, goal.levels)
    return Design(encoding.apply(part), encoding.names, goal, encoding, kept, tuple(notes))
