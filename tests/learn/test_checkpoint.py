"""Checkpoints: whole or not at all; a run that was killed goes on to the same parameters bit for bit."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
import textwrap
import time
import timeit
from pathlib import Path

import numpy as np
import pytest

import gradwork as gw
from gradwork.learn.callbacks import Callback
from gradwork.learn.descent import checkpoint, run_state
from gradwork.learn.descent.run import descend
from gradwork.learn.descent.run_state import digest
from gradwork.learn.stopping import Stopping

from .problems import MSE, X, b, linear, network, numbers, y

NEVER = Stopping(gradient_norm=None, growth=None)


class Killed(Exception):
    pass


class KillAt(Callback):
    def __init__(self, unit, every=1):
        self.unit, self.every = unit, every

    def after(self, progress):
        if progress.unit > self.unit:
            raise Killed
        return None


CASES = {
    "full batch": (network, {"epochs": 60}),
    "minibatches": (network, {"epochs": 20, "batch_size": 7}),
    "hoisted": (linear, {"epochs": 600, "hoist": True}),
    "steps recorded": (linear, {"epochs": 20, "batch_size": 25, "record": "step"}),
    "scheduled": (linear, {"epochs": 20, "batch_size": 25, "schedule": gw.learn.cosine(0.05, 40)}),
}


@pytest.mark.parametrize("target", ["numpy", "xla"])
@pytest.mark.parametrize("name", list(CASES))
def test_a_killed_run_resumes_bit_for_bit(name, target, tmp_path):
    make, options = CASES[name]
    options = {"optimizer": gw.Adam(0.01), "target": target, "stopping": NEVER, **options}
    whole = descend(make(), **options)
    path = tmp_path / "run.checkpoint"
    with pytest.raises(Killed):
        descend(
            make(), checkpoint=path, checkpoint_seconds=0, callbacks=KillAt(options["epochs"] // 2), **options
        )
    resumed = descend(make(), checkpoint=path, resume=True, **options)
    for parameter in whole.parameters:
        np.testing.assert_array_equal(resumed[parameter], whole[parameter])
    np.testing.assert_array_equal(resumed.history.loss, whole.history.loss)
    np.testing.assert_array_equal(resumed.history.step, whole.history.step)
    assert resumed.reason == whole.reason and resumed.loss == whole.loss
    assert [p.name for p in tmp_path.iterdir()] == ["run.checkpoint"]


def test_patience_survives_a_kill(tmp_path):
    x, t = numbers(12, 8)
    vx, vy = numbers(40, 8, seed=5)
    objective = gw.learn.Objective(
        MSE, {b: None}, {X: x, y: t + np.random.default_rng(1).normal(size=12) * 3}
    )
    options = {
        "optimizer": gw.SGD(0.02), "epochs": 3000, "validation": {X: vx, y: vy}, "target": "numpy",
        "stopping": Stopping(patience=200, gradient_norm=None),
    }  # fmt: skip
    whole = descend(objective, **options)
    assert whole.stop.kind == "patience"
    path = tmp_path / "c"
    kill_at = whole.epochs + 50  # after the best epoch, before the end
    with pytest.raises(Killed):
        descend(
            objective, checkpoint=path, checkpoint_seconds=0, callbacks=KillAt(kill_at, every=5), **options
        )
    resumed = descend(objective, checkpoint=path, resume=True, **options)
    np.testing.assert_array_equal(resumed["b"], whole["b"])
    assert resumed.reason == whole.reason


def test_a_finished_run_resumes_to_itself_and_further(tmp_path):
    path = tmp_path / "c"
    first = descend(network(), gw.Adam(0.01), epochs=20, checkpoint=path, stopping=NEVER, target="numpy")
    again = descend(network(), gw.Adam(0.01), epochs=20, checkpoint=path, resume=True, stopping=NEVER)
    np.testing.assert_array_equal(first["W1"], again["W1"])
    np.testing.assert_array_equal(first.history.loss, again.history.loss)
    further = descend(network(), gw.Adam(0.01), epochs=35, checkpoint=path, resume=True, stopping=NEVER)
    whole = descend(network(), gw.Adam(0.01), epochs=35, stopping=NEVER, target="numpy")
    np.testing.assert_array_equal(further["W1"], whole["W1"])
    np.testing.assert_array_equal(further.history.loss, whole.history.loss)


def test_a_process_that_is_killed_resumes(tmp_path):
    path = tmp_path / "c"
    program = textwrap.dedent(
        f"""
        import os, signal, sys
        sys.path[:0] = {[str(Path(gw.__file__).parents[1]), str(Path(__file__).parents[2])]!r}
        import gradwork as gw
        from tests.learn.problems import network
        from tests.learn.test_checkpoint import NEVER
        def die(progress):
            if progress.unit > 30:
                os.kill(os.getpid(), signal.SIGKILL)
        die.every = 1
        gw.learn.descend(network(), gw.Adam(0.01), epochs=50, checkpoint={str(path)!r}, checkpoint_seconds=0,
                         callbacks=gw.learn.callbacks.Called(die, every=1), stopping=NEVER, target="numpy")
        """
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    resumed = descend(network(), gw.Adam(0.01), epochs=50, checkpoint=path, resume=True, stopping=NEVER)
    whole = descend(network(), gw.Adam(0.01), epochs=50, stopping=NEVER, target="numpy")
    np.testing.assert_array_equal(resumed["W1"], whole["W1"])


def test_another_run_is_not_resumed(tmp_path):
    path = tmp_path / "c"
    descend(network(), gw.Adam(0.01), epochs=3, checkpoint=path)
    for other, message in [
        ({"objective": network(), "optimizer": gw.Adam(0.02)}, "its numbers is|its rate is"),
        ({"objective": linear(), "optimizer": gw.Adam(0.01)}, "its loss is"),
        ({"objective": network(rows=30), "optimizer": gw.Adam(0.01)}, "its shapes is"),
        ({"objective": network(), "optimizer": gw.Adam(0.01), "batch_size": 5}, "its batches is"),
    ]:
        with pytest.raises(gw.GradworkError, match=message):
            descend(**other, epochs=5, checkpoint=path, resume=True)


def test_changed_data_are_not_resumed(tmp_path):
    path, (x, t), (vx, vy) = tmp_path / "c", numbers(), numbers(20, 3, seed=3)

    def run(x, t, resume, **options):
        o = gw.learn.Objective(MSE, {b: None}, {X: x, y: t})
        return descend(o, gw.SGD(0.01), epochs=4, checkpoint=path, resume=resume, **options)

    run(x, t, False)
    run(x.copy(), t.copy(), True)
    other = t.copy()
    other[17] = np.nextafter(other[17], 9)
    with pytest.raises(gw.GradworkError, match="on other data: the numbers in y have changed") as error:
        run(x, other, True)
    assert "\n" not in str(error.value)
    with pytest.raises(gw.GradworkError, match="the numbers in X, y have changed"):
        run(x[::-1], t[::-1], True)
    run(x, t, False, validation={X: vx, y: vy})
    with pytest.raises(gw.GradworkError, match=r"the numbers in y \(validation\) have changed"):
        run(x, t, True, validation={X: vx, y: vy + 1})
    with pytest.raises(gw.GradworkError, match="its data is"):
        run(x, t, True)


def test_a_digest_tells_arrays_apart_whatever_their_layout(monkeypatch):
    a = np.arange(24.0).reshape(4, 6)
    same = [a, a.copy(), np.asfortranarray(a), np.repeat(a, 2, axis=0)[::2]]
    assert len({digest(x) for x in same}) == 1
    assert digest(np.array(1.0)) != digest(np.array(2.0))
    assert digest(np.zeros((0, 3))) == digest(np.zeros((0, 3)))
    monkeypatch.setattr(run_state, "WHOLE", 50)  # as if these were large: some numbers, and the sum of all
    assert len({digest(x) for x in same}) == 1
    for i in range(24):
        changed = a.copy()
        changed.flat[i] += 1e-9 if i else 1e-300
        assert digest(changed) != digest(a)
    assert digest(a.astype(np.float32)) != digest(a.astype(np.float32) + 1)


def test_a_digest_is_quick():
    a = np.ones((200_000, 50))
    best = min(timeit.repeat(lambda: digest(a), timer=time.process_time, number=1, repeat=5))
    assert best < 0.15


def test_a_finished_run_says_that_nothing_was_left(tmp_path):
    path = tmp_path / "c"
    descend(linear(), "sgd", epochs=5, checkpoint=path, stopping=NEVER)
    again = descend(linear(), "sgd", epochs=5, checkpoint=path, resume=True, stopping=NEVER)
    assert str(again.reason) == "nothing was left to do: the checkpoint holds the whole run of 5 epochs"
    with pytest.raises(gw.GradworkError, match="holds 5 epochs, and 4 are asked for"):
        descend(linear(), "sgd", epochs=4, checkpoint=path, resume=True, stopping=NEVER)
    with pytest.raises(gw.GradworkError, match="there is no checkpoint .* to resume from"):
        descend(linear(), "sgd", epochs=4, checkpoint=tmp_path / "other", resume=True)


def test_a_place_where_nothing_can_be_written_is_refused_before_training(tmp_path, monkeypatch):
    def train(path):
        return descend(linear(), "sgd", epochs=3, checkpoint=path, callbacks=KillAt(0))

    with pytest.raises(gw.GradworkError, match="cannot be written: there is no folder"):
        train(tmp_path / "none" / "x")
    assert not (tmp_path / "none").exists()
    with pytest.raises(gw.GradworkError, match="cannot be written: it is a folder"):
        train(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(gw.GradworkError, match="may not be written to"):
        train(tmp_path / "x")


def test_a_full_disk_costs_the_checkpoint_but_not_the_run(tmp_path, monkeypatch):
    path = tmp_path / "c"
    whole = descend(linear(), "sgd", epochs=6, checkpoint=path, stopping=NEVER)
    before, write = path.read_bytes(), Path.write_bytes

    def full(self, data):
        write(self, data[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(gw.GradworkError, match="cannot be written: No space left on device") as error:
        checkpoint.save(path, {"a": np.arange(3)}, {})
    assert "\n" not in str(error.value)
    fit = descend(linear(), "sgd", epochs=6, checkpoint=path, checkpoint_seconds=0, stopping=NEVER)
    assert str(fit.reason).startswith("ran the 6 epochs that were asked for; the checkpoint ")
    assert str(fit.reason).endswith("cannot be written: No space left on device")
    np.testing.assert_array_equal(fit["b"], whole["b"])
    assert os.listdir(tmp_path) == ["c"] and path.read_bytes() == before


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_files_have_the_mode_that_the_umask_gives(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        checkpoint.save(tmp_path / "c", {"a": np.arange(3)}, {})
    finally:
        os.umask(before)
    assert (tmp_path / "c").stat().st_mode & 0o777 == mode


def test_damaged_files_are_refused_in_one_line(tmp_path):
    path = tmp_path / "c"
    with pytest.raises(gw.GradworkError, match="there is no checkpoint"):
        descend(linear(), "sgd", epochs=3, checkpoint=path, resume=True)
    descend(linear(), "sgd", epochs=3, checkpoint=path)
    whole = path.read_bytes()
    for damaged in (
        whole[:50],
        whole[:-20],
        b"",
        b"\x00" * 100,
        whole.replace(b"gradwork-checkpoint", b"gradwork_checkpoint"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(gw.GradworkError) as error:
            descend(linear(), "sgd", epochs=3, checkpoint=path, resume=True)
        assert "\n" not in str(error.value) and str(path) in str(error.value)


def test_no_changed_bit_is_resumed(tmp_path):
    path = tmp_path / "c"
    descend(linear(), "adam", epochs=3, checkpoint=path)
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    places = [*random.integers(0, len(whole), 300), *range(len(whole) - 160, len(whole)), *range(12)]
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= 1 << int(random.integers(8))
        path.write_bytes(changed)
        with pytest.raises(gw.GradworkError) as error:
            checkpoint.load(path)
        assert error.value.key in ("checkpoint damaged", "checkpoint of another version"), place
    path.write_bytes(whole)
    assert checkpoint.load(path)[1]["unit"] == 3


@pytest.mark.parametrize("signed", [False, True], ids=["as it is", "with a checksum made anew"])
def test_an_edited_header_is_refused_in_one_line(signed, tmp_path):
    path = tmp_path / "c"
    descend(linear(), "sgd", epochs=3, checkpoint=path)
    whole = path.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])
    tensors = whole[8 + length : -checkpoint.DIGEST]
    edited = []
    for meta in ("[]", "null", "7", "{", "{}", '{"fingerprint": null}', "[" * 100_000):
        edited.append(header | {"__metadata__": header["__metadata__"] | {"meta": meta}})
    edited += [header | {"__metadata__": bad} for bad in (None, [], {}, 3)]
    for content in (*edited, [], None, {}):
        written = json.dumps(content).encode()
        damaged = len(written).to_bytes(8, "little") + written + tensors
        path.write_bytes(
            damaged + (hashlib.sha256(damaged).digest() if signed else whole[-checkpoint.DIGEST :])
        )
        with pytest.raises(gw.GradworkError) as error:
            descend(linear(), "sgd", epochs=3, checkpoint=path, resume=True)
        assert "\n" not in str(error.value) and str(path) in str(error.value)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "c"
    checkpoint.save(path, {"a": np.arange(3), "s": np.float64(2)}, {"x": 1})
    with pytest.raises(OSError), checkpoint.replaced(path) as temporary:
        temporary.write_text("half")
        raise OSError("the disk is full")
    arrays, meta = checkpoint.load(path)
    assert arrays["a"].tolist() == [0, 1, 2] and arrays["s"].shape == () and meta == {"x": 1}
    assert os.listdir(tmp_path) == ["c"]
