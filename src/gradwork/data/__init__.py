"""Tables, the matrix of a model, scaling and batches. No calculus here."""

from gradwork.data.batches import batches, check_batch_size, permutation, split
from gradwork.data.columns import MISSING_MARKS, Column
from gradwork.data.design import Design, design
from gradwork.data.encoding import Encoding, Feature
from gradwork.data.reading import read_table
from gradwork.data.scaling import Standardise
from gradwork.data.tables import MAX_COLUMNS, Table
from gradwork.data.targets import Target, target

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
