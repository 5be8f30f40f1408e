"""Tests of the heads of re-identification that look at parts."""
