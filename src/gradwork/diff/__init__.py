"""Derivatives: reverse and forward mode as rewriting, the derivation as data, and its numerical certificate."""
