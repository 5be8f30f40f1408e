"""Queries that may be of nobody in the gallery: identification and verification rates, and calibrated thresholds.

Rates are defined in each file's docstring.
"""
