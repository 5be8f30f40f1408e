"""The losses of segmentation: cross-entropy over pixels in several forms, and overlaps of regions. Ignored pixels count in none.

All are means over what the batches of all processes hold that train together: each process's loss is scaled such that the mean over the
processes is that of one process with all images.
"""

from rga.segmentation.losses.pixels import hard_cross_entropy, mean_over_all, pixel_cross_entropy
from rga.segmentation.losses.regions import dice, lovasz_softmax

__all__ = ["dice", "hard_cross_entropy", "lovasz_softmax", "mean_over_all", "pixel_cross_entropy"]
