"""Make the pictures of the README from real runs: `python docs/make_pictures.py` writes docs/*.svg.

Each picture is what the command prints on a terminal, colours included, drawn by Rich.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

HERE = Path(__file__).parent

PICTURES = {
    "derive": ['gradwork derive "mean((y - X@b)^2)" --wrt b --shapes "X: n d, y: n, b: d" --steps'],
    "softmax": [
        'gradwork derive "-sum(Y * log(softmax(X@W))) / n" --wrt W --shapes "X: n d, Y: n k onehot, W: d k" --steps'
    ],
}

# Ink on paper: readable on a white page and on a dark one.
INK, GREY, ORANGE, GREEN = (29, 29, 31), (116, 116, 122), (194, 80, 46), (47, 138, 91)
OCHRE, BLUE, VIOLET = (176, 138, 30), (31, 95, 168), (138, 91, 176)
THEME = TerminalTheme((253, 252, 250), INK, [INK, ORANGE, GREEN, OCHRE, BLUE, VIOLET, BLUE, GREY])


def output(command: str) -> str:
    """Return what a command prints on a terminal."""
    arguments = [sys.executable, "-c", "from gradwork.cli import main; main()", *shlex.split(command)[1:]]
    environment = os.environ | {"FORCE_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    environment.pop("NO_COLOR", None)
    done = subprocess.run(
        arguments, capture_output=True, text=True, encoding="utf-8", env=environment, check=True
    )
    return done.stdout.rstrip("\n")


def picture(commands: list[str], title: str = "gradwork") -> str:
    """Return the commands and what they print as an SVG of a terminal."""
    lines = []
    for command in commands:
        lines += [
            Text.assemble(("$ ", "dim"), (command, "bold")),
            Text(),
            *Text.from_ansi(output(command)).split("\n"),
            Text(),
        ]
    width = max(line.cell_len for line in lines) + 1
    console = Console(
        record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    for line in lines[:-1]:
        console.print(line, soft_wrap=True)
    return alone(console.export_svg(title=title, theme=THEME, unique_id=title))


def alone(svg: str) -> str:
    """Return the picture without the letters that Rich would fetch from elsewhere: each reader has some."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.S)
    letters = "ui-monospace, 'SF Mono', 'Cascadia Mono', 'DejaVu Sans Mono', Menlo, Consolas, monospace"
    return svg.replace("Fira Code, monospace", letters)


def main() -> None:
    """Write every picture."""
    for name, commands in PICTURES.items():
        path = HERE / f"{name}.svg"
        path.write_text(picture(commands, name), encoding="utf-8")
        print(f"{path} ({path.stat().st_size:,} bytes)")


if __name__ == "__main__":
    main()
