"""Records: their columns, their dimensions, and values derived from them."""
