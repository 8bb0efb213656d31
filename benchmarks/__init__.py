"""What is fast, measured: `python -m benchmarks`, or `make bench`."""
