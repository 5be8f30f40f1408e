"""Relation-aware attention for maps of any size: its weights over positions are written in cosines, and a grid only samples them.

The paper learns one weight a position, so that a module belongs to one grid. Here every axis of the weights that runs over positions is a
sum of the first basis functions of the two-dimensional cosine transform (DCT-II), at the centres of the cells (``basis``). On another grid
the same functions are sampled at its cells; the weights, which are the amplitudes, stay as they are.
"""
