"""Optimizers as chains of parts, their update as expressions, and schedules of their rate."""
