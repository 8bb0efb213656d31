"""Arrow, without what of it takes long to import."""
