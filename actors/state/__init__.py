"""Files that survive a run, and the clock."""
