"""Formats in the notation of the server that writes the log."""
