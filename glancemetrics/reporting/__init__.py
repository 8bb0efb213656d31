"""Reports over whole logs: tallies of every dimension, panels made from them, and their output."""
