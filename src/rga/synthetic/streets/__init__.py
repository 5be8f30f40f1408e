"""Street scenes with masks, in the layout of Cityscapes.

One file for each part: canvas, street, things.
"""
