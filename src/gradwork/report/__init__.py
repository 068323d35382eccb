"""The page of a fit, its pictures, and the folder in which a fitted model is kept."""

from gradwork.report.content import Classes, ColumnFacts, Content, Numbers
from gradwork.store.folder import FolderError, Saved, check_free, load_folder, save_folder

__all__ = [
    "Classes",
    "ColumnFacts",
    "Content",
    "FolderError",
    "Numbers",
    "Saved",
    "check_free",
    "load_folder",
    "save_folder",
]
