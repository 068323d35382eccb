"""Exit codes and streams: 0, 2, 1, 130; never a traceback; any encoding; a closed pipe."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gradwork.cli import entry
from gradwork.cli.output import _encodable, transliterate
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


def test_the_list_of_commands_is_not_cut_short(run: Run):
    commands = run("--help").out.partition("Commands:")[2]
    assert "optimizers" in commands and "..." not in commands


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
    assert transliterate("∇²f = −2/n Xᵀ(y − Xβ) ✓ …") == "grad^2 f = -2/n X'(y - X beta) ok ..."
    assert _encodable("표", "ascii") == "?" and _encodable("표", "cp949") == "표"


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
    for command in ("derive", "evaluate", "ops", "fit", "predict", "show", "race", "optimizers"):
        assert f"gradwork {command}" in text
        known |= set(re.findall(r"--[a-z][a-z-]+", run(command, "--help").out))
    named = set(re.findall(r"--[a-z][a-z-]+", text))
    assert named <= known, sorted(named - known)


PYTHON_M = [sys.executable, "-m", "gradwork"]


def interrupting(folder: Path, module: str) -> dict[str, str]:
    """An environment in which the import of a module is interrupted, and the module swallows it."""
    (folder / module).mkdir()
    (folder / module / "__init__.py").write_text(
        textwrap.dedent("""
            import os, signal, time
            try:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(5)
            except BaseException:
                raise ImportError("swallowed")
        """)
    )
    return os.environ | {"PYTHONPATH": str(folder)}


def script(folder: Path) -> list[str]:
    """The console script, as installers write it."""
    path = folder / "gradwork"
    path.write_text("import sys\nfrom gradwork.cli import main\nsys.exit(main())\n")
    return [sys.executable, str(path)]


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("module", ["numpy", "typer", "pyarrow"])
@pytest.mark.parametrize("start", [lambda folder: PYTHON_M, script], ids=["-m", "script"])
def test_ctrl_c_within_an_import_ends_the_command(start, module: str, tmp_path: Path):
    (tmp_path / "t.csv").write_text("x,y\n1,2\n2,3\n3,5\n")
    command = [*start(tmp_path), "fit", "t.csv", "--target", "y"]
    environment = interrupting(tmp_path, module)
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("delay", [0.02, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8])
def test_ctrl_c_at_any_time_ends_the_command(delay: float, tmp_path: Path):
    rows = "".join(f"{i},{i * i % 7},{i % 11}\n" for i in range(300))
    (tmp_path / "t.csv").write_text("x,z,y\n" + rows)
    # The list of imports tells when Python itself has started, and Gradwork heeds signals.
    command = [sys.executable, "-X", "importtime", *PYTHON_M[1:], "fit", "t.csv", "--target", "y"]
    started = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert started.stderr is not None
    while "gradwork.interrupt" not in started.stderr.readline():
        pass
    time.sleep(delay)
    over = started.poll() is not None
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=60)
    err = "".join(line for line in err.splitlines(True) if not line.startswith("import time:"))
    if over or "saved in" in out:
        assert started.returncode == 0 and err == ""
    else:
        assert (started.returncode, err) == (130, "interrupted\n")
    assert "Traceback" not in err
    if (tmp_path / "t-linear").exists():  # whole, or not at all
        assert (tmp_path / "t-linear" / "model.json").exists()


def test_a_library_leaves_ctrl_c_alone():
    code = "import signal, gradwork; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "True\n"


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_where_ctrl_c_is_ignored_it_stays_so():
    code = "import signal, sys; from gradwork import interrupt; interrupt.install(); print(signal.getsignal(2) is signal.SIG_IGN)"
    done = subprocess.run(
        ["sh", "-c", "trap '' INT; exec \"$0\" -c \"$1\"", sys.executable, code],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "True\n", done.stderr


def test_reading_a_table_imports_no_pandas(tmp_path: Path):
    (tmp_path / "t.csv").write_text("x,c,d,b,y\n1,a,2020-01-02,true,2\n2,b,2020-01-03,,NA\n")
    code = "import sys; from gradwork.data import read_table; read_table('t.csv'); sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, timeout=60).returncode == 0
