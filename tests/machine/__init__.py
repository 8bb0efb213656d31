"""Trials in a virtual machine: systemd as it is, and a power failure. `make machine` runs them."""
