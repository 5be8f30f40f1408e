"""The attentions that the paper compares with, and others, under one contract: a map (B, C, H, W) in, a map of the same shape out.

One file per publication; a new file here needs a line in ``rga.attention.catalog``, and the tests of the catalogue then cover it.
"""
