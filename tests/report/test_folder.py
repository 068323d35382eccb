"""The folder of a model: written whole or not at all, read only if it is what was written."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from gradwork.learn.history import History
from gradwork.store import folder as module
from gradwork.store.folder import FolderError, check_free, load_folder, save_folder
from gradwork.store.packing import pack, unpack

SPEC = {
    "model": "linear",
    "parameters": {"b": np.array([1.5, -2.0, 1 / 3])},
    "degree": 3,
    "mean": float("nan"),
}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    history = History.from_dict({"epoch": [0, 1], "step": [0, 1], "loss": [2.0, 1.0]})
    return save_folder(
        tmp_path / "quiz-linear", SPEC, about={"command": "gradwork fit quiz.csv"}, summary="R² 0.9998",
        page="<!DOCTYPE html>", history=history,
    )  # fmt: skip


def rewrite(path: Path, **changes: object) -> None:
    """Change model.json and set its own checksum right again, as someone who knows it would."""
    data = json.loads((path / "model.json").read_text(encoding="utf-8"))
    data |= changes
    data["checksum"] = module._checksum(data)
    (path / "model.json").write_text(json.dumps(data), encoding="utf-8")


def test_what_is_saved_is_loaded_to_the_last_bit(saved: Path):
    found = load_folder(saved)
    assert found.spec["parameters"]["b"].tolist() == SPEC["parameters"]["b"].tolist()
    assert found.spec["model"] == "linear" and found.spec["degree"] == 3 and np.isnan(found.spec["mean"])
    assert found.about == {"command": "gradwork fit quiz.csv"}
    assert found.summary == "R² 0.9998\n"
    assert found.history().loss.tolist() == [2.0, 1.0]
    assert sorted(p.name for p in saved.iterdir()) == [
        "history.parquet", "model.json", "parameters.safetensors", "report.html", "summary.txt",
    ]  # fmt: skip


def test_a_model_without_a_run_has_no_history(tmp_path: Path):
    path = save_folder(tmp_path / "m", SPEC)
    assert not (path / "history.parquet").exists() and load_folder(path).history() is None


def test_pack_and_unpack_are_inverse():
    spec = {
        "a": [np.arange(3), {"b": np.eye(2)}],
        "c": float("inf"),
        "d": None,
        "e": True,
        "f": np.float64(2.5),
    }
    described, arrays = pack(spec)
    json.dumps(described, allow_nan=False)
    assert sorted(arrays) == ["a.0", "a.1.b"]
    back = unpack(described, arrays)
    assert back["a"][0].tolist() == [0, 1, 2] and back["a"][1]["b"].tolist() == [[1, 0], [0, 1]]
    assert back["c"] == float("inf") and back["d"] is None and back["e"] is True and back["f"] == 2.5


def test_an_existing_folder_is_left_alone(saved: Path):
    before = (saved / "model.json").read_bytes()
    with pytest.raises(
        FolderError, match="exists already\n  choose another with --out, or replace it with --overwrite"
    ):
        save_folder(saved, SPEC)
    assert (saved / "model.json").read_bytes() == before


def test_overwrite_replaces_a_model_and_nothing_else(saved: Path, tmp_path: Path):
    save_folder(saved, {"model": "poly"}, overwrite=True)
    assert load_folder(saved).spec == {"model": "poly"}
    assert [p.name for p in tmp_path.iterdir()] == [saved.name]
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter1.tex").write_text("precious", encoding="utf-8")
    with pytest.raises(FolderError, match="holds no model of Gradwork"):
        save_folder(other, SPEC, overwrite=True)
    assert (other / "chapter1.tex").read_text(encoding="utf-8") == "precious"
    (saved / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(FolderError, match="holds no model of Gradwork"):
        save_folder(saved, SPEC, overwrite=True)


def test_an_empty_folder_is_filled_and_a_file_is_refused(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    save_folder(tmp_path / "empty", SPEC)
    load_folder(tmp_path / "empty")
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(FolderError, match="is a file; --out names a folder"):
        check_free(tmp_path / "file")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("step", ["_write", "_move"])
def test_a_full_disk_is_said_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, step: str
):
    def full(*args: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(module, step, full)
    with pytest.raises(FolderError, match="no space is left on the disk for .*m; nothing was written"):
        save_folder(tmp_path / "m", SPEC)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_while_the_history_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    history = History.from_dict({"epoch": [0], "step": [0], "loss": [1.0]})

    def full(self: History, path: Path) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(History, "to_parquet", full)
    with pytest.raises(FolderError, match="no space is left"):
        save_folder(tmp_path / "m", SPEC, history=history)
    assert list(tmp_path.iterdir()) == []


def test_overwriting_keeps_the_old_model_if_the_new_one_cannot_be_put_there(
    saved: Path, monkeypatch: pytest.MonkeyPatch
):
    real, calls = os.rename, []

    def fails_second(a: object, b: object) -> None:
        calls.append(a)
        if len(calls) == 2:
            raise OSError(errno.EIO, "Input/output error")
        real(a, b)

    monkeypatch.setattr(os, "rename", fails_second)
    with pytest.raises(FolderError, match="cannot be written: input/output error; nothing was left behind"):
        save_folder(saved, {"model": "new"}, overwrite=True)
    monkeypatch.undo()
    assert load_folder(saved).spec["model"] == "linear"
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


def test_a_folder_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def denied(*args: object, **kwargs: object) -> str:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(module.tempfile, "mkdtemp", denied)
    with pytest.raises(FolderError, match="cannot be written: permission denied"):
        save_folder(tmp_path / "m", SPEC)


def test_no_folder_and_no_model(saved: Path, tmp_path: Path):
    with pytest.raises(FolderError, match="there is no folder .*quiz-lin; did you mean '.*quiz-linear'?"):
        load_folder(tmp_path / "quiz-lin")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FolderError, match="holds no model: model.json is not there"):
        load_folder(tmp_path / "empty")


@pytest.mark.parametrize("name", ["parameters.safetensors", "history.parquet", "summary.txt", "model.json"])
def test_a_truncated_file_is_refused(saved: Path, name: str):
    path = saved / name
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(FolderError, match=r"(?s)cannot be used: .*fit the model again") as caught:
        load_folder(saved)
    assert name in str(caught.value)


@pytest.mark.parametrize("name", ["parameters.safetensors", "history.parquet", "summary.txt"])
def test_a_changed_byte_is_refused(saved: Path, name: str):
    path = saved / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(FolderError, match=f"{name} is not what was written"):
        load_folder(saved)


@pytest.mark.parametrize("name", ["parameters.safetensors", "history.parquet", "summary.txt"])
def test_a_missing_file_is_refused(saved: Path, name: str):
    (saved / name).unlink()
    with pytest.raises(FolderError, match=f"{name} is missing"):
        load_folder(saved)


def test_the_page_belongs_to_people(saved: Path):
    (saved / "report.html").unlink()
    assert load_folder(saved).spec["model"] == "linear"


def test_a_changed_description_is_refused(saved: Path):
    text = (saved / "model.json").read_text(encoding="utf-8").replace('"linear"', '"logistic"')
    (saved / "model.json").write_text(text, encoding="utf-8")
    with pytest.raises(FolderError, match="model.json is not what was written"):
        load_folder(saved)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not the JSON"),
        (b"{", "not the JSON"),
        (b"[1, 2]", "not the JSON"),
        (b'{"kind": "something else"}', "not the JSON"),
        (b"\xff\xfe", "not the JSON"),
        (b"[" * 100_000, "not the JSON"),
        (b'{"kind": "gradwork model"}', "no valid 'format'"),
        (b'{"kind": "gradwork model", "format": true}', "no valid 'format'"),
        (b'{"kind": "gradwork model", "format": 99}', "was written by a newer Gradwork"),
        (b'{"kind": "gradwork model", "format": 1, "about": {}, "model": []}', "no valid 'model'"),
        (b'{"kind": "gradwork model", "format": 1, "about": {}, "model": {}, "arrays": {"b": {"shape": [-1]}}}', "no valid 'arrays'"),
        (b'{"kind": "gradwork model", "format": 1, "about": {}, "model": {}, "arrays": {}, "files": {}}', "no valid 'files'"),
    ],
)  # fmt: skip
def test_descriptions_that_are_none(saved: Path, content: bytes, why: str):
    (saved / "model.json").write_bytes(content)
    with pytest.raises(FolderError, match=why):
        load_folder(saved)


def test_files_outside_the_folder_cannot_be_named(saved: Path):
    data = json.loads((saved / "model.json").read_text(encoding="utf-8"))
    stamp = data["files"]["summary.txt"]
    rewrite(saved, files=data["files"] | {"../../etc/passwd": stamp})
    with pytest.raises(FolderError, match="no valid 'files'"):
        load_folder(saved)


def test_arrays_that_do_not_fit_the_description(saved: Path):
    rewrite(saved, model={"b": {"array": "nowhere"}})
    with pytest.raises(FolderError, match="holds other arrays"):
        load_folder(saved)
    rewrite(saved, model={}, arrays={"parameters.b": {"shape": [4], "dtype": "float64"}})
    with pytest.raises(FolderError, match="array 'parameters.b' has the shape 3, expected 4"):
        load_folder(saved)


def test_too_large_a_description_is_not_read(saved: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(module.LIMITS, "model.json", 10)
    with pytest.raises(FolderError, match="model.json is .* bytes; at most 10 bytes is read"):
        load_folder(saved)
