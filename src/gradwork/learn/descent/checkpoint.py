"""Checkpoints: one file with the arrays (safetensors) and the rest (JSON), written whole or not at all.

Its last 32 bytes are the SHA-256 of all before them, arrays and header alike.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.errors import GradworkError

FORMAT = "gradwork-checkpoint-3"
DIGEST = hashlib.sha256().digest_size


@contextlib.contextmanager
def replaced(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give the path of a temporary file beside `path`; put it in its place if nothing fails, else remove it."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f".{target.name}.{secrets.token_hex(4)}"
    temporary.touch(0o666, exist_ok=False)  # less the umask, as any file that one writes
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def check(path: str | os.PathLike[str]) -> None:
    """Raise GradworkError where a checkpoint cannot be written, before a run that would end with nothing kept."""
    target = Path(path)
    why = None
    if not target.parent.is_dir():
        why = f"there is no folder {target.parent}"
    elif target.is_dir():
        why = "it is a folder"
    elif not os.access(target.parent, os.W_OK | os.X_OK):
        why = f"the folder {target.parent} may not be written to"
    if why is not None:
        raise GradworkError("checkpoint cannot be written", target=target, why=why)


def save(path: str | os.PathLike[str], arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
    """Write one checkpoint file: the arrays, with `meta` (JSON) in the file's header.

    One file, so that arrays and meta can never belong to different moments. Raises GradworkError where it cannot be
    written, as on a full disk; the file that was there before is then still there.
    """
    from safetensors.numpy import save as encode

    # safetensors stores the buffer: it must be in C order, and a scalar must be an array
    plain = {name: np.ascontiguousarray(a).reshape(np.shape(a)) for name, a in arrays.items()}
    payload = encode(plain, metadata={"format": FORMAT, "meta": json.dumps(dict(meta))})
    try:
        with replaced(path) as temporary:
            temporary.write_bytes(payload + hashlib.sha256(payload).digest())
    except OSError as problem:
        raise GradworkError(
            "checkpoint not written", path=path, value=problem.strerror or problem
        ) from problem


def load(path: str | os.PathLike[str]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays and the meta of a checkpoint. Raises GradworkError for a file that is not one."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as decode

    target = Path(path)
    if not target.is_file():
        raise GradworkError("there is no checkpoint to resume", target=target)
    try:
        content = target.read_bytes()
        header = _header(content)
        if header.get("format") != FORMAT:
            raise GradworkError("checkpoint of another version", target=target)
        payload = content[:-DIGEST]
        if hashlib.sha256(payload).digest() != content[-DIGEST:]:
            raise GradworkError("checkpoint damaged", target=target)
        arrays = {name: np.array(a) for name, a in decode(payload).items()}
        return arrays, json.loads(header["meta"])
    except (
        SafetensorError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        RecursionError,
        OSError,
    ) as problem:
        raise GradworkError("checkpoint damaged", target=target) from problem


def _header(content: bytes) -> dict[str, Any]:
    """Return the metadata of a safetensors file: eight bytes of length, then JSON, of which they are one entry."""
    length = int.from_bytes(content[:8], "little")
    if not 0 < length <= len(content) - 8:
        raise ValueError("the header does not fit in the file")
    return json.loads(content[8 : 8 + length])["__metadata__"]
