"""Real servers, as Debian and PyPI have them: what they are asked is what is read."""
