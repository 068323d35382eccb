"""The folder of a fitted model: written whole or not at all, checked in full when read, never executed.

model.json              what the model is, how it was made, and the size and checksum of every other file
parameters.safetensors  its arrays
history.parquet         the record of the run, where there was one
summary.txt             the summary
report.html             the page
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from gradwork.errors import GradworkError
from gradwork.store.packing import pack, references, unpack
from gradwork.words.say import say

FORMAT = 1
KIND = "gradwork model"
MODEL, PARAMETERS, HISTORY = "model.json", "parameters.safetensors", "history.parquet"
SUMMARY, PAGE = "summary.txt", "report.html"
FILES = (MODEL, PARAMETERS, HISTORY, SUMMARY, PAGE)
# A description is text; parameters may be many. What is larger was not written by Gradwork.
LIMITS = {MODEL: 64 << 20, PARAMETERS: 16 << 30, HISTORY: 4 << 30, SUMMARY: 64 << 20}


class FolderError(GradworkError):
    """A folder that cannot be written or read: which, why, what to do."""


@dataclass(frozen=True)
class Saved:
    """What a folder holds: the model's description with its arrays in place, and what is said of how it was made."""

    folder: Path
    spec: dict[str, Any]
    about: dict[str, Any] = field(default_factory=dict)
    summary: str = ""

    def history(self) -> Any:
        """Return the record of the run, or None where there was none."""
        path = self.folder / HISTORY
        if not path.exists():
            return None
        from gradwork.learn.history import History

        try:
            return History.from_parquet(path)
        except (OSError, ValueError) as error:
            raise _damaged(self.folder, say("checksum", file=HISTORY)) from error


def check_free(folder: Path, overwrite: bool = False) -> None:
    """Raise FolderError if a model may not be written there: something is there, and it is not to be replaced."""
    if folder.is_file():
        raise FolderError("is a file", folder=folder)
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not overwrite:
        raise FolderError("exists", folder=folder)
    ours = {*FILES}
    if any(entry.name not in ours for entry in folder.iterdir()) or not (folder / MODEL).is_file():
        raise FolderError("exists not ours", folder=folder)


def save_folder(
    folder: str | os.PathLike[str],
    spec: Mapping[str, Any],
    *,
    about: Mapping[str, Any] | None = None,
    summary: str = "",
    page: str = "",
    history: Any = None,
    overwrite: bool = False,
) -> Path:
    """Write a model's folder, whole or not at all; return its path.

    spec: the model as plain data; NumPy arrays in it go to parameters.safetensors. about: how it was made.
    FolderError if it exists (unless `overwrite`), if the disk is full, or if it cannot be written.
    """
    folder = Path(folder)
    check_free(folder, overwrite)
    described, arrays = pack(spec)
    with _errors(folder), _beside(folder) as temporary:
        _write(temporary / PARAMETERS, _tensors(arrays))
        if history is not None and len(history):
            history.to_parquet(temporary / HISTORY)
        if summary:
            _write(temporary / SUMMARY, (summary.rstrip("\n") + "\n").encode())
        if page:
            _write(temporary / PAGE, page.encode())
        for path in temporary.iterdir():  # as readable as any file that the person makes
            path.chmod(0o666 & temporary.stat().st_mode)
        files = {p.name: _stamp(p) for p in sorted(temporary.iterdir())}
        data = {
            "kind": KIND,
            "format": FORMAT,
            "about": dict(about or {}),
            "model": described,
            "arrays": {k: {"shape": list(a.shape), "dtype": a.dtype.name} for k, a in arrays.items()},
            "files": files,
        }
        data["checksum"] = _checksum(data)
        _write(temporary / MODEL, json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False).encode())
        _move(temporary, folder, overwrite)
    return folder


