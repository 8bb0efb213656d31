"""Sources of systemd's journal."""
