"""Wheels, packages, the image, make targets and workflows."""
