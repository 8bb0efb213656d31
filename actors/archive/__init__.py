"""Logs read whole, from wherever they are kept: plain threads, for nothing here waits but for disk.

Everything but `logs` and `decompression` may be used without an event loop.
"""
