"""Charts drawn as text for terminals: one cell per character, colours named by role."""
