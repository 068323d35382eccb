"""Ctrl-C in a command: one line and exit status 130, whatever the process is doing.

Python's own handler raises KeyboardInterrupt wherever the process stands. Within an import that is not enough:
compiled modules and packages with optional parts take the exception for a missing module and go on without it. But an
import has nothing to save or to put away, so there the process ends at once.

`gradwork/__init__.py` imports this module first of all, and so it imports next to nothing itself.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130
SHOW_CURSOR = b"\x1b[?25h"  # a progress bar hides it


def is_command() -> bool:
    """Tell whether this process is the command line: the script `gradwork`, or `python -m gradwork`."""
    first = (getattr(sys, "argv", None) or [""])[0]
    if first == "-m":
        # While Python looks for the module of -m, and so imports the packages around it, "-m" stands for its path.
        # It may be anyone's, who imports gradwork as a library: its name is in the arguments of the interpreter.
        last = sys.orig_argv[len(sys.orig_argv) - len(sys.argv)]
        module = last.partition("m")[2] if last.startswith("-") else last
        return module.partition(".")[0] == "gradwork"
    return os.path.basename(first).removesuffix(".exe") == "gradwork"


def install() -> None:
    """Handle Ctrl-C from now on; where it is ignored, as under nohup, it stays so."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, handle)


def ignore() -> None:
    """Ignore Ctrl-C from now on: the work is done, and the interpreter is being taken down."""
    if signal.getsignal(signal.SIGINT) is handle:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def handle(number: int, frame: FrameType | None) -> None:
    """End the process within an import, else raise KeyboardInterrupt."""
    if not _importing(frame):
        raise KeyboardInterrupt
    try:
        sys.stdout.flush()
    except Exception:  # its reader has gone, or it is being written to
        pass
    cursor = SHOW_CURSOR if os.isatty(2) else b""
    try:
        os.write(2, cursor + b"interrupted\n")
    finally:
        os._exit(INTERRUPTED)


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
