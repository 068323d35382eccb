"""What every fitted model has in common: it can be written to a folder, from which `gw.load` reads it."""

from __future__ import annotations

import os
from pathlib import Path


class Savable:
    """A model with `spec()`, its description as plain data."""

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the model to a folder, whole or not at all; return its path. `gw.load` reads it again.

        GradworkError if something is there (unless `overwrite` replaces a model), or if it cannot be written.
        """
        from gradwork.store.folder import save

        return save(self, folder, overwrite=overwrite)
