"""How the monitor fares: what it reads, what it could not read, who gets its events."""
