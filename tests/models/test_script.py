"""The script of a model of a table: from the CSV file to the same coefficients, without Gradwork."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradwork as gw

ROWS = 90


def table() -> dict[str, list[Any]]:
    rng = np.random.default_rng(4)
    area, age = rng.normal(70, 15, ROWS).round(2), rng.integers(0, 60, ROWS)
    colour = rng.choice(["red", "blue", "green, dark", '"odd"'], ROWS)
    garden = rng.random(ROWS) < 0.4
    price = 20 + 2 * area - 0.5 * age + 12 * (colour == "red") + 7 * garden + rng.normal(0, 6, ROWS)
    return {
        "area": area.tolist(),
        "colour": colour.tolist(),
        "garden": ["yes" if g else "no" for g in garden],
        "lift": ["true" if g else "false" for g in rng.random(ROWS) < 0.5],
        "age": age.tolist(),
        "sale price": price.round(3).tolist(),
        "sold": ["late" if p > 160 else "early" for p in price + rng.normal(0, 25, ROWS)],
        "kind": [
            ["flat", "house", "hut"][int(k)]
            for k in np.clip((price - 120) / 40 + rng.normal(0, 1, ROWS), 0, 2)
        ],
        "rooms": rng.poisson(np.exp(area / 60)).tolist(),
    }


FEATURES = ["area", "colour", "garden", "lift", "age"]


def write(path: Path, columns: dict[str, list[Any]], delimiter: str = ",") -> Path:
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def run(folder: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script where neither Gradwork nor what reads its tables can be imported."""
    (folder / "train.py").write_text(text, encoding="utf-8")
    code = (
        "import sys, runpy\n"
        "sys.modules.update(dict.fromkeys(['gradwork', 'pyarrow', 'pandas', 'narwhals']))\n"
        f"sys.argv = {['train.py', *arguments]!r}\n"
        f"runpy.run_path({str(folder / 'train.py')!r}, run_name='__main__')"
    )
    command = [sys.executable, "-I", "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120)


def repeat(folder: Path, fitted: Any, path: Path) -> dict[str, np.ndarray]:
    done = run(folder, fitted.script(), str(path), "out.npz")
    assert done.returncode == 0, done.stderr
    first, *lines = done.stdout.splitlines()
    assert float(first.removeprefix("loss ")) == pytest.approx(fitted.fit.loss, rel=1e-12)
    with np.load(folder / "out.npz") as found:
        found = dict(found)
    assert [line.rsplit(" ", 1)[0] for line in lines] == found["names"].tolist()
    printed = [float(line.rsplit(" ", 1)[1]) for line in lines]
    np.testing.assert_array_equal(printed, found["coefficients"])
    return found


ADAM: dict[str, Any] = {"optimizer": "adam", "learning_rate": 0.3, "epochs": 12, "batch_size": 16, "seed": 3}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "linear": ("sale price", ADAM),
    "validation": ("sale price", ADAM | {"validation": 0.2}),
    "patience": ("sale price", ADAM | {"validation": 0.3, "patience": 2, "epochs": 400, "learning_rate": 3.0}),
    "not scaled": ("sale price", ADAM | {"scale": False}),
    "no intercept": ("sale price", ADAM | {"intercept": False}),
    "huber": ("sale price", ADAM | {"loss": "huber"}),
    "polynomial": ("sale price", ADAM | {"model": "poly:3:interactions", "features": ["area", "age", "lift"]}),
    "ridge": ("sale price", ADAM | {"model": "ridge:0.1"}),
    "logistic": ("sold", ADAM | {"validation": 0.25}),
    "softmax": ("kind", ADAM),
    "poisson": ("rooms", ADAM | {"model": "poisson", "learning_rate": 0.01}),
    "schedule": ("sale price", ADAM | {"optimizer": "momentum", "learning_rate": None, "schedule": gw.learn.cosine(0.05, 12)}),
    "single precision": ("sale price", ADAM | {"dtype": "float32"}),
    "single precision, full batch": ("sold", {"optimizer": "adam", "epochs": 9, "dtype": "float32", "run_on": "numpy"}),
    "target of numbers": ("garden", ADAM),
}  # fmt: skip


@pytest.mark.parametrize("name", list(CASES))
def test_the_script_repeats_the_fit_bit_for_bit(name: str, tmp_path: Path):
    target, options = CASES[name]
    columns = table()
    if name == "target of numbers":
        columns["garden"] = [3 if g == "yes" else 1 for g in columns["garden"]]
    path = write(tmp_path / "houses.csv", columns)
    features = [f for f in FEATURES if f != target]
    fitted = gw.fit(path, target, **({"features": features} | options))
    assert fitted.fit.target == "numpy"
    found = repeat(tmp_path, fitted, path)
    for parameter, value in fitted.fit.parameters.items():
        np.testing.assert_array_equal(found[parameter], value)
        assert found[parameter].dtype == getattr(value, "dtype", found[parameter].dtype)
    beta = fitted.beta if fitted.beta.ndim == 1 else fitted.beta[:, 1:].T.ravel()
    np.testing.assert_allclose(found["coefficients"], beta, rtol=1e-12, atol=1e-12 * np.abs(beta).max())


