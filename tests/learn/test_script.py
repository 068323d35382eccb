"""The exported script repeats the run without Gradwork."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import gradwork as gw
from gradwork.learn.descent.run import descend
from gradwork.learn.objective import Objective
from gradwork.learn.stopping import Stopping

from .problems import MSE, X, b, linear, logistic, network, numbers, y

NEVER = Stopping(gradient_norm=None, growth=None)


def repeat(fit, folder, data=None):
    script, out = folder / "train.py", folder / "out.npz"
    script.write_text(fit.script("numpy"), encoding="utf-8")
    if data is None:
        data = folder / "data.npz"
        np.savez(data, **fit.objective.data)
    # -I: no user site, no environment, not this folder; and Gradwork is out of reach.
    code = f"import sys, runpy; sys.modules['gradwork'] = None; sys.argv = {['train.py', str(data), str(out)]!r}; runpy.run_path({str(script)!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-I", "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "gradwork" not in [
        line.split()[1] for line in script.read_text().splitlines() if line.startswith(("import", "from"))
    ]
    with np.load(out) as found:
        return dict(found), done.stdout


CASES = {
    "full batch": lambda: descend(linear(), gw.SGD(0.05), epochs=30, target="numpy", hoist=False),
    "minibatches": lambda: descend(
        logistic(), gw.Adam(gw.learn.cosine(0.05, 30)), epochs=4, batch_size=7, seed=3, target="numpy"
    ),
    "network": lambda: descend(
        network(), gw.RMSprop(0.01, clipvalue=0.5), epochs=5, batch_size=16, target="numpy"
    ),
    "wide start": lambda: descend(
        Objective(MSE, {b: "normal"}, dict(zip([X, y], numbers(30, 80))), seed=2),
        gw.Momentum(1e-3),
        epochs=6,
        target="numpy",
        hoist=False,
    ),
    "single precision": lambda: descend(
        logistic(dtype="float32"), "adam", epochs=3, batch_size=7, target="numpy"
    ),
    "in order": lambda: descend(
        linear(dtype="float32"), "sgd", epochs=3, batch_size=9, shuffle=False, target="numpy"
    ),
}


@pytest.mark.parametrize("name", list(CASES))
def test_the_script_repeats_a_run_bit_for_bit(name, tmp_path):
    fit = CASES[name]()
    found, printed = repeat(fit, tmp_path)
    assert set(found) == set(fit.parameters)
    for parameter in found:
        np.testing.assert_array_equal(found[parameter], fit[parameter])
        assert found[parameter].dtype == getattr(fit[parameter], "dtype", found[parameter].dtype)
    assert float(printed.split()[1]) == fit.loss


def test_compiled_and_hoisted_runs_are_repeated_up_to_rounding(tmp_path):
    fit = descend(linear(), gw.Nesterov(0.01), epochs=400, target="xla", hoist=True, stopping=NEVER)
    np.testing.assert_allclose(repeat(fit, tmp_path)[0]["b"], fit["b"], rtol=1e-11)


def test_a_run_that_stopped_early_ends_at_the_same_step(tmp_path):
    fit = descend(
        linear(), gw.SGD(0.1), epochs=5000, target="numpy", hoist=False, stopping=Stopping(gradient_norm=1e-6)
    )
    assert fit.converged and f"range(1, {fit.steps} + 1)" in fit.script("numpy")
    np.testing.assert_array_equal(repeat(fit, tmp_path)[0]["b"], fit["b"])


def test_bounded_parameters_come_out_on_the_formulas_scale(tmp_path):
    p, lam = gw.scalar("p"), gw.scalar("lam")
    data = {y: np.array([0.0, 1, 1, 0, 1]), lam: 0.5}
    loss = gw.mean(y) * gw.log(p) + (1 - gw.mean(y)) * gw.log(1 - p) - lam * p
    fit = descend(
        Objective(loss, {p: 0.3}, data, maximize=True, bounds={p: (0, 1)}),
        gw.SGD(0.5),
        epochs=40,
        target="numpy",
    )
    found, printed = repeat(fit, tmp_path)
    np.testing.assert_allclose(found["p"], fit["p"], rtol=1e-15)
    assert float(printed.split()[1]) == pytest.approx(fit.loss, rel=1e-14)


def test_a_csv_file_will_do(tmp_path):
    fit = CASES["full batch"]()
    table = np.column_stack(
        [fit.objective.data["X"][:, 0], fit.objective.data["y"], fit.objective.data["X"][:, 1:]]
    )
    path = tmp_path / "table.csv"
    path.write_text("q1,y,q2,q3\n" + "\n".join(",".join(map(repr, row)) for row in table.tolist()) + "\n")
    np.testing.assert_array_equal(repeat(fit, tmp_path, path)[0]["b"], fit["b"])


def test_only_descent_has_a_script():
    fit = CASES["full batch"]()
    with pytest.raises(gw.GradworkError, match='written for "numpy"'):
        fit.script("torch")
    with pytest.raises(gw.GradworkError, match="a script is written for descent"):
        gw.minimize(MSE, {b: None}, dict(zip([X, y], numbers()))).script()


def test_what_is_missing_is_said_in_one_line(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(CASES["full batch"]().script(), encoding="utf-8")
    (tmp_path / "z.csv").write_text("q1,q2,q3,z\n1,2,3,4\n")
    (tmp_path / "text.csv").write_text("q1,q2,q3,y\n1,2,a,4\n")
    for arguments, said in (
        ([], "usage: python train.py DATA [OUT.npz]\n"),
        (["none.npz"], "error: none.npz cannot be read: "),
        (["z.csv"], "error: z.csv cannot be read: it has no column y; its columns are q1, q2, q3, z\n"),
        (["text.csv"], "error: text.csv cannot be read: could not convert string to float: 'a'\n"),
    ):
        command = [sys.executable, "-I", str(script), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "") and done.stderr.startswith(said)
        assert done.stderr.count("\n") == 1


def test_a_run_without_data_takes_no_file(tmp_path):
    p = gw.scalar("p")
    fit = descend(Objective((p - 3) ** 2, {p: 0.5}), gw.SGD(0.1), epochs=20, target="numpy", hoist=False)
    (tmp_path / "train.py").write_text(fit.script(), encoding="utf-8")
    command = [sys.executable, "-I", "train.py", "out.npz"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert float(np.load(tmp_path / "out.npz")["p"]) == float(fit["p"])
