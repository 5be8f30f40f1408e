"""Tests of the losses of re-identification."""
