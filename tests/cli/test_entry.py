"""Exit codes and streams: 0, 2, 1, 130; never a traceback; any encoding; a closed pipe."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from gradwork.cli import entry
from gradwork.cli.output import ASCII, transliterate
from gradwork.cli.paint import paint
from tests.cli.conftest import Ran

Run = Callable[..., Ran]


def test_without_arguments_the_help_is_shown(run: Run):
    ran = run()
    assert ran.code == 0 and "derive" in ran.out and "ops" in ran.out and ran.err == ""


def test_version_and_help(run: Run):
    from gradwork import __version__

    assert run("--version").out == f"gradwork {__version__}\n"
    for command in ("derive", "ops"):
        ran = run(command, "--help")
        assert ran.code == 0 and "Usage: gradwork" in ran.out


def test_a_misspelt_command(run: Run):
    ran = run("derve", "x")
    assert ran.code == 2 and "no such command 'derve'" in ran.err and "derive" in ran.err


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def raises(arguments: list[str]) -> int:
        raise error

    monkeypatch.setattr(entry, "_invoke", raises)


def test_a_fault_of_ours_is_one_line_and_exit_1(run: Run, monkeypatch: pytest.MonkeyPatch):
    failing(monkeypatch, ZeroDivisionError("division by zero\nsecond line"))
    ran = run("derive", "x")
    assert ran.code == 1 and ran.out == "" and "Traceback" not in ran.err
    assert ran.err == (
        "error: something went wrong inside Gradwork (ZeroDivisionError: division by zero)\n"
        "  please report it, with the command; GRADWORK_DEBUG=1 shows where\n"
    )


def test_on_request_a_fault_shows_where(run: Run, monkeypatch: pytest.MonkeyPatch):
    failing(monkeypatch, KeyError("x"))
    monkeypatch.setenv("GRADWORK_DEBUG", "1")
    ran = run("derive", "x")
    assert ran.code == 1 and "Traceback" in ran.err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (BrokenPipeError(), 141, ""),
        (MemoryError(), 1, "error: this needs more memory than there is\n"),
    ],
)
def test_other_ends(run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str):
    failing(monkeypatch, error)
    monkeypatch.setattr(sys, "stdout", sys.stdout)  # a closed pipe replaces it
    ran = run("derive", "x")
    assert (ran.code, ran.err) == (code, said)


def test_exit_codes_of_real_processes(process: Run):
    ran = process("derive", "x^2")
    assert ran.code == 0 and "∇f(x) = 2x" in ran.out
    ran = process("derive", "x^")
    assert ran.code == 2 and ran.err.startswith("error: ") and ran.out == ""


def test_an_ascii_terminal_gets_ascii(process: Run):
    ran = process("derive", "mean((y - X@b)^2)", "--wrt", "b", PYTHONIOENCODING="ascii")
    assert (
        ran.code == 0
        and ran.out.isascii()
        and "grad f(b) = -2/n * X.T@(y - X@b)" in ran.out
        and "check ok" in ran.out
    )
    ran = process("derive", "mean((y − Xβ)²) + ž", "--wrt", "nö", PYTHONIOENCODING="ascii")
    assert ran.code == 2 and ran.err.isascii()
    assert process("ops", PYTHONIOENCODING="latin-1").code == 0


def test_a_reader_that_leaves_early_is_no_error():
    command = f"{sys.executable} -c 'from gradwork.cli import main; main()' ops | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=60)
    assert done.stderr == b""
    assert done.stdout.decode().splitlines()[-1] in ("0", "141")


def test_deriving_imports_nothing_heavy():
    code = (
        "import sys; from gradwork.cli import run; code = run(['derive', 'mean((y - X@b)^2)', '--wrt', 'b', '--steps']); "
        "heavy = {'jax', 'pyarrow', 'matplotlib', 'rich', 'pandas', 'safetensors', 'torch'} & set(sys.modules); "
        "sys.exit(' '.join(sorted(heavy)) or code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_characters_that_the_terminal_lacks():
    assert transliterate("∇²f = −2/n Xᵀ(y − Xβ) ✓ …") == "grad 2f = -2/n X'(y - Xbeta) ok ..."
    assert transliterate("표") == "?" and all(v.isascii() for v in ASCII.values())


def test_colour_changes_no_letter():
    import re

    text = "f(b) = x          b: d\n\nforward     r = y − Xb          n\n∇f(b) = 2          d\ncheck ✗ 3\ncheck — not"
    painted = paint(text)
    assert re.sub(r"\x1b\[[\d;]*m", "", painted) == text and "\x1b[31mcheck ✗" in painted


def test_every_option_that_the_documentation_names_exists(run: Run):
    import re
    from pathlib import Path

    text = (Path(__file__).parents[2] / "docs/command-line.md").read_text(encoding="utf-8")
    known = {"--help"}
    for command in ("derive", "ops", "fit", "predict", "show", "race", "optimizers"):
        assert f"gradwork {command}" in text
        known |= set(re.findall(r"--[a-z][a-z-]+", run(command, "--help").out))
    named = set(re.findall(r"--[a-z][a-z-]+", text))
    assert named <= known, sorted(named - known)


def test_every_sentence_is_used_and_every_used_one_is_there():
    import re
    from pathlib import Path

    import gradwork.cli
    import gradwork.report
    from gradwork.cli import words as ours
    from gradwork.report import words as theirs

    for package, table in ((gradwork.cli, ours.ENGLISH), (gradwork.report, theirs.ENGLISH)):
        folder = Path(package.__file__).parent
        source = "".join(p.read_text(encoding="utf-8") for p in folder.glob("*.py") if p.name != "words.py")
        used = set(re.findall(r"say\(\s*[\"']([^\"']+)[\"']", source))
        assert {key for key in used if not key.endswith(" ")} <= set(table), used - set(table)
        made_up = ("subject ", "kind ", "role ")  # keys that are put together
        idle = [
            k
            for k in table
            if f'"{k}"' not in source and f"'{k}'" not in source and not k.startswith(made_up)
        ]
        assert set(idle) <= {"nearest"}, idle
