"""Sections of the report on runs. Each takes the runs and shows one thing of all of them."""
