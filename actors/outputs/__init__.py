"""Outputs: each an actor of its own behind its own channels, each failing alone.

`output.py` is the interface. Adding an output is adding one module here and one line to
`registry.py`.
"""
