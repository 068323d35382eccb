"""Tables, the matrix of a model, scaling and batches. No calculus here."""

from .batches import batches, check_batch_size, permutation, split
from .columns import MISSING_MARKS, Column
from .design import Design, design
from .encoding import Encoding, Feature
from .reading import read_table
from .scaling import Standardise
from .tables import MAX_COLUMNS, Table
from .targets import Target, target

__all__ = [
    "MAX_COLUMNS",
    "MISSING_MARKS",
    "Column",
    "Design",
    "Encoding",
    "Feature",
    "Standardise",
    "Table",
    "Target",
    "batches",
    "check_batch_size",
    "design",
    "permutation",
    "read_table",
    "split",
    "target",
]
