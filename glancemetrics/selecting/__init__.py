"""Selects records by time span, address, path and SQL condition."""
