"""Tests of rga.classification."""
