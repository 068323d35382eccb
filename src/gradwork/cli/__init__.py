"""The command line. `main` is the entry point; everything heavy is imported inside the command that needs it."""

from gradwork.cli.entry import main, run

__all__ = ["main", "run"]
