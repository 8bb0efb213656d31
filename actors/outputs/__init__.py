"""Outputs: each is an actor behind its own channels, and each fails alone.

`output.py` is the interface. To add an output, add a module here and a line to `registry.py`.
"""
