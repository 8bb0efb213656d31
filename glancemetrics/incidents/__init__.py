"""Incidents, their events, and the hash chain of the alert log."""
