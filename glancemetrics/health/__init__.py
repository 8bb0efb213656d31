"""Health of the monitor: what it reads, what it cannot read, and how its outputs work."""
