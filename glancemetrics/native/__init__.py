"""The compiled part: C code that processes every byte of a log, called through ctypes.

`library` loads it; each other module declares the functions of its C sources. These know nothing of
Python and have no state except their arguments, so several threads can run them at once.
"""
