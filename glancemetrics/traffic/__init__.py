"""Live traffic: seconds, windows, and what is shown for them."""