def test_a_compiled_or_hoisted_run_is_repeated_up_to_rounding(tmp_path: Path):
    path = write(tmp_path / "houses.csv", table())
    for options in ({"run_on": "xla", **ADAM}, {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 3000}):
        fitted = gw.fit(path, "sale price", features=FEATURES, **options)
        np.testing.assert_allclose(repeat(tmp_path, fitted, path)["coefficients"], fitted.beta, rtol=1e-9)


@pytest.mark.parametrize("missing", ["drop", "mean"])
def test_missing_values(missing: str, tmp_path: Path):
    columns = table()
    columns["area"][4] = columns["age"][8] = columns["sale price"][9] = columns["lift"][30] = ""
    columns["age"][50] = "NA"
    path = write(tmp_path / "houses.csv", columns)
    fitted = gw.fit(path, "sale price", features=FEATURES, missing=missing, **ADAM)
    found = repeat(tmp_path, fitted, path)
    np.testing.assert_array_equal(found["w"], fitted.fit["w"])
    assert fitted.rows == {"drop": ROWS - 5, "mean": ROWS - 1}[missing]


def test_semicolons_and_decimal_commas(tmp_path: Path):
    columns = table()
    for name in ("area", "sale price"):
        columns[name] = [f"{v:.3f}".replace(".", ",") for v in columns[name]]
    path = write(tmp_path / "houses.csv", columns, delimiter=";")
    fitted = gw.fit(path, "sale price", features=FEATURES, **ADAM)
    np.testing.assert_array_equal(repeat(tmp_path, fitted, path)["w"], fitted.fit["w"])


def test_many_columns_are_packed(tmp_path: Path):
    X = np.random.default_rng(2).normal(size=(130, 80))
    columns = {f"x{j}": X[:, j].tolist() for j in range(80)} | {"y": (X @ np.arange(80.0) + 5).tolist()}
    path = write(tmp_path / "wide.csv", columns)
    fitted = gw.fit(path, "y", validation=0.6, **ADAM)
    assert "unpack((78,)" in fitted.script() and "MEAN = unpack(" in fitted.script()
    np.testing.assert_array_equal(repeat(tmp_path, fitted, path)["w"], fitted.fit["w"])


def test_a_formula_reads_its_columns(tmp_path: Path):
    t = np.linspace(0, 5, 60)
    conc = 2 * np.exp(-0.5 * t) + 0.3 + np.random.default_rng(0).normal(0, 0.02, 60)
    columns = {"name": [f"n{i}" for i in range(60)], "t min": t.tolist(), "conc": conc.tolist()}
    columns["conc"][7] = ""
    path = write(tmp_path / "decay.csv", columns)
    options = {
        "params": "a=1, k=0.1, c=0",
        "validation": 0.2,
        "missing": "drop",
        **ADAM,
        "learning_rate": 0.05,
    }
    fitted = gw.fit(path, formula="mean((conc - (a*exp(-k*`t min`) + c))^2)", **options)
    done = run(tmp_path, fitted.script(), str(path), "out.npz")
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "out.npz") as found:
        assert {name: float(found[name]) for name in found} == fitted.coefficients


def test_what_is_wrong_with_the_file_is_one_line(tmp_path: Path):
    columns = table()
    path = write(tmp_path / "houses.csv", columns)
    text = gw.fit(path, "sale price", features=FEATURES, **ADAM).script()
    wrong = columns | {"age": [*columns["age"][:6], "old", *columns["age"][7:]]}
    pink = columns | {"colour": ["pink", *columns["colour"][1:]]}
    other = {name: columns[name] for name in FEATURES}
    (tmp_path / "ragged.csv").write_text(path.read_text() + "1,2\n")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    for name, cells in (("wrong", wrong), ("pink", pink), ("other", other)):
        write(tmp_path / f"{name}.csv", cells)
    for arguments, said in (
        ([], "usage: python train.py DATA [OUT.npz]\n"),
        (["none.csv"], "error: none.csv cannot be read: "),
        (["bytes.csv"], "error: bytes.csv cannot be read: "),
        (["wrong.csv"], "error: wrong.csv row 7, column 'age': 'old' is not a number\n"),
        (["pink.csv"], "error: pink.csv row 1, column 'colour': 'pink' is not one of ['\"odd\"', 'blue',"),
        (["other.csv"], "error: other.csv lacks some of the columns area, colour, garden, lift, age, sale price\n"),
        (["ragged.csv"], "error: ragged.csv row 91 has 2 cells, the header has 9\n"),
    ):  # fmt: skip
        done = run(tmp_path, text, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(said) and done.stderr.count("\n") == 1
    assert run(tmp_path, text, "--help").stdout.startswith("Training run")


def test_only_a_descent_of_this_process_has_a_script(tmp_path: Path):
    path = write(tmp_path / "houses.csv", table())
    solved = gw.fit(path, "sale price", features=FEATURES)
    with pytest.raises(gw.GradworkError, match="written for descent.*name an optimizer"):
        solved.script()
    with pytest.raises(gw.GradworkError, match="holds no run"):
        type(solved).from_spec(solved.spec()).script()
    with pytest.raises(gw.GradworkError, match='written for "numpy"'):
        gw.fit(path, "sale price", features=FEATURES, **ADAM).script("fortran")
