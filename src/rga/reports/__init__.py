"""Pages and images of results: rank lists, curves, gates, the reports of demos and evaluations.

Draws what it is given and computes no figure of its own.
"""
