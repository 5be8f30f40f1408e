"""Readers of segmentation data sets, one format a file."""
