"""The history of traffic: records and rollups, and how queries are answered from them."""
