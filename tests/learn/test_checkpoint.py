"""Checkpoints: whole or not at all; a run that was killed goes on to the same parameters bit for bit."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import gradwork as gw
from gradwork.learn import checkpoint
from gradwork.learn.callbacks import Callback
from gradwork.learn.descent import descend
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


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "c"
    checkpoint.save(path, {"a": np.arange(3), "s": np.float64(2)}, {"x": 1})
    with pytest.raises(OSError), checkpoint.replaced(path) as temporary:
        temporary.write_text("half")
        raise OSError("the disk is full")
    arrays, meta = checkpoint.load(path)
    assert arrays["a"].tolist() == [0, 1, 2] and arrays["s"].shape == () and meta == {"x": 1}
    assert os.listdir(tmp_path) == ["c"]
