"""Telling people: to whom which events go (`targets.py`), and in what words (`payloads.py`)."""
