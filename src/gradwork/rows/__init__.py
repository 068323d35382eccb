"""Sums over rows: the proof that a loss is one, and the way it is summed."""
