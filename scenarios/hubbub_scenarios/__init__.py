"""The games: one folder each, read from top to bottom."""
