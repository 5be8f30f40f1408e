"""Tests of the readers of segmentation data sets."""
