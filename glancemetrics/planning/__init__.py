"""The plan of a run, made once from settings and configuration."""
