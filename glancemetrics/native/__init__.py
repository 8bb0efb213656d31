"""The compiled part: what meets every byte of a log, in C, called through ctypes.

`library` loads it; each other module says in types what its sources give. The sources know nothing
of Python and keep no state but what they are handed, so several threads run in them at once.
"""
