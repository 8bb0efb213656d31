"""Incidents, what is told of them, and the chain of the alert log."""
