"""Readers of person re-identification data: one file a format, ``catalog`` for all of them."""
