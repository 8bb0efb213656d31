"""What a run is made of, worked out once from what is written."""
