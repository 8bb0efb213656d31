"""Files and standard streams, whatever is in them."""
