"""MGN: Wang, Yuan, Chen, Li, Zhou, "Learning Discriminative Features with Multiple Granularities for Person Re-Identification".

ACM Multimedia 2018, arXiv 1804.01438. Behind the first block of its third stage the ResNet is there three times: a global branch, and
branches whose maps are cut into two and three stripes. Each branch has the maximum over its whole map, the last two those of their stripes,
eight vectors in all, reduced to 256 dimensions each. Identities are told by the whole maps' vectors before the reduction and by the
stripes' after it; triplets are of the whole maps' reduced vectors. As in the paper the classifiers have no bias.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from rga.attention.grid import Grid
from rga.reid.classifier import Classifier
from rga.reid.heads.part_head import PartHead, check_heights
from rga.reid.heads.stripes import cut, maximum, names_of


class MGN(PartHead):
    """Three branches, of which two are cut into stripes.

    Args:
        channels: of the maps.
        grid: (height, width) of the maps of the branches with stripes.
        parts: how many stripes each of these branches has.
        classes: identities that the classifiers tell apart; 0 for none.
        classifier: ``"linear"`` or ``"cosine"``.

    Raises:
        InputError: a map has fewer rows than it is to have stripes.

    Example:
        >>> import torch
        >>> head = MGN(64, (12, 4), (2, 3), classes=5).eval()
        >>> head([torch.rand(2, 64, 12, 4) for _ in range(3)]).neck.shape
        torch.Size([2, 2048])
        >>> head.names
        ('whole', 'whole_of_2', '1_of_2', '2_of_2', 'whole_of_3', '1_of_3', '2_of_3', '3_of_3')
    """

    PARTS = (2, 3)

    def __init__(self, channels: int, grid: Grid, parts: Sequence[int], classes: int, classifier: Classifier = "linear") -> None:
        check_heights(parts, grid)
        self.stripes = tuple(parts)
        whole = ["whole", *(f"whole_of_{count}" for count in parts)]
        names = ["whole", *(name for count in parts for name in (f"whole_of_{count}", *names_of(count)))]
        super().__init__(channels, names, classes, classifier, whole=whole)

    @classmethod
    def branches(cls, parts: Sequence[int]) -> int:
        """One for each number of stripes."""
        return len(parts)

    @classmethod
    def compares(cls) -> bool:
        """The reduced vectors of the whole maps."""
        return True

    def pool(self, maps: Sequence[Tensor]) -> dict[str, Tensor]:
        """The maximum over each whole map and over each stripe."""
        first, *others = maps
        regions = [first, *(region for own, count in zip(others, self.stripes, strict=True) for region in (own, *cut(own, count)))]
        return dict(zip(self.names, map(maximum, regions), strict=True))
