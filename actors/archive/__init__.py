"""Reads whole logs, in plain threads: nothing here waits for anything but the disk.

Nothing here needs an event loop, but `raw_lines` is awaited by a running monitor.
"""
