"""Measurements against the peers: ratios in one run, the two alternating, medians; never a timed test."""
