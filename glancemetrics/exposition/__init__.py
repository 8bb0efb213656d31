"""Metrics for other programs: Prometheus, OpenMetrics and OTLP."""
