"""Necks: bring maps of several sizes together. `edgekit.models.NECKS` is their table."""
