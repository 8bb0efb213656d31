"""Whole logs counted: tallies of every dimension, the panels made of them, and how they look."""
