"""The parts of a segmentation network: dilated backbones, HRNet, heads, and how maps become pixels again.

``segmentation.model`` puts them together; add a head in ``heads``.
"""
