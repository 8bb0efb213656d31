"""Notifiers: tell targets of events, each in its order, until they have taken them.

What a target is to be told is in the journal first. It is told at least once, and once only unless
the program dies between a target's answer and the next write to the disk; then the message comes
again with the same key.
"""

from actors.outputs.notifier.notifier import Notifier, make_notifier

__all__ = ["Notifier", "make_notifier"]
