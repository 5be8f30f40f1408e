"""The datasets of detection.

One file for each part: what a dataset is, the reader of COCO's format, masks, checks.
"""
