"""HPM: Fu, Wei, Zhou, Shi, Huang, Wang, Yao, Huang, "Horizontal Pyramid Matching for Person Re-identification".

AAAI 2019, arXiv 1804.05275. The last map is cut into 1, 2, 4 and 8 stripes. The sum of mean and maximum of each of the 15 is reduced to 256
dimensions by a reduction of its own, and has a classifier of its own, without bias as in the authors' code. The feature is that of all
stripes one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from rga.reid.heads.part_head import PartHead
from rga.reid.heads.stripes import cut, mean_and_maximum


class HPM(PartHead):
    """A pyramid of stripes; see ``PartHead``, whose parts are the stripes of each level here.

    Example:
        >>> import torch
        >>> head = HPM(64, (8, 4), (1, 2, 4, 8), classes=5).eval()
        >>> head([torch.rand(2, 64, 8, 4)]).neck.shape
        torch.Size([2, 3840])
    """

    PARTS = (1, 2, 4, 8)

    def pool(self, maps: Sequence[Tensor]) -> dict[str, Tensor]:
        """Mean plus maximum of each stripe of each level."""
        (found,) = maps
        regions = [region for count in self.parts for region in cut(found, count)]
        return dict(zip(self.names, map(mean_and_maximum, regions), strict=True))
