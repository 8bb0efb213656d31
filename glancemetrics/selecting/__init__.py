"""Which records are wanted: spans, addresses, paths and conditions in SQL."""
