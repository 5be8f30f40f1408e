"""Seeing what a training came to: rank lists, curves, gates and relations, and a report that holds them all."""
