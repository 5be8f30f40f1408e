"""Readers of segmentation datasets, by name in ``catalog``.

Each file reads one layout; add yours there.
"""
