"""Rules: what is watched. `rule.py` is the interface, every other module is one kind of rule."""
