"""Formats numbers, durations and texts for people, and escapes them for their destination."""
