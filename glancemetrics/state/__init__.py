"""State that survives a restart, as trees of plain values."""
