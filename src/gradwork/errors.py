"""The errors that Gradwork raises for bad input: one clear line each, with the place where there is one."""

from __future__ import annotations


class GradworkError(ValueError):
    """Bad input, said in one line: what, where, what was expected, what to do."""


class ShapeError(GradworkError):
    """Shapes that do not meet."""


class DerivativeError(GradworkError):
    """A derivative that does not exist or was asked for in the wrong way."""


class TableError(GradworkError):
    """A table that cannot be read or used: which file, row and column, what is wrong there, what to do."""


class FormulaError(GradworkError):
    """A formula that cannot be read, with the place in its text.

    `marks` are (start, end, character) spans to underline in the formula, `notes` further lines.
    """

    def __init__(
        self,
        message: str,
        text: str = "",
        marks: tuple[tuple[int, int, str], ...] = (),
        notes: tuple[str, ...] = (),
    ):
        self.message, self.text, self.marks, self.notes = message, text, marks, notes
        super().__init__(self.render())

    def render(self) -> str:
        """Return the message, the formula with its marks below it, and the notes, as lines of text."""
        lines = [self.message]
        if self.text and self.marks:
            # A long formula is cut to a window around the first mark.
            start = max(0, min(m[0] for m in self.marks) - 60) if len(self.text) > 160 else 0
            window = self.text[start : start + 160].replace("\n", " ").replace("\t", " ")
            under = [" "] * (len(window) + 1)
            for a, b, char in self.marks:
                for i in range(a - start, max(b, a + 1) - start):
                    if 0 <= i < len(under):
                        under[i] = char
            lead = "…" if start else ""
            lines.append("  " + lead + window + ("…" if start + 160 < len(self.text) else ""))
            lines.append("  " + " " * len(lead) + "".join(under).rstrip())
        lines.extend("  " + note for note in self.notes)
        return "\n".join(lines)
