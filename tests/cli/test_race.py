"""`gradwork race` and `gradwork optimizers`; the live view; the demo."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gradwork.cli import progress as module
from gradwork.cli.race import Entry
from gradwork.learn.callbacks import Callback, Progress
from gradwork.learn.history import History
from gradwork.learn.optimizers.named import OPTIMIZERS
from tests.cli.conftest import Ran

Run = Callable[..., Ran]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 2))
    y = x @ [2.0, -1.0] + 0.5 + 0.1 * rng.normal(size=80)
    lines = ["a,b,y", *(f"{p:.4f},{q:.4f},{t:.4f}" for (p, q), t in zip(x, y, strict=True))]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def test_a_race_ranks_the_optimizers_and_draws_them(run: Run, here: Path):
    ran = run(
        "race",
        "t.csv",
        "--target",
        "y",
        "--optimizers",
        "sgd:0.05,adam:0.1,sgd:9",
        "--seeds",
        "2",
        "--epochs",
        "12",
    )
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0] == "t.csv: linear regression of y" and "2 seeds (0 … 1)" in lines[1]
    rows = [line.split() for line in lines[4:7]]
    assert rows[2][:2] == ["sgd", "9"] and "diverged" in rows[2]
    losses = [float(row[4]) for row in rows[:2]]
    assert losses == sorted(losses) and losses[0] < 0.02
    svg = (here / "t-race.svg").read_text(encoding="utf-8")
    assert svg.startswith("<?xml") and "sgd 0.05" in svg and "adam" in svg and "sgd 9" not in svg
    again = run("race", "t.csv", "--target", "y")
    assert again.code == 2 and "t-race.svg exists already" in again.err


def test_all_start_at_the_same_place_over_the_same_batches(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
):
    from gradwork.cli import race

    seen: list[Entry] = []
    monkeypatch.setattr(race, "save_picture", lambda path, entries: seen.extend(entries))
    ran = run(
        "race",
        "t.csv",
        "--target",
        "y",
        "--optimizers",
        "sgd:0.01,momentum:0.01",
        "--seeds",
        "2",
        "--epochs",
        "3",
    )
    assert ran.code == 0, ran.err
    sgd, momentum = seen
    assert [c[0] for c in sgd.curves] == [c[0] for c in momentum.curves]
    assert all(len(c) == 4 for e in seen for c in e.curves)
    # The first step of momentum is that of descent, so with one batch an epoch the first epochs agree; the
    # second do not.
    assert sgd.curves[0][1] != momentum.curves[0][1] or sgd.curves[0][2] != momentum.curves[0][2]


def test_pictures_of_other_formats_and_validation(run: Run, here: Path):
    common = ["race", "t.csv", "--target", "y", "--optimizers", "sgd,adam", "--seeds", "1", "--epochs", "2"]
    ran = run(*common, "--out", "r.png", "--validation", "0.25")
    assert ran.code == 0 and "held out" in ran.out and (here / "r.png").read_bytes()[:4] == b"\x89PNG"
    assert run(*common, "--out", "r.bmp").code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name the column to predict with --target"),
        (["--target", "z"], "t.csv has no column 'z'"),
        (["--target", "y", "--optimizers", "adm"], "there is no optimizer 'adm'; did you mean 'adam'?"),
        (["--target", "y", "--optimizers", "sgd,sgd"], "sgd is in the race twice"),
        (["--target", "y", "--optimizers", "sgd:fast"], "the rate after the colon is a number"),
        (["--target", "y", "--optimizers", "sgd:-1"], "--learning-rate is a positive number"),
        (["--target", "y", "--model", "mlp:8"], "a race is of linear models, not of --model mlp:8"),
        (["--target", "y", "--optimizers", ","], "name the optimizers to race"),
        (["--target", "y", "--seeds", "0"], "--seeds is a whole number from 1"),
        (["--target", "y", "--batch-size", "500"], "500"),
        (["--target", "y", "--optimizers", "sgd:50", "--seeds", "1", "--epochs", "30"], "every run diverged"),
    ],
)  # fmt: skip
def test_races_that_cannot_be_run(run: Run, here: Path, arguments: list[str], message: str):
    ran = run("race", "t.csv", *arguments)
    assert ran.code == 2 and message in ran.err and "Traceback" not in ran.err
    assert not list(here.glob("*.svg"))


def test_a_small_table_has_small_batches_and_says_so(run: Run, here: Path):
    (here / "small.csv").write_text("x,y\n" + "".join(f"{i},{3 * i % 7}\n" for i in range(20)))
    common = ["race", "small.csv", "--target", "y", "--optimizers", "sgd", "--seeds", "2", "--epochs", "2"]
    assert "2 epochs of batches of 10;" in run(*common).out
    ran = run(*common, "--overwrite", "--validation", "0.8")
    assert ran.code == 0 and "2 epochs of batches of 2;" in ran.out, ran.err
    assert "of batches of 7;" in run(*common, "--overwrite", "--batch-size", "7").out


def test_the_losses_of_a_race_are_those_of_fits(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch):
    import gradwork as gw
    from gradwork.cli import race

    seen: list[Entry] = []
    monkeypatch.setattr(race, "save_picture", lambda path, entries: seen.extend(entries))
    ran = run("race", "t.csv", "--target", "y", "--optimizers", "adam:0.05", "--seeds", "3", "--epochs", "4")
    assert ran.code == 0, ran.err
    for seed, loss in enumerate(seen[0].losses):
        fitted = gw.fit(
            "t.csv", "y", optimizer="adam", learning_rate=0.05, epochs=4, batch_size=32, seed=seed,
            stopping=gw.Stopping(gradient_norm=None, growth=None),
        )  # fmt: skip
        assert fitted.fit.loss == loss
    assert f"{sorted(seen[0].losses)[1]:.5g}" in ran.out


def test_ctrl_c_ends_a_race_and_leaves_nothing(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch):
    import importlib
    import signal

    learning, runs = importlib.import_module("gradwork.models.fit"), []
    pressed: list[int] = []
    fit = learning.fit

    class Press(Callback):
        def after(self, progress):
            if not pressed:
                pressed.append(1)
                signal.raise_signal(signal.SIGINT)

    def interrupted(*arguments, **options):
        runs.append(1)
        return fit(*arguments, **options, callbacks=Press() if len(runs) == 2 else None)

    monkeypatch.setattr(learning, "fit", interrupted)
    ran = run("race", "t.csv", "--target", "y", "--optimizers", "sgd,adam", "--seeds", "2", "--epochs", "5")
    assert (ran.code, ran.out, ran.err) == (130, "", "interrupted\n") and len(runs) == 2
    assert not list(here.glob("*.svg"))


def test_a_picture_is_written_whole_or_not_at_all(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch):
    import errno
    import os

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    before = sorted(here.iterdir())
    ran = run("race", "t.csv", "--target", "y", "--optimizers", "sgd", "--seeds", "1", "--epochs", "2")
    assert ran.code == 2 and ran.err == "error: t-race.svg cannot be written: No space left on device\n"
    assert sorted(here.iterdir()) == before


def test_optimizers_with_their_updates(run: Run):
    out = run("optimizers").out
    for name in OPTIMIZERS:
        assert f"\n{name} " in "\n" + out
    assert "w ← w − ηg" in out and "β₁ = 0.9" in out and "use it for" in out
    one = run("optimizers", "adam")
    assert one.code == 0 and one.out.startswith("Adam(learning_rate=0.001") and r"\leftarrow" in one.out
    assert "did you mean 'adam'?" in run("optimizers", "adm").err


# --- the live view ------------------------------------------------------------------------------------------


def at(unit: int, seconds: float = 5.0, **changes: float) -> Progress:
    history = History.from_dict(
        {"epoch": range(unit + 1), "step": range(unit + 1), "loss": [8.0 / (k + 1) for k in range(unit + 1)]}
    )
    facts = {"loss": 0.5, "validation_loss": 0.75, "gradient_norm": 1.0, "learning_rate": 0.01} | changes
    return Progress(
        unit=unit, units=100, step=unit, seconds=seconds, left=12.0, history=history, parameters=dict, **facts
    )


def test_plain_lines_are_few(capsys: pytest.CaptureFixture[str]):
    lines = module.Lines()
    lines.begin(at(0))
    for unit in range(0, 101):
        assert lines.after(at(unit)) is None
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 10
    assert said[0] == "10/100  loss 0.5  validation 0.75  rate 0.01  12 s left" and said[-1].startswith(
        "100/100  loss 0.5"
    )


def test_a_run_that_is_over_at_once_says_nothing(capsys: pytest.CaptureFixture[str]):
    lines = module.Lines()
    lines.begin(at(0, 0.0))
    lines.after(at(100, 0.1))
    assert capsys.readouterr().err == ""


def test_the_line_on_a_terminal_changes_and_goes(monkeypatch: pytest.MonkeyPatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    watching = module.view()
    assert isinstance(watching, module.Live) and module.view(quiet=True) is None
    watching.begin(at(0, 0.0))
    watching.after(at(1, 0.1))
    assert watching.bar is None
    watching.after(at(50))
    watching.after(at(60, validation_loss=float("nan")))
    watching.end(None)
    watching.close()
    assert "loss" in terminal.getvalue() and "60/100" in terminal.getvalue()


def test_durations_and_sparklines():
    assert [module.duration(s) for s in (0.04, 59.6, 3599, 3700, float("nan"))] == [
        "0.0 s",
        "1 min 0 s",
        "59 min 59 s",
        "1 h 1 min",
        "—",
    ]
    assert module.sparkline([1.0]) == "" and module.sparkline([float("nan"), 1.0, 1.0]) == "▁▁"
    assert len(module.sparkline(range(1, 500), width=16)) == 16
    assert module.sparkline([-1.0, 0.0, 7.0]) == "▁▂█"


# --- the demo -----------------------------------------------------------------------------------------------


def test_the_demo_writes_its_tables_and_says_what_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    pytest.importorskip("sklearn")
    from gradwork.cli import demo

    ran: list[str] = []

    def fake(command: str, folder: Path) -> int:
        ran.append(command)
        return 2 if "--no-scale" in command else 0

    monkeypatch.setattr(demo, "run", fake)
    assert demo.main([str(tmp_path / "d")]) == 0
    assert len(ran) == len(demo.ACTS) and sorted(p.name for p in (tmp_path / "d").iterdir()) == [
        "cancer.csv",
        "diabetes.csv",
        "quiz.csv",
    ]
    head = (tmp_path / "d/diabetes.csv").read_text(encoding="utf-8").splitlines()
    assert head[0].endswith("glu,progression") and len(head) == 443 and head[1].startswith("59,2,32.1,101,")
    monkeypatch.setattr(demo, "run", lambda command, folder: 1)
    assert demo.main([str(tmp_path / "d")]) == 1
    assert "did not end as it should" in capsys.readouterr().err
