"""The contract of heads that look at parts, and what all of them share: poolings, reductions, classifiers.

A head takes the backbone's last maps and says how they become one vector for each part. Each vector is reduced by a 1x1 convolution, a
batch normalisation and a ReLU, which are the head's neck. Each part has a classifier of its own. At test time the vectors of all parts
stand one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from rga.attention.grid import Grid
from rga.reid.classifier import CLASSIFIERS, Classifier
from rga.reid.heads.outputs import Learnt, Outputs
from rga.reid.heads.stripes import check_stripes, names_of

REDUCED = 256
"""Dimensions of a part's feature, in all of the papers."""


class PartHead(nn.Module):
    """Maps in; features, and named features and logits for the losses out.

    A head names its parts and pools them; what all heads share is here.

    Args:
        channels: of the maps.
        grid: (height, width) of the maps that are cut into stripes.
        parts: numbers of stripes.
        classes: identities that the classifiers tell apart; 0 for none.
        classifier: ``"linear"`` or ``"cosine"``.

    Raises:
        InputError: a map has fewer rows than it is to have stripes, or the head has other numbers of parts.
    """

    PARTS: ClassVar[tuple[int, ...]]
    """The paper's numbers of stripes."""
    SHARED: ClassVar[bool] = False
    """One reduction for all parts, and not one for each."""

    def __init__(self, channels: int, grid: Grid, parts: Sequence[int], classes: int, classifier: Classifier = "linear") -> None:
        super().__init__()
        for stripes in parts:
            check_stripes(stripes, grid[0])
        self.channels = channels
        self.parts = tuple(parts)
        self.names = tuple(self.names_for(parts))
        """Of the parts, in the order in which they stand in the features."""
        self.whole = tuple(self.whole_for(parts))
        """Of those whose identities are told by the vector before the reduction, and whose reduced features are compared."""
        self.neck: nn.Module = reduction(channels) if self.SHARED else nn.ModuleDict({name: reduction(channels) for name in self.names})
        widths = {name: channels if name in self.whole else REDUCED for name in self.names}
        self.classifiers = nn.ModuleDict({name: CLASSIFIERS[classifier](widths[name], classes) for name in self.names} if classes else {})
        for each in self.classifiers.values():
            nn.init.normal_(each.weight, std=0.001)  # type: ignore[arg-type]

    @classmethod
    def names_for(cls, parts: Sequence[int]) -> list[str]:
        """The names of the parts: the stripes of each number, unless a head says otherwise."""
        return [name for count in parts for name in names_of(count)]

    @classmethod
    def whole_for(cls, parts: Sequence[int]) -> list[str]:
        """The names of those that are whole maps; none, unless a head says otherwise."""
        del parts
        return []

    @classmethod
    def branches(cls, parts: Sequence[int]) -> int:
        """The branches that it needs of the backbone, besides the backbone itself: one for each whole map but the first."""
        return max(0, len(cls.whole_for(parts)) - 1)

    @property
    def widths(self) -> dict[str, int]:
        """The dimensions of the features, by their names: ``pooled`` and ``neck``."""
        return {"pooled": self.channels * len(self.names), "neck": REDUCED * len(self.names)}

    @property
    def compared(self) -> dict[str, int]:
        """The dimensions of the features that triplets, pairs and centres compare, by their names."""
        return dict.fromkeys(self.whole, REDUCED)

    def pool(self, maps: Sequence[Tensor]) -> dict[str, Tensor]:
        """The vector of each part by its name, (B, C) each.

        Args:
            maps: the last map of the backbone (B, C, H, W), and those of its other branches.
        """
        raise NotImplementedError

    def reduce(self, pooled: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The reduced vector of each part by its name, (B, 256) each."""
        if isinstance(self.neck, nn.ModuleDict):
            return {name: self.neck[name](vector[:, :, None, None]).flatten(1) for name, vector in pooled.items()}
        together = self.neck(torch.stack(list(pooled.values()), 2)[..., None])  # (B, C, parts, 1) -> (B, 256, parts, 1)
        return dict(zip(pooled, together.squeeze(3).unbind(2), strict=True))

    def logits(self, pooled: Mapping[str, Tensor], reduced: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The logits of the training identities by each part, (B, classes) each; none without classifiers."""
        seen = {name: (pooled if name in self.whole else reduced)[name] for name in self.classifiers}
        return {name: each(seen[name]) for name, each in self.classifiers.items()}

    def joined(self, vectors: Mapping[str, Tensor]) -> Tensor:
        """The vectors of all parts one after the other."""
        return torch.cat(list(vectors.values()), 1)

    def forward(self, maps: Sequence[Tensor]) -> Outputs:
        """The features of images, and in training what the losses see of them.

        Args:
            maps: the last map of the backbone (B, C, H, W), and those of its other branches.
        """
        pooled = self.pool(maps)
        reduced = self.reduce(pooled)
        learnt = None
        if self.training and self.classifiers:
            learnt = Learnt({name: reduced[name] for name in self.whole}, self.logits(pooled, reduced))
        return Outputs(self.joined(pooled), self.joined(reduced), learnt)

    def scores(self, maps: Sequence[Tensor]) -> Tensor:
        """The mean of the parts' logits (B, classes), in any mode; there are classifiers."""
        pooled = self.pool(maps)
        return torch.stack(list(self.logits(pooled, self.reduce(pooled)).values())).mean(0)


def reduction(channels: int) -> nn.Sequential:
    """A 1x1 convolution to 256 channels, batch normalisation and ReLU; kernels begin as in PCB's code (He et al., by the fan-out)."""
    convolution = nn.Conv2d(channels, REDUCED, 1, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out")
    return nn.Sequential(convolution, nn.BatchNorm2d(REDUCED), nn.ReLU())
