"""Tests of the readers of segmentation datasets."""
