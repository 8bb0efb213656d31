"""What runs: the actors of GlanceMetrics, and the service that joins them."""
