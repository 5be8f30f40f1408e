"""Readers of classification data: one file a format, ``catalog`` for all of them."""
