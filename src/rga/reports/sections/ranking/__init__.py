"""Sections on a ranking. Each takes the ``Findings`` of an evaluation."""
