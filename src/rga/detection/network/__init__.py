"""The parts of a detection network: a pyramid over the maps of a backbone, heads, and the sizes of images.

One file for each part.
"""
