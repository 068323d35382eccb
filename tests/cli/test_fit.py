"""`gradwork fit`, `predict`, `show`: from a table to a saved model and back, and every kind of bad input."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import gradwork as gw
from gradwork.learn.callbacks import Callback
from tests.cli.conftest import Ran, bad, good, made, write

Run = Callable[..., Ran]

DESCENT = "patients.csv --target outcome --optimizer adam --epochs 40 --batch-size 10 --no-page".split()

QUIZ = "q1,q2,q3,final\n73,80,75,152\n93,88,93,185\n89,91,90,180\n96,98,100,196\n73,66,70,142\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with the tables that the tests read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quiz.csv").write_text(QUIZ, encoding="utf-8")
    rng = np.random.default_rng(3)
    x = rng.normal(size=(120, 2))
    z = 0.4 + 1.2 * x[:, 0] - 0.8 * x[:, 1]
    write("houses.csv", ["area", "age", "colour", "price"], [
        [f"{a:.4f}", f"{b:.4f}", "red" if a > 0 else "blue", f"{t:.5f}"]
        for (a, b), t in zip(x, z + 0.1 * rng.normal(size=120), strict=True)
    ])  # fmt: skip
    sick = rng.random(120) < 1 / (1 + np.exp(-z))
    write("patients.csv", ["dose", "weight", "outcome"], [
        [f"{a:.4f}", f"{b:.4f}", "ill" if s else "well"] for (a, b), s in zip(x, sick, strict=True)
    ])  # fmt: skip
    write(
        "visits.csv", ["x", "count"], [[f"{a:.4f}", int(rng.poisson(np.exp(0.5 + 0.7 * a)))] for a in x[:, 0]]
    )
    t = np.linspace(0, 8, 60)
    write("decay.csv", ["t", "y"], [
        [f"{a:.4f}", f"{2.0 * np.exp(-0.5 * a) + 0.3 + 0.01 * e:.6f}"] for a, e in zip(t, rng.normal(size=60), strict=True)
    ])  # fmt: skip
    return tmp_path


def table_of(text: str) -> tuple[list[str], list[list[str]]]:
    rows = list(csv.reader(io.StringIO(text)))
    return rows[0], rows[1:]


# --- a fit --------------------------------------------------------------------------------------------------


def test_a_fit_says_what_it_did_and_leaves_a_folder(run: Run, here: Path):
    out = good(run("fit", "quiz.csv", "--target", "final"))
    for part in (
        "quiz.csv: 5 rows, 3 features (q1, q2, q3), target final: continuous → linear regression",
        "closed form", "final = 4.402 + 0.795 q1 + 0.408 q2 + 0.755 q3", "5.6755", "0.580", "−67.712",
        "R² 0.9998", "! one degree of freedom is left", "saved in quiz-linear/ (report.html, model.json, …)",
    ):  # fmt: skip
        assert part in " ".join(out.split()) or part in out, part
    assert made(here) == ["quiz-linear"]
    names = sorted(p.name for p in (here / "quiz-linear").iterdir())
    assert names == ["model.json", "parameters.safetensors", "report.html", "summary.txt"]
    about = json.loads((here / "quiz-linear/model.json").read_text(encoding="utf-8"))["about"]
    assert about["command"] == "gradwork fit quiz.csv --target final" and about["seed"] == 0
    page = (here / "quiz-linear/report.html").read_text(encoding="utf-8")
    assert "gradwork fit quiz.csv --target final" in page and "<script" not in page and "<math" in page


def test_show_prints_the_summary_again(run: Run, here: Path):
    out = good(run("fit", "quiz.csv", "--target", "final"))
    again = good(run("show", "quiz-linear"))
    assert again.startswith(out[: out.index("saved in")].rstrip("\n")) and "$ gradwork fit quiz.csv" in again


def test_a_saved_model_predicts_as_the_fit_did(run: Run, here: Path):
    good(run("fit", "quiz.csv", "--target", "final"))
    head, rows = table_of(good(run("predict", "quiz-linear", "quiz.csv", "--intervals")))
    assert head == ["prediction", "lower", "upper"] and len(rows) == 5
    values = np.array(rows, dtype=float)
    A = np.array(
        [[1, 73, 80, 75], [1, 93, 88, 93], [1, 89, 91, 90], [1, 96, 98, 100], [1, 73, 66, 70]], dtype=float
    )
    b, *_ = np.linalg.lstsq(A, np.array([152, 185, 180, 196, 142.0]), rcond=None)
    np.testing.assert_allclose(values[:, 0], A @ b, rtol=1e-10)
    assert (values[:, 1] < values[:, 0]).all() and (values[:, 0] < values[:, 2]).all()
    narrow = np.array(
        table_of(good(run("predict", "quiz-linear", "quiz.csv", "--intervals", "--level", "0.5")))[1], float
    )
    assert (narrow[:, 2] - narrow[:, 1] < values[:, 2] - values[:, 1]).all()


def test_classes_with_their_probabilities(run: Run, here: Path):
    out = good(run("fit", "patients.csv", "--target", "outcome", "--no-page"))
    assert (
        "two classes → logistic regression" in " ".join(out.split())
        and "saved in patients-logistic/ (model.json, …)" in out
    )
    head, rows = table_of(good(run("predict", "patients-logistic", "patients.csv", "--probabilities")))
    assert head == ["prediction", "probability ill", "probability well"]
    for label, ill, well in rows:
        assert abs(float(ill) + float(well) - 1) < 1e-12 and label == ("ill" if float(ill) >= 0.5 else "well")
    head, _ = table_of(good(run("predict", "patients-logistic", "patients.csv", "--intervals")))
    assert head == ["prediction", "probability well", "lower", "upper"]


@pytest.mark.parametrize(
    ("arguments", "folder", "said"),
    [
        (["houses.csv", "--target", "price", "--model", "poly:2", "--features", "area"], "houses-poly", "polynomial regression of degree 2"),
        (["houses.csv", "--target", "price", "--model", "ridge:0.1"], "houses-ridge", "ridge regression"),
        (["houses.csv", "--target", "price", "--loss", "huber", "--features", "area,age"], "houses-linear", "linear regression"),
        (["houses.csv", "--target", "price", "--no-intercept", "--features", "area"], "houses-linear", "1 feature (area)"),
        (["houses.csv", "--target", "colour", "--features", "age"], "houses-logistic", "logistic regression"),
        (["patients.csv", "--target", "outcome", "--model", "softmax"], "patients-softmax", "softmax regression"),
        (["visits.csv", "--target", "count", "--model", "poisson"], "visits-poisson", "Poisson regression"),
        (["houses.csv", "--target", "price", "--std-errors", "HC1"], "houses-linear", "HC1"),
    ],
)  # fmt: skip
def test_models_and_their_pages(run: Run, here: Path, arguments: list[str], folder: str, said: str):
    out = good(run("fit", *arguments))
    assert said in " ".join(out.split()) and f"saved in {folder}/" in out
    assert (here / folder / "report.html").stat().st_size > 20_000
    predicted = table_of(good(run("predict", folder, arguments[0])))
    assert predicted[0][0] == "prediction" and len(predicted[1]) == 120


def test_text_columns_name_their_reference_level(run: Run, here: Path):
    out = good(run("fit", "houses.csv", "--target", "price", "--no-page"))
    assert "colour[red]" in out and "'blue' is the reference" in out


def test_a_formula_over_the_columns(run: Run, here: Path):
    formula = "mean((y - (a*exp(-k*t) + c))^2)"
    out = good(run("fit", "decay.csv", "--formula", formula, "--params", "a=1, k=0.1, c=0"))
    assert "y = a exp(−k" in out and "saved in decay-formula/" in out
    rows = {
        line.split()[0]: float(line.split()[1].replace("−", "-"))
        for line in out.splitlines()
        if line[:2] in ("a ", "k ", "c ")
    }
    assert abs(rows["a"] - 2.0) < 0.03 and abs(rows["k"] - 0.5) < 0.02 and abs(rows["c"] - 0.3) < 0.02
    page = (here / "decay-formula/report.html").read_text(encoding="utf-8")
    assert "The rows and the fitted curve" in page
    assert len(table_of(good(run("predict", "decay-formula", "decay.csv")))[1]) == 60
    head, lines = table_of(good(run("predict", "decay-formula", "decay.csv", "--intervals")))
    assert head == ["prediction", "lower", "upper"]
    assert all(float(low) < float(middle) < float(high) for middle, low, high in lines)
    assert (here / "decay-formula/history.parquet").exists()  # Levenberg-Marquardt has steps


def test_a_formula_with_held_out_rows_and_quoted_columns(run: Run, here: Path):
    text = (here / "decay.csv").read_text(encoding="utf-8").replace("t,y", "time (s),log-y", 1)
    assert text.startswith("time (s),log-y")
    (here / "quoted.csv").write_text(text, encoding="utf-8")
    formula = "mean((`log-y` - (a*exp(-k*`time (s)`) + c))^2)"
    out = good(
        run("fit", "quoted.csv", "--formula", formula, "--params", "a=1, k=0.1, c=0", "--validation", "0.2")
    )
    assert "48 rows" in out and "Levenberg-Marquardt" in out and "validation: 12 rows held out" in out
    assert "The rows and the fitted curve" in (here / "quoted-formula/report.html").read_text(
        encoding="utf-8"
    )
    assert len(table_of(good(run("predict", "quoted-formula", "quoted.csv", "--intervals")))[1]) == 60
    wrong = bad(
        run("fit", "quoted.csv", "--formula", "mean((log-y - a)^2)", "--params", "a=1", "--out", "other")
    )
    assert "`log-y`" in wrong and "^^^^^" in wrong


def test_a_descent_records_its_run(run: Run, here: Path):
    common = [
        "houses.csv",
        "--target",
        "price",
        "--features",
        "area,age",
        "--optimizer",
        "adam",
        "--learning-rate",
        "0.05",
    ]
    ran = run("fit", *common, "--epochs", "30", "--batch-size", "16", "--validation", "0.2", "--seed", "7")
    out = good(ran)
    assert (
        "Adam" in out
        and "validation: 24 rows held out" in out
        and "ran the 30 epochs" in " ".join(out.split())
    )
    names = sorted(p.name for p in (here / "houses-linear").iterdir())
    assert "history.parquet" in names and made(here) == ["houses-linear"]
    page = (here / "houses-linear/report.html").read_text(encoding="utf-8")
    assert "The loss over the run" in page and "validation in orange" in page


def test_a_seed_makes_a_run_repeat_exactly(run: Run, here: Path):
    common = [
        "patients.csv",
        "--target",
        "outcome",
        "--optimizer",
        "sgd",
        "--epochs",
        "5",
        "--batch-size",
        "10",
        "--no-page",
    ]
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        good(run("fit", *common, "--seed", seed, "--out", name))
    weights = [(here / name / "parameters.safetensors").read_bytes() for name in "abc"]
    assert weights[0] == weights[1] != weights[2]


def test_a_descent_that_goes_wrong_is_explained_and_not_saved(run: Run, here: Path):
    ran = run(
        "fit", "quiz.csv", "--target", "final", "--solver", "gd", "--learning-rate", "1e-4", "--no-scale"
    )
    assert ran.code == 2 and ran.out == ""
    text = " ".join(ran.err.split())
    assert text.startswith("stopped at step 5: the loss grew 5 times in a row (29662 → 6.1e+09)")
    assert (
        "L = 44013.7" in text and "2/L = 4.544e-05; yours is 1e-4" in text and "--learning-rate 4e-5" in text
    )
    assert made(here) == []


def test_an_interrupted_run_can_be_resumed(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch):
    from gradwork.cli import fit as module
    from gradwork.models import fit as models

    good(run("fit", *DESCENT, "--out", "whole"))
    real = models.fit

    class Cut(Callback):
        every = 5

        def after(self, progress: object) -> str | None:
            return "power cut" if progress.unit >= 15 else None

    def killed(*arguments: object, **options: object) -> object:
        real(*arguments, **{**options, "callbacks": Cut()})
        raise KeyboardInterrupt

    monkeypatch.setattr(models, "fit", killed)
    assert run("fit", *DESCENT, "--out", "cut").code == 130
    assert made(here) == ["cut.checkpoint", "whole"]
    monkeypatch.setattr(models, "fit", real)
    good(run("fit", *DESCENT, "--out", "cut", "--resume"))
    assert made(here) == ["cut", "whole"]
    whole, cut = ((here / name / "parameters.safetensors").read_bytes() for name in ("whole", "cut"))
    assert whole == cut
    # The command that made it makes it again, from the start.
    last = (here / "cut" / "summary.txt").read_text(encoding="utf-8").splitlines()[-1]
    assert last == f"$ gradwork fit {' '.join(DESCENT)} --out cut"
    assert "there is no unfinished run" in bad(run("fit", *DESCENT, "--out", "new", "--resume"))
    assert module.checkpoint_of(here / "cut") == here / "cut.checkpoint"


def test_a_narrow_terminal_gets_narrow_lines(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch):
    from gradwork.cli import output

    arguments = [
        "fit",
        "houses.csv",
        "--target",
        "price",
        "--optimizer",
        "adam",
        "--epochs",
        "30",
        "--no-page",
    ]
    wide = good(run(*arguments, "--out", "wide"))
    monkeypatch.setattr(output, "is_terminal", lambda stream=None: stream is None)
    monkeypatch.setenv("COLUMNS", "60")
    narrow = good(run(*arguments, "--out", "narrow"))
    # The table of coefficients stays whole; everything else is running text.
    table = [line for line in narrow.splitlines() if line.endswith("—") or line.endswith("interval")]
    running = [line for line in narrow.splitlines() if line not in table]
    assert len(table) == 5 and max(map(len, running)) <= 60 < max(map(len, wide.splitlines())) <= 100
    assert " ".join(narrow.split()).replace("narrow/", "wide/") == " ".join(wide.split())
    assert "why " in narrow
    files = ((here / name / "summary.txt").read_text(encoding="utf-8") for name in ("wide", "narrow"))
    assert len({text.rpartition("$")[0] for text in files}) == 1  # what is kept does not depend on the window


def test_the_diagnosis_speaks_of_columns_and_in_the_units_of_the_table(run: Run, here: Path):
    out = good(
        run(
            "fit", "houses.csv", "--target", "price", "--optimizer", "adam", "--epochs", "30", "--validation", "0.3",
            "--no-page",
        )
    )  # fmt: skip
    said = " ".join(out.split())
    assert "area (standardised) has" in said and "w[" not in said
    rng = np.random.default_rng(0)
    columns = {f"x{j}": rng.normal(size=40) for j in range(15)}
    table = {**columns, "y": 1e3 * (columns["x0"] + 2 * rng.normal(size=40))}
    model = gw.fit(table, "y", learning_rate=0.02, epochs=2000, validation=0.5)
    history, found = model.fit.history, model.diagnosis(flags=True)
    assert found.turned == int(np.argmin(history.validation_loss))
    text = " ".join(found.text().split())
    assert f"lowest at epoch {found.turned} ({history.validation_loss.min():.6g})" in text
    assert f"rose to {history.validation_loss[-1]:.6g}" in text and "--patience " in text


def test_ctrl_c_after_the_descent_says_where_the_run_is(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
):
    from gradwork.cli import fit as module

    def pressed(*arguments: object) -> None:
        raise KeyboardInterrupt

    command = [
        "fit",
        "patients.csv",
        "--target",
        "outcome",
        "--optimizer",
        "adam",
        "--epochs",
        "40",
        "--no-page",
    ]
    good(run(*command, "--out", "whole"))
    monkeypatch.setattr(module, "save", pressed)
    ran = run(*command, "--out", "cut")
    assert ran.code == 130 and ran.err.startswith("interrupted; the run is kept in ")
    assert made(here) == ["cut.checkpoint", "whole"]
    # A checkpoint of an earlier run is not taken for one of this.
    os.utime(here / "cut.checkpoint", (1e9, 1e9))
    monkeypatch.setattr(module, "learn", pressed)
    assert run(*command, "--out", "cut").err == "interrupted\n"
    monkeypatch.undo()
    monkeypatch.chdir(here)
    good(run(*command, "--out", "cut", "--resume"))
    whole, cut = ((here / name / "parameters.safetensors").read_bytes() for name in ("whole", "cut"))
    assert whole == cut


def test_ctrl_c_keeps_the_best_so_far_and_the_run(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch):
    from gradwork.cli import progress

    class Pressed(Callback):
        every = 5

        def after(self, progress: object) -> str | None:
            if progress.unit == 10:
                signal.raise_signal(signal.SIGINT)
            return None

    good(run("fit", *DESCENT, "--out", "whole"))
    monkeypatch.setattr(progress, "view", lambda quiet: Pressed())
    ran = run("fit", *DESCENT, "--out", "cut")
    assert (
        ran.code == 130
        and "interrupted after epoch 10" in " ".join(ran.out.split())
        and "--resume --overwrite" in ran.err
    )
    assert made(here) == ["cut", "cut.checkpoint", "whole"]
    monkeypatch.undo()
    monkeypatch.chdir(here)
    good(run("fit", *DESCENT, "--out", "cut", "--resume", "--overwrite"))
    assert made(here) == ["cut", "whole"]
    whole, cut = ((here / name / "parameters.safetensors").read_bytes() for name in ("whole", "cut"))
    assert whole == cut


# --- bad input ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "t.csv is empty"),
        ("a,y\n", "t.csv has a header but no rows"),
        ("a,y\n1,2\n", "one row"),
        ("a,b,yy\n1,2,3\n2,3,4\n3,5,5\n", "t.csv has no column 'y'; did you mean 'yy'?"),
        ("a,b,y\n1,5,1.5\n2,5,2.5\n3,5,3.7\n", "'b' is 5 in every row"),
        ("a,b,y\n1,,1.5\n2,,2.5\n3,,3.7\n", "'b' has no values at all"),
        ("a,y\n1,1.5\n2,2.5\n3,oops\n4,4.5\n5,5.5\n", "t.csv row 3 (line 4), column 'y': 'oops' is not a number"),
        ("a,y\n1,yes\n2,yes\n3,yes\n", "one class, 'yes'"),
        ("a,y\n1,1.5\n2,2.5\ninf,3.7\n4,4.1\n", "t.csv row 3 (line 4), column 'a' is infinite"),
        ("a,y\n1,1.5\n2,\n3,3.5\n4,4.1\n", "1 value is missing: 'y' (row 2)"),
        ("a,y\n1,1\n2,1\n3,1\n", "'y' is 1 in every row"),
        ("a;a;y\n1;2;3\n3;2;5\n", "two columns called 'a'"),
        ("y\n1\n2\n3\n", "no column besides the target"),
        ("a,y\n1,2\n3\n", "row 2 (line 3) has 1 cell"),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_fitted(run: Run, here: Path, content: str, message: str):
    (here / "t.csv").write_text(content, encoding="utf-8")
    err = bad(run("fit", "t.csv", "--target", "y"))
    assert message in err and len(err.splitlines()) <= 3
    assert made(here) == []


def test_a_table_of_a_million_columns(run: Run, here: Path):
    (here / "wide.csv").write_text(",".join(f"c{i}" for i in range(1_000_000)) + "\n", encoding="utf-8")
    assert "wide.csv has 1,000,000 columns; the limit is 10,000" in bad(
        run("fit", "wide.csv", "--target", "c1")
    )


def test_files_that_are_no_tables(run: Run, here: Path):
    assert "there is no file quizz.csv; did you mean 'quiz.csv'?" in bad(
        run("fit", "quizz.csv", "--target", "final")
    )
    (here / "zero.csv").write_bytes(b"\0" * 100)
    assert "zero" in bad(run("fit", "zero.csv", "--target", "y"))
    assert "is a folder" in bad(run("fit", ".", "--target", "y"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name the column to predict with --target, or a --formula"),
        (["--target", "final", "--learning-rate", "-1"], "--learning-rate is a positive number"),
        (["--target", "final", "--learning-rate", "nan"], "--learning-rate is a positive number"),
        (["--target", "final", "--learning-rate", "0"], "--learning-rate is a positive number"),
        (["--target", "final", "--epochs", "0"], "--epochs is a whole number from 1, not 0"),
        (["--target", "final", "--batch-size", "-3"], "--batch-size is a whole number from 1, not -3"),
        (["--target", "final", "--batch-size", "100"], "100"),
        (["--target", "final", "--validation", "1.5"], "--validation is a share of the rows"),
        (["--target", "final", "--level", "95"], "--level lies between 0 and 1"),
        (["--target", "final", "--seed", "-1"], "--seed is a whole number from 0"),
        (["--target", "final", "--model", "lineer"], "no model is called 'lineer'"),
        (["--target", "final", "--model", "poly"], "a polynomial needs its degree"),
        (["--target", "final", "--model", "ridge:x"], "ridge needs its penalty"),
        (["--target", "final", "--solver", "magic"], "magic"),
        (["--target", "final", "--optimizer", "adm"], "adm"),
        (["--target", "final", "--loss", "mze"], "mze"),
        (["--target", "final", "--features", "q1,q9"], "quiz.csv has no column 'q9'"),
        (["--target", "final", "--missing", "guess"], "guess"),
        (["--target", "final", "--resume"], "--resume goes on with a descent"),
        (["--target", "final", "--patience", "5"], "--patience belongs to a descent"),
        (["--target", "final", "--params", "a=1"], "--params belongs to a --formula"),
        (["--formula", "mean((final - a*q1)^2)"], "name the parameters of the formula"),
        (["--formula", "mean((final - a*q1)^2)", "--params", "a=1", "--target", "q1"], "--target does not go with --formula"),
        (["--formula", "mean((final - a*q7)^2)", "--params", "a=1"], "q7"),
        (["--formula", "mean((final - a*q1)^2", "--params", "a=1"], "the bracket opened here is not closed"),
        (["--formula", "__import__('os')", "--params", "a=1"], "underscores"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense(run: Run, here: Path, arguments: list[str], message: str):
    assert message in bad(run("fit", "quiz.csv", *arguments))
    assert made(here) == []


def test_an_output_folder_that_exists(run: Run, here: Path):
    good(run("fit", "quiz.csv", "--target", "final", "--no-page"))
    before = (here / "quiz-linear/model.json").read_bytes()
    assert "quiz-linear exists already" in bad(run("fit", "quiz.csv", "--target", "final"))
    assert (here / "quiz-linear/model.json").read_bytes() == before
    good(run("fit", "quiz.csv", "--target", "final", "--features", "q1", "--no-page", "--overwrite"))
    assert (here / "quiz-linear/model.json").read_bytes() != before
    assert "is a file" in bad(run("fit", "quiz.csv", "--target", "final", "--out", "quiz.csv"))


def test_a_full_disk_is_said_and_nothing_is_half_written(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
):
    from gradwork.store import folder

    real, written = folder._write, []

    def full(path: Path, content: bytes) -> None:
        written.append(path.name)
        if len(written) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(path, content)

    monkeypatch.setattr(folder, "_write", full)
    ran = run("fit", "quiz.csv", "--target", "final", "--no-page")
    assert (
        ran.code == 2
        and "error: no space is left on the disk for quiz-linear; nothing was written" in ran.err
    )
    assert made(here) == [] and "Traceback" not in ran.err


def test_a_tampered_model_is_refused(run: Run, here: Path):
    good(run("fit", "quiz.csv", "--target", "final", "--no-page"))
    path = here / "quiz-linear/parameters.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    for command in (["predict", "quiz-linear", "quiz.csv"], ["show", "quiz-linear"]):
        assert "parameters.safetensors is not what was written" in bad(run(*command))


def test_predictions_for_tables_that_do_not_fit(run: Run, here: Path):
    good(run("fit", "houses.csv", "--target", "price", "--no-page"))
    (here / "new.csv").write_text("area,age,colour\n1,2,red\n1,x,blue\n", encoding="utf-8")
    assert "column 'age'" in bad(run("predict", "houses-linear", "new.csv"))
    (here / "new.csv").write_text("area,age,colour\n1,2,green\n", encoding="utf-8")
    assert "'green' was not seen in training" in bad(run("predict", "houses-linear", "new.csv"))
    (here / "new.csv").write_text("area,colour\n1,red\n", encoding="utf-8")
    assert "has no column 'age'" in bad(run("predict", "houses-linear", "new.csv"))
    assert "there is no folder houses-lin; did you mean 'houses-linear'?" in bad(
        run("predict", "houses-lin", "new.csv")
    )
    assert "is a number" in bad(run("predict", "houses-linear", "houses.csv", "--probabilities"))
    assert "--level belongs to --intervals" in bad(
        run("predict", "houses-linear", "houses.csv", "--level", "0.9")
    )
    assert "--level lies between" in bad(
        run("predict", "houses-linear", "houses.csv", "--intervals", "--level", "9")
    )
