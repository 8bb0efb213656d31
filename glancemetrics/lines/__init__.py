"""Lines as bytes: splitting them, finding them by time, and sorting them by file."""
