"""What is kept over a restart, as trees of plain values."""
