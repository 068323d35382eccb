"""The command line. `main` is the entry point; everything heavy is imported inside the command that needs it."""

from gradwork import interrupt

if interrupt.is_command():
    interrupt.install()  # before anything else is imported, for that takes a tenth of a second

from gradwork.cli.entry import main, run

__all__ = ["main", "run"]
