"""What is kept of traffic so that it can be asked, and how it is asked."""
