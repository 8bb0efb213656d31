"""Settings: where they are written, how they are read, and what is wrong with them."""
