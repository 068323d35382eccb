"""`make demo`: what Gradwork does, in a minute, on real tables. `python -m gradwork.cli.demo [FOLDER]`.

The tables are scikit-learn's bundled ones, written to CSV first and read like any user's file.
"""

from __future__ import annotations

import csv
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gradwork.cli.output import coloured, out, prepare_streams, visible
from gradwork.cli.paint import BOLD, CYAN, DIM, colour
from gradwork.words.say import say

QUIZ = ["q1,q2,q3,final", "73,80,75,152", "93,88,93,185", "89,91,90,180", "96,98,100,196", "73,66,70,142"]
CANCER = ("mean radius", "mean texture", "mean smoothness", "mean concave points", "mean symmetry")

# What is shown: the heading (looked up), the command, and the exit code that it ends with.
ACTS = (
    (
        "demo least squares",
        'gradwork derive "mean((y - X@b)^2)" --wrt b --shapes "X: n d, y: n, b: d" --steps',
        0,
    ),
    (
        "demo logistic loss",
        'gradwork derive "mean(softplus(X@b) - y*(X@b))" --wrt b --shapes "X: n d, y: n, b: d" --steps --order 2',
        0,
    ),
    ("demo diabetes", "gradwork fit diabetes.csv --target progression --overwrite", 0),
    ("demo cancer", "gradwork fit cancer.csv --target diagnosis --overwrite", 0),
    (
        "demo wrong",
        "gradwork fit quiz.csv --target final --solver gd --learning-rate 1e-4 --no-scale --overwrite",
        2,
    ),
    ("demo race", "gradwork race cancer.csv --target diagnosis --learning-rate 0.01 --overwrite", 0),
)


def write_tables(folder: Path) -> None:
    """Write the tables that the demo reads."""
    from sklearn.datasets import load_breast_cancer, load_diabetes

    found: Any = load_diabetes(scaled=False)
    names = ("age", "sex", "bmi", "bp", "tc", "ldl", "hdl", "tch", "ltg", "glu")
    _write(folder / "diabetes.csv", (*names, "progression"), found.data, (f"{v:g}" for v in found.target))
    found = load_breast_cancer()
    chosen = [list(found.feature_names).index(name) for name in CANCER]
    columns = tuple(name.replace(" ", "_") for name in CANCER)
    labels = (str(found.target_names[t]) for t in found.target)
    _write(folder / "cancer.csv", (*columns, "diagnosis"), found.data[:, chosen], labels)
    (folder / "quiz.csv").write_text("\n".join(QUIZ) + "\n", encoding="utf-8")


def _write(path: Path, names: Sequence[str], rows: Iterable[Iterable[float]], target: Iterable[str]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([*(f"{v:g}" for v in row), y] for row, y in zip(rows, target, strict=True))


def main(arguments: Sequence[str] = ()) -> int:
    """Run the demo in a folder (demo/ by default); return 0 if every command ended as it should."""
    prepare_streams()
    folder = Path(arguments[0] if arguments else "demo")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        write_tables(folder)
    except ImportError:
        print(say("demo needs"), file=sys.stderr)
        return 2
    began = time.perf_counter()
    wrong = []
    for heading, command, expected in ACTS:
        _announce(say(heading), command)
        code = run(command, folder)
        if code != expected:
            wrong.append(command)
    seconds = time.perf_counter() - began
    out()
    out(_painted(visible(say("demo end", seconds=f"{seconds:.0f}", folder=folder)), DIM), painted=True)
    for command in wrong:
        print(say("demo failed", command=command), file=sys.stderr)
    return 1 if wrong else 0


def run(command: str, folder: Path) -> int:
    """Run a command in a process of its own, as a person would; return its exit code."""
    program = shutil.which("gradwork", path=os.fspath(Path(sys.executable).parent))
    start = [program] if program else [sys.executable, "-c", "from gradwork.cli import main; main()"]
    sys.stdout.flush()
    return subprocess.run([*start, *shlex.split(command)[1:]], cwd=folder, check=False).returncode


def _announce(heading: str, command: str) -> None:
    out()
    out(_painted(f"── {heading} " + "─" * max(0, 96 - len(heading)), CYAN), painted=True)
    out()
    out(_painted("$ ", DIM) + _painted(command, BOLD), painted=True)
    out()


def _painted(text: str, code: str) -> str:
    return colour(text, code) if coloured() else text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
