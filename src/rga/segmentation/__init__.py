"""Scene segmentation."""
