"""Readers of datasets of tracklets, by name in ``rga.reid.datasets.catalog``.

Each file reads one layout; ``tracklet`` says what a tracklet is.
"""
