"""Descent: the loop, what it plans, records and keeps."""
