"""What a stranger's table or a slip of the hand gets: one clear line, exit 2, nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from gradwork.cli.output import visible
from gradwork.cli.predict import write as write_predictions
from tests.cli.conftest import Ran

Run = Callable[..., Ran]
ROWS = [(i, 7 * i % 5, 2 * i + 7 * i % 5 + (i % 3) / 8) for i in range(1, 21)]
CSV = "a,b,y\n" + "".join(f"{a},{b},{y}\n" for a, b, y in ROWS)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(path: Path, content: str | bytes) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def columns(**given: list[object]) -> str:
    rows = zip(*given.values(), strict=True)
    return ",".join(given) + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)


N = list(range(20))
WORDS = [f"w{i}" for i in N]
REFUSED: dict[str, tuple[str | bytes, str]] = {
    "duplicate": (CSV.replace("a,b", "a,a", 1), "t.csv has two columns called 'a' (the 1st and the 2nd)"),
    "ragged": (CSV + "1,2\n", "t.csv row 21 (line 22) has 2 cells, the header has 3: 1,2"),
    "quote": (CSV + '"1,2,3\n', "t.csv"),
    "open quote": (
        CSV.replace("\n3,", '\n"3,') + CSV,
        "t.csv row 3 (line 4): a quote is opened that ends in a later row, or never\n  write a quote within",
    ),
    "latin": (
        CSV.encode() + "3,café,4\n".encode("latin-1"),
        "t.csv row 21 (line 22), column 'b': 'café' is not UTF-8; save the file as UTF-8",
    ),
    "utf-16": (CSV.encode("utf-16"), "t.csv is UTF-16; save it as UTF-8"),
    "empty": ("", "t.csv is empty"),
    "mark only": (b"\xef\xbb\xbf", "t.csv is empty"),
    "header": ("a,b,y\n", "t.csv has a header but no rows"),
    "header, no end": ("a,b,y", "t.csv has a header but no rows"),
    "one row": ("a,b,y\n1,2,3\n", "t.csv has one row; a fit needs at least two"),
    "missing": (
        columns(a=N, b=[""] * 20, y=N),
        "t.csv: a column cannot be used: 'b' has no values at all\n  leave it out: --features a",
    ),
    "constant": (columns(a=N, b=[5] * 20, y=N), "t.csv: a column cannot be used: 'b' is 5 in every row"),
    "target": (columns(a=N, y=[2] * 20), "t.csv: target 'y' is 2 in every row: there is nothing to learn"),
    "mixed": (CSV + "5,oops,3\n", "t.csv row 21 (line 22), column 'b': 'oops' is not a number"),
    "infinite": (CSV + "5,inf,3\n", "t.csv row 21 (line 22), column 'b' is infinite (∞)"),
    "huge": (CSV + "5,1e308,3\n", "t.csv row 21 (line 22), column 'b' is 1e+308; numbers beyond ±1e+150"),
    "NA": (CSV + "5,NA,3\nN/A,2,4\n", "t.csv: 2 values are missing: 'a' (row 22), 'b' (row 21)"),
    "comma": (
        columns(a=[f'"{i},5"' for i in N], y=N),
        "t.csv: a column cannot be used: 'a' holds numbers that are written as text ('0,5'); write them plainly",
    ),
    "money": (columns(a=N, y=[f"${i}" for i in N]), "t.csv: 'y' holds numbers that are written as text ('$0')"),
    "wide": (",".join(f"x{i}" for i in range(1_000_000)) + ",y\n1\n", "t.csv has 1,000,001 columns; the limit is"),
    "page": ("<!DOCTYPE html>\n<html></html>\n", "t.csv is a web page or XML, not a table"),
    "json": ('{"a": 1,\n"b": 2}\n', "t.csv is JSON, not a table"),
    "names": (columns(a=N, name=WORDS, y=N), "t.csv: a column cannot be used: 'name' is a different text in each"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(REFUSED))
def test_a_table_that_cannot_be_used(name: str, run: Run, here: Path):
    content, said = REFUSED[name]
    put(here / "t.csv", content)
    ran = run("fit", "t.csv", "--target", "y")
    assert ran.code == 2 and ran.out == ""
    assert ran.err.startswith("error: " + said)
    assert all(line.startswith("  ") for line in ran.err.splitlines()[1:])
    assert sorted(here.iterdir()) == [here / "t.csv"]


READ: dict[str, str | bytes] = {
    "byte order mark": b"\xef\xbb\xbf" + CSV.encode(),
    "CRLF": CSV.replace("\n", "\r\n"),
    "CR": CSV.replace("\n", "\r"),
    "semicolons": CSV.replace(",", ";"),
    "decimal commas": CSV.replace(",", ";").replace(".", ","),
    "quotes": CSV.replace("a,b,y", '"a","b","y"').replace("\n3,", '\n"3",'),
    "tabs": CSV.replace(",", "\t"),
    "blanks": CSV.replace(",", " , "),
}


def test_other_ways_to_write_a_table_give_the_same_model(run: Run, here: Path):
    put(here / "t.csv", CSV)
    expected = run("fit", "t.csv", "--target", "y", "--no-page").out
    assert "R²" in expected
    for name, content in READ.items():
        put(here / "t.csv", content)
        ran = run("fit", "t.csv", "--target", "y", "--no-page", "--overwrite")
        assert ran.out == expected, name


def test_a_suggestion_is_whole_or_another(run: Run, here: Path):
    few = {"a,b": N, "it's": [i % 7 for i in N], "c": [1] * 20, "y": N}
    put(here / "t.csv", columns(**{f'"{k}"': v for k, v in few.items()}))
    ran = run("fit", "t.csv", "--target", "y")
    assert ran.err.endswith("""leave it out: --features '"a,b",it'"'"'s'\n""")
    many = {f"x{i}": [(i * j) % 11 for j in N] for i in range(1, 40) if i % 11} | {"c": [1] * 20, "y": N}
    put(here / "t.csv", columns(**many))
    ran = run("fit", "t.csv", "--target", "y")
    assert ran.err.endswith("leave it out: --leave-out\n") and "…" not in ran.err
    assert run("fit", "t.csv", "--target", "y", "--leave-out", "--no-page", "--out", "m").code == 0
    named = ",".join(many.keys() - {"y"})
    assert (
        "name the others with --features\n" in run("fit", "t.csv", "--target", "y", "--features", named).err
    )


def test_unknown_columns_are_named_together(run: Run, here: Path):
    put(here / "t.csv", CSV.replace("a,b", "area,bedrooms", 1))
    ran = run("fit", "t.csv", "--target", "y", "--features", "area,aera,zz,bedroms")
    assert ran.err == (
        "error: t.csv has no columns 'aera' (did you mean 'area'?), 'zz', 'bedroms' (did you mean 'bedrooms'?)\n"
        "  columns: area, bedrooms, y\n"
    )
    put(here / "t.csv", columns(**{f"x{i}": N for i in range(300)}))
    ran = run("fit", "t.csv", "--target", "y")
    assert ran.code == 2 and ran.err.endswith(", x19, … (300 in all)\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--feature", "a"], "no such option: --feature; did you mean --features?"),
        (["--modle", "linear"], "no such option: --modle; did you mean --model?"),
        (["--optimiser", "adam"], "no such option: --optimiser; did you mean --optimizer?"),
        (["--zzzz"], "no such option: --zzzz\n"),
        (["--language", "ko"], "no such option: --language\n"),
        (["--optimizer", "adm"], "there is no optimizer 'adm'; did you mean 'adam'?"),
        (["--missing", "drp"], "missing is error, drop or mean, not 'drp'"),
        (["--out", "t.csv"], "t.csv is a file; --out names a folder"),
        (["--script", "t.csv", "--epochs", "3"], "t.csv exists already\n  choose another with --script"),
        (["--script", "s.py"], "--script writes a descent down: name an --optimizer"),
        (["--script", "s.py", "--model", "mlp:4"], "--script is not written for networks"),
    ],
)
def test_slips_in_the_options(run: Run, here: Path, arguments: list[str], said: str):
    put(here / "t.csv", CSV)
    ran = run("fit", "t.csv", "--target", "y", *arguments)
    assert ran.code == 2 and ran.out == "" and ran.err.startswith("error: " + said)
    assert sorted(here.iterdir()) == [here / "t.csv"]


def test_a_table_that_only_needs_words_is_not_marked_as_a_warning(run: Run, here: Path):
    rows = [(i, "red" if i % 3 else "blue", i + (i * i) % 7) for i in N]
    put(here / "t.csv", "a,c,y\n" + "".join(f"{a},{c},{y}\n" for a, c, y in rows))
    ran = run("fit", "t.csv", "--target", "y", "--no-page")
    assert "\n'c' has 2 categories; 'blue' is the reference\n" in ran.out
    put(here / "p.csv", "a,c,y\n" + "".join(f"{a},{'10%' if c == 'red' else '2%'},{y}\n" for a, c, y in rows))
    ran = run("fit", "p.csv", "--target", "y", "--no-page")
    assert "! the values of 'c' look like numbers ('10%') but are taken as categories" in ran.out


def test_the_run_as_a_program(run: Run, here: Path):
    put(here / "t.csv", CSV)
    ran = run(
        "fit",
        "t.csv",
        "--target",
        "y",
        "--optimizer",
        "adam",
        "--epochs",
        "5",
        "--script",
        "s.py",
        "--no-page",
    )
    assert ran.code == 0, ran.err
    assert ran.out.endswith("the run as a program in s.py: python s.py t.csv\n")
    done = subprocess.run([sys.executable, "-I", "s.py", "t.csv"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    printed = dict(line.split() for line in done.stdout.splitlines())
    import gradwork as gw

    fitted = gw.fit("t.csv", "y", optimizer="adam", epochs=5)
    assert {
        name: pytest.approx(float(printed[name]), rel=1e-12) for name in fitted.names
    } == fitted.coefficients


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
@pytest.mark.parametrize("arguments", [["ops"], ["derive", "x^2"], ["optimizers"]])
def test_output_to_a_full_disk(arguments: list[str]):
    command = [sys.executable, "-m", "gradwork", *arguments]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "error: the output cannot be written: no space left on device\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
@pytest.mark.parametrize(("where", "code"), [("> /dev/full", 2), (">&-", 141)])
def test_the_picture_of_a_race_outlives_the_reader(where: str, code: int, tmp_path: Path):
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{i},{2 * i + i % 3}\n" for i in range(30)))
    race = "race t.csv --target y --optimizers sgd --epochs 2 --seeds 1 --out m.svg".split()
    done = subprocess.run(
        ["sh", "-c", f'"$0" -m gradwork "$@" {where}', sys.executable, *race],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (tmp_path / "m.svg").exists()
    assert done.returncode == code and "Traceback" not in done.stderr, done.stderr


EVIL = {
    "title": "\x1b]0;owned\x07",
    "colour": "\x1b[31m",
    "backspace": "a\x08b",
    "C1": "\x9b2J",
    "override": "\u202ecod",
    "isolate": "\u2066cod",
    "DEL": "\x7f",
}


@pytest.mark.parametrize("text", EVIL.values(), ids=list(EVIL))
def test_a_terminal_obeys_nothing_from_a_file(run: Run, here: Path, text: str):
    rows = [(i, "no" if i % 3 else f"{text}yes", 2 * i + i % 3) for i in range(30)]
    lines = [f"{text}x,group,y", *(f"{x},{group},{y}" for x, group, y in rows)]
    (here / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    (here / "bad.csv").write_text("\n".join([*lines, f"{text}cell,no,3"]), encoding="utf-8")
    ran = [
        run("fit", "t.csv", "--target", "y", "--out", "m"),
        run("fit", "t.csv", "--target", "group", "--out", "classes", "--no-page"),
        run("show", "m"),
        run("show", "classes"),
        run("fit", "bad.csv", "--target", "y"),
        run("fit", "t.csv", "--target", f"{text}z"),
        run("fit", f"{text}.csv", "--target", "y"),
    ]
    assert [one.code for one in ran] == [0, 0, 0, 0, 2, 2, 2]
    said = "".join(one.out + one.err for one in ran)
    obeyed = {c for c in said if unicodedata.category(c) in ("Cc", "Cf") and c not in "\n\t"}
    assert not obeyed, obeyed
    assert visible(text) in ran[0].out + ran[2].out and visible(text) in ran[6].err


def test_predictions_are_whole_in_a_pipe_and_visible_on_a_terminal(capsys, monkeypatch: pytest.MonkeyPatch):
    found = {"prediction": ["\x1b[31mred"], "\u202ename": [0.5]}
    write_predictions(found)
    assert capsys.readouterr().out == "prediction,\u202ename\n\x1b[31mred,0.5\n"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    write_predictions(found)
    assert capsys.readouterr().out == "prediction,<U+202E>name\n␛[31mred,0.5\n"
