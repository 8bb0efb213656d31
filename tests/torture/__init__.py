"""Trials of everything by which a line could be lost or counted twice: `make torture`.

In `make test` they run for a few seconds each.
"""
