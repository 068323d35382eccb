"""From arguments to an exit code: 0; 2 for bad input; 1 for a fault of ours; 130 for Ctrl-C; never a traceback."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Sequence

from gradwork import interrupt
from gradwork.cli.output import complain, prepare_streams
from gradwork.errors import GradworkError
from gradwork.interrupt import INTERRUPTED
from gradwork.words.say import say

OK, FAULT, BAD_INPUT, CLOSED_PIPE = 0, 1, 2, 141
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def main() -> None:
    """Run the command line of this process and exit with its code."""
    interrupt.install()
    closed = sys.stdout is None
    for name in ("stdout", "stderr"):  # a closed one is None; nothing else that is opened may take its number
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))
    code = run(sys.argv[1:])
    interrupt.ignore()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _hush()
    except OSError as error:
        code = _unwritten(error)
    sys.exit(CLOSED_PIPE if closed and code == OK else code)


def run(arguments: Sequence[str]) -> int:
    """Return the exit code of a command line; everything it has to say was printed."""
    prepare_streams()
    try:
        return _invoke(list(arguments))
    except GradworkError as error:
        complain(str(error), label=getattr(error, "label", "error"))
        return BAD_INPUT
    except KeyboardInterrupt:
        complain(say("was interrupted"), label="")
        return INTERRUPTED
    except BrokenPipeError:
        return _hush()
    except MemoryError:
        complain(say("memory"))
        return FAULT
    except OSError as error:
        return _unwritten(error) if error.errno in FULL else _fault(error)
    except Exception as error:
        return _fault(error)


def _invoke(arguments: list[str]) -> int:
    import typer
    import typer.main

    from gradwork.cli.app import app

    usage: type[Exception] = typer.BadParameter.__mro__[2]  # ClickException, wherever this Typer keeps it
    command = typer.main.get_command(app)
    try:
        with command.make_context("gradwork", _formulas(arguments), obj=arguments) as context:
            command.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except usage as error:
        return _misused(error)
    return OK


def _formulas(arguments: list[str]) -> list[str]:
    """Let a formula begin with a minus: a blank before it keeps it from being read as an option."""
    if arguments[:1] not in (["derive"], ["evaluate"]):
        return arguments
    return [f" {a}" if re.match(r"-(?!h$)[^-]", a) else a for a in arguments]


def _misused(error: Exception) -> int:
    """Say what is wrong with the arguments, and where to look; without any arguments, show the help."""
    context = getattr(error, "ctx", None)
    message = error.format_message()  # type: ignore[attr-defined]
    if type(error).__name__ == "NoArgsIsHelpError":
        print(message)
        return OK
    message = message.split(" (Possible options")[0]
    message = message[:1].lower() + message[1:].rstrip(".")
    missing = say(
        "misused", message=message + _nearest(error), command=context.command_path if context else "gradwork"
    )
    complain(missing)
    return BAD_INPUT


def _nearest(error: Exception) -> str:
    import difflib

    message = str(error)
    context = getattr(error, "ctx", None)
    commands = getattr(getattr(context, "command", None), "commands", {})
    if message.startswith("No such command"):
        found = difflib.get_close_matches(message.split("'")[1], list(commands), 1, 0.6)
    else:
        # Of the names that Typer holds for possible, those that are near without their dashes, too.
        name, known = (
            str(getattr(error, "option_name", "")).strip("-"),
            getattr(error, "possibilities", None) or [],
        )
        found = [k for k in known if difflib.SequenceMatcher(None, name, k.strip("-")).ratio() > 0.6][:1]
    return say("did you mean", name=found[0]) if found and "ean" not in message else ""


def _hush() -> int:
    """The reader of our output has gone: be quiet, also when Python flushes at its end."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        pass
    return CLOSED_PIPE


def _unwritten(error: OSError) -> int:
    """Standard output leads to a full disk."""
    _hush()
    complain(say("output", why=(error.strerror or str(error)).lower()))
    return BAD_INPUT


def _fault(error: Exception) -> int:
    if os.environ.get("GRADWORK_DEBUG"):
        import traceback

        traceback.print_exc()
    what = str(error).strip().splitlines()
    complain(say("fault", kind=type(error).__name__, what=f": {what[0]}" if what else ""))
    return FAULT