def save(model: Any, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a fitted model's folder; return its path. See `save_folder`."""
    run = model.result if callable(model.fit) else model.fit
    history = None if run is None or run.solver == "closed" else run.history
    return save_folder(folder, model.spec(), summary=model.summary(), history=history, overwrite=overwrite)


def load(folder: str | os.PathLike[str]) -> Any:
    """Return the model in a folder, as `save` or `gradwork fit` wrote it.

    All of it is checked, and nothing in it is ever run. FolderError or TableError, with the reason, for a folder
    that is none, or that was changed.

    >>> import gradwork as gw
    >>> fitted = gw.fit({"x": [1.0, 2.0, 3.0, 4.0], "y": [2.1, 3.9, 6.2, 7.8]}, "y")
    >>> with tempfile.TemporaryDirectory() as place:
    ...     again = gw.load(fitted.save(Path(place) / "line"))
    >>> again.coefficients == fitted.coefficients
    True
    """
    return model_of(load_folder(folder))


def model_of(saved: Saved) -> Any:
    """Return the model that a folder described."""
    kind = saved.spec.get("type")
    if kind == "formula":
        from gradwork.models.formulas.fitted import FittedFormula

        return FittedFormula.from_spec(saved.spec)
    if kind == "network":
        from gradwork.models.networks.spec import network_from

        return network_from(saved.spec)
    if kind == "fitted network":
        from gradwork.models.networks.fitted import FittedNetwork

        return FittedNetwork.from_spec(saved.spec)
    from gradwork.models.tables.fitted import FittedModel

    return FittedModel.from_spec(saved.spec)


def load_folder(folder: str | os.PathLike[str]) -> Saved:
    """Return what a model's folder holds, after checking all of it; nothing in it is ever run.

    FolderError, with the reason, if there is none, or if anything in it is not what was written.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FolderError("no folder", folder=folder, nearest=_nearest(folder))
    data = _model(folder)
    arrays = _arrays(folder, data)
    return Saved(folder, unpack(data["model"], arrays), data["about"], _summary(folder, data))


# --- writing ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise FolderError("no space", folder=folder) from error
        why = error.strerror or str(error)
        raise FolderError("cannot write", folder=folder, why=why[:1].lower() + why[1:]) from error


@contextlib.contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """Yield a new folder beside `folder`, on the same disk; it is gone afterwards unless it was renamed."""
    parent = folder.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=parent))
    try:
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o777 & ~mask)
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _move(temporary: Path, folder: Path, overwrite: bool) -> None:
    """Put the new folder in place of whatever may be replaced there."""
    check_free(folder, overwrite)  # it may have come since
    old = None
    if folder.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.absolute().parent))
        os.rename(folder, old / folder.name)
    try:
        os.rename(temporary, folder)
    except OSError:
        if old is not None:
            os.rename(old / folder.name, folder)
        raise
    finally:
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)


def _tensors(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    from safetensors.numpy import save

    return save(dict(arrays))


def _stamp(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": _sha(path)}


def _sha(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checksum(data: Mapping[str, Any]) -> str:
    rest = {k: v for k, v in data.items() if k != "checksum"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


# --- reading ------------------------------------------------------------------------------------------------


def _damaged(folder: Path, why: str) -> FolderError:
    return FolderError("damaged", folder=folder, why=why)


def _nearest(folder: Path) -> str:
    import difflib

    parent = folder.absolute().parent
    if not parent.is_dir():
        return ""
    models = [p.name for p in parent.iterdir() if (p / MODEL).is_file()]
    found = difflib.get_close_matches(folder.name, models, 1, 0.5)
    return f"; did you mean '{folder.parent / found[0]}'?" if found else ""


def _read(folder: Path, name: str) -> bytes:
    path = folder / name
    limit = LIMITS[name]
    try:
        size = path.stat().st_size
        if size > limit:
            raise _damaged(folder, say("too large", file=name, size=_size(size), limit=_size(limit)))
        return path.read_bytes()
    except FileNotFoundError as error:
        raise _damaged(folder, say("gone", file=name)) from error
    except OSError as error:
        raise FolderError("cannot read", folder=folder / name, why=error.strerror or error) from error


def _model(folder: Path) -> dict[str, Any]:
    """Return model.json after checking it against its own checksum."""
    if not (folder / MODEL).is_file():
        raise FolderError("no model", folder=folder, file=MODEL)
    content = _read(folder, MODEL)
    try:
        data = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _damaged(folder, say("not json", file=MODEL)) from error
    if not isinstance(data, dict) or data.get("kind") != KIND:
        raise _damaged(folder, say("not json", file=MODEL))
    form = data.get("format")
    if isinstance(form, int) and form > FORMAT:
        raise FolderError("newer", folder=folder, format=form, known=FORMAT)
    checks: dict[str, Callable[[Any], bool]] = {
        "format": lambda v: v == FORMAT and not isinstance(v, bool),
        "about": lambda v: isinstance(v, dict),
        "model": lambda v: isinstance(v, dict),
        "arrays": _valid_arrays,
        "files": _valid_files,
    }
    for entry, valid in checks.items():
        if not valid(data.get(entry)):
            raise _damaged(folder, say("entry", file=MODEL, entry=entry))
    if data.get("checksum") != _checksum(data):
        raise _damaged(folder, say("checksum", file=MODEL))
    for name in data["files"]:
        _verify(folder, name, data["files"][name])
    return data


def _valid_arrays(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(a, dict)
        and isinstance(a.get("shape"), list)
        and all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in a["shape"])
        and a.get("dtype") in ("float64", "float32", "int64", "int32", "bool")
        for a in value.values()
    )


def _valid_files(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and PARAMETERS in value
        and all(
            name in FILES[1:]
            and isinstance(s, dict)
            and isinstance(s.get("bytes"), int)
            and isinstance(s.get("sha256"), str)
            for name, s in value.items()
        )
    )


def _verify(folder: Path, name: str, stamp: Mapping[str, Any]) -> None:
    """Compare a file with what was written; the page is for people, and theirs to change or delete."""
    if name == PAGE:
        return
    path = folder / name
    if not path.is_file():
        raise _damaged(folder, say("gone", file=name))
    size = path.stat().st_size
    if size != stamp["bytes"]:
        raise _damaged(folder, say("length", file=name, size=size, expected=stamp["bytes"]))
    if _sha(path) != stamp["sha256"]:
        raise _damaged(folder, say("checksum", file=name))


def _arrays(folder: Path, data: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    content = _read(folder, PARAMETERS)
    try:
        arrays = load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise _damaged(folder, say("checksum", file=PARAMETERS)) from error
    if set(arrays) != set(data["arrays"]) or not references(data["model"]) <= set(arrays):
        raise _damaged(folder, say("tensors", file=PARAMETERS))
    for name, array in arrays.items():
        expected = data["arrays"][name]
        if list(array.shape) != expected["shape"] or array.dtype.name != expected["dtype"]:
            raise _damaged(
                folder,
                say(
                    "tensor",
                    file=PARAMETERS,
                    name=name,
                    shape=_shape(array.shape),
                    expected=_shape(expected["shape"]),
                ),
            )
    return arrays


def _summary(folder: Path, data: Mapping[str, Any]) -> str:
    return _read(folder, SUMMARY).decode("utf-8") if SUMMARY in data["files"] else ""


def _shape(shape: Any) -> str:
    return "×".join(str(n) for n in shape) or "scalar"


def _size(count: int) -> str:
    return f"{count / (1 << 20):.0f} MiB" if count >= 1 << 20 else f"{count} bytes"
