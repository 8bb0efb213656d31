"""The flow of a monitor: parser, aggregator, alert supervisor, fan-out, and who starts them."""
