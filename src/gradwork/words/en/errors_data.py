"""English: what is wrong with a table."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "table is empty": "the table has no rows",
}
