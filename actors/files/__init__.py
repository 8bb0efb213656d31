"""Files and standard streams, independent of their contents."""
