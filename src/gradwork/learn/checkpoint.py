"""Checkpoints: a folder with the arrays (safetensors) and the rest (JSON), written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.errors import GradworkError

FORMAT = "gradwork-checkpoint-1"


@contextlib.contextmanager
def replaced(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give the path of a temporary file beside `path`; put it in its place if nothing fails, else remove it."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def save(path: str | os.PathLike[str], arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
    """Write one checkpoint file: the arrays, with `meta` (JSON) in the file's header.

    One file, so that arrays and meta can never belong to different moments.
    """
    from safetensors.numpy import save as encode

    # safetensors stores the buffer: it must be in C order, and a scalar must be an array
    plain = {name: np.ascontiguousarray(a).reshape(np.shape(a)) for name, a in arrays.items()}
    payload = encode(plain, metadata={"format": FORMAT, "meta": json.dumps(dict(meta))})
    with replaced(path) as temporary:
        temporary.write_bytes(payload)


def load(path: str | os.PathLike[str]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays and the meta of a checkpoint. Raises GradworkError for a file that is not one."""
    from safetensors import SafetensorError, safe_open

    target = Path(path)
    if not target.is_file():
        raise GradworkError(f"there is no checkpoint {target}")
    try:
        with safe_open(target, "numpy") as file:
            header = file.metadata() or {}
            if header.get("format") != FORMAT:
                raise GradworkError(f"{target} is not a checkpoint of this version of Gradwork")
            return {name: file.get_tensor(name) for name in file.keys()}, json.loads(header["meta"])  # noqa: SIM118
    except (SafetensorError, KeyError, json.JSONDecodeError, OSError) as problem:
        raise GradworkError(f"{target} is damaged and cannot be read as a checkpoint") from problem
