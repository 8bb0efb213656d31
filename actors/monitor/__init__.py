"""The monitor: parser, aggregator, alert supervisor, fan-out, and the service that starts them."""
