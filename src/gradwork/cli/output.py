"""Writing to the terminal: any encoding, any width, colour only where it is seen; and files, whole or not at all."""

from __future__ import annotations

import codecs
import os
import sys
import unicodedata
from typing import TYPE_CHECKING, Any, TextIO

from gradwork.errors import GradworkError

if TYPE_CHECKING:
    from pathlib import Path


def transliterate(text: str) -> str:
    """Return text with its mathematics in ASCII; other letters stay."""
    from gradwork.show.prose import transliterate as spelled  # needed where a terminal has no Unicode only

    return spelled(text)


def _encodable(text: str, encoding: str) -> str:
    """Return text in an encoding without mathematics: its mathematics in ASCII, other letters as near as they come."""
    return "".join(c if _fits(c, encoding) else _ascii(c) for c in transliterate(text))


def _fits(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _ascii(character: str) -> str:
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return plain or "?"


def _handler(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return _encodable(error.object[error.start : error.end], "ascii"), error.end


codecs.register_error("gradwork", _handler)


def prepare_streams() -> None:
    """Let standard output and error take any character, whatever their encoding."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="gradwork")


def speaks_unicode(stream: TextIO | None = None) -> bool:
    """Tell whether the stream can show mathematics as it is."""
    encoding = getattr(stream or sys.stdout, "encoding", None) or "ascii"
    try:
        "−∇ᵀ₁✓".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


# What a terminal obeys in place of showing it. C0 and DEL have pictures (U+2400 …); C1, the marks that turn the
# direction of writing and the separators of lines have none, and are told by their code points.
_OBEYED = [
    *range(0x80, 0xA0),
    0x61C,
    0x200E,
    0x200F,
    0x2028,
    0x2029,
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
]
_VISIBLE = {c: chr(0x2400 + c) for c in range(32) if chr(c) not in "\n\t"} | {0x7F: "\u2421"}
_VISIBLE |= {c: f"<U+{c:04X}>" for c in _OBEYED}


def visible(text: str) -> str:
    """Return text that a terminal shows and never obeys, for names, classes and cells come from files of others.

    >>> visible("\\x1b]0;title\\x07 and \\u202e")
    '␛]0;title␇ and <U+202E>'
    """
    return text.translate(_VISIBLE)


def out(text: str = "", painted: bool = False) -> None:
    """Write lines to standard output; mathematics that it cannot show whole is spelled in ASCII.

    painted: the text has colours of ours, and what it has from elsewhere was made `visible`.
    """
    text = text if painted else visible(text)
    print(text if text.isascii() or speaks_unicode() else transliterate(text))


def note(text: str = "") -> None:
    """Write lines to standard error: what is said beside the answer, so that the answer pipes."""
    text = visible(text)
    print(text if text.isascii() or speaks_unicode(sys.stderr) else transliterate(text), file=sys.stderr)


def complain(message: str, label: str = "error") -> None:
    """Write an error to standard error; on a terminal its label is red."""
    lead = f"{label}: " if label else ""
    if lead and coloured(sys.stderr):
        lead = f"\x1b[1;31m{lead}\x1b[0m"
    for write in (sys.stdout.flush, lambda: print(lead + visible(message), file=sys.stderr, flush=True)):
        try:
            write()
        except (OSError, ValueError):  # the reader has gone, the disk is full, or the stream is closed
            pass


def write_file(path: Path, content: bytes) -> None:
    """Write a file beside its place, and move it there when it is whole; GradworkError if that cannot be done."""
    import tempfile  # which costs more than all else here

    folder = path.absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=folder)
        try:
            with open(handle, "wb") as file:
                file.write(content)
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(name, 0o666 & ~mask)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise GradworkError("not written", path=path, why=error.strerror or error) from error


def is_terminal(stream: Any = None) -> bool:
    """Tell whether a person watches the stream."""
    stream = stream or sys.stdout
    return bool(getattr(stream, "isatty", lambda: False)())


def coloured(stream: Any = None) -> bool:
    """Tell whether to colour: a terminal, unless NO_COLOR is set (https://no-color.org) or TERM is dumb."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or is_terminal(stream)


def text_width() -> int:
    """Return how long lines of running text are: 100 characters, or as many as the terminal has."""
    return min(100, max(40, terminal_width() or 100))


def terminal_width() -> int | None:
    """Return the columns of the terminal; None where the output goes elsewhere and need not be cut."""
    import shutil

    return shutil.get_terminal_size().columns if is_terminal() else None
