"""Lines in bytes: where they end, where those of a time are, and whose they are."""
