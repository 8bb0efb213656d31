"""The HTTP API: what its parameters mean, and what its answers look like as JSON and Arrow.

`actors/outputs/web` serves it; `endpoints` is the one list that routes and OpenAPI are made from.
"""
