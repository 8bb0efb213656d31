"""Files that outlive a run, and the clock."""
