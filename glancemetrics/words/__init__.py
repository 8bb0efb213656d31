"""How numbers, spans and texts are written for people, and made harmless for where they go."""
