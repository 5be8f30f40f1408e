"""Sections of the demos' reports. Each takes only the values that it shows, so that the demos of several tasks share them."""
