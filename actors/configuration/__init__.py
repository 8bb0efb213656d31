"""Where settings come from on this machine, and whether it has what they name."""
