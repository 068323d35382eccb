"""Diagnosis: why a run went as it did, measured on the run."""
