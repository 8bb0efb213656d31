"""Notifications: which events go to which target (`targets.py`), and as what (`payloads.py`)."""
