"""Traffic as it comes: seconds, windows, what is shown of them."""
