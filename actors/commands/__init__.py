"""The commands, but for what they work out."""
