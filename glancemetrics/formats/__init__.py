"""Log formats: each decodes chunks of lines to record batches of `records.SCHEMA`."""
