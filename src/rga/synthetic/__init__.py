"""Generated data: people and street scenes from a seed, in the layouts of public datasets.

Tests, demos and documentation run on them; a change here changes their figures.
"""
