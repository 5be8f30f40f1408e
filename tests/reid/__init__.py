"""Tests of rga.reid."""
