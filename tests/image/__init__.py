"""Trials of the container image. `make image-trial` runs them."""
