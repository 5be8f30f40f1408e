"""Tests of rga.classification.sources, on tiny files in the real formats."""
