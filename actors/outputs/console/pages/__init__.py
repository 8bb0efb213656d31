"""The pages of the console: views, one module each, and what opens on top of them."""
