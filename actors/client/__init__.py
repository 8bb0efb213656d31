"""The client of the HTTP API, with and without trio.

What is sent and how replies are read is in `glancemetrics/http_api/calls.py`; here it is sent.
"""
