"""Tests of rga.engine."""
