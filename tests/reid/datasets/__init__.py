"""Tests of rga.reid.sources, on tiny files in the real formats."""
