"""Features in, figures out: distances, evaluation, re-ranking, expansion, verification, open sets.

Knows no images and no models; definitions are those of the cited papers.
"""
