"""Trials of the Debian package. `make deb-trial` runs them."""
