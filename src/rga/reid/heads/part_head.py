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
from rga.errors import InputError
from rga.reid.classifier import CLASSIFIERS, Classifier
from rga.reid.heads.outputs import Learnt, Outputs
from rga.reid.heads.stripes import check_stripes

REDUCED = 256
"""Dimensions of a part's feature, in all of the papers."""


class PartHead(nn.Module):
    """Maps in; features, and named features and logits for the losses out.

    Args:
        channels: of the maps.
        names: of the parts, in the order in which they stand in the features.
        classes: identities that the classifiers tell apart; 0 for none.
        classifier: ``"linear"`` or ``"cosine"``.
        shared: one reduction for all parts, and not one for each.
        whole: names of the parts whose identities are told by the vector before the reduction, and whose reduced features are compared.
    """

    PARTS: ClassVar[tuple[int, ...]]
    """The paper's numbers of parts."""

    def __init__(
        self,
        channels: int,
        names: Sequence[str],
        classes: int,
        classifier: Classifier,
        *,
        shared: bool = False,
        whole: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.channels = channels
        self.names = tuple(names)
        self.whole = tuple(whole)
        self.neck: nn.Module = reduction(channels) if shared else nn.ModuleDict({name: reduction(channels) for name in names})
        widths = {name: channels if name in whole else REDUCED for name in names}
        self.classifiers = nn.ModuleDict({name: CLASSIFIERS[classifier](widths[name], classes) for name in names} if classes else {})
        for each in self.classifiers.values():
            nn.init.normal_(each.weight, std=0.001)  # type: ignore[arg-type]

    @classmethod
    def branches(cls, parts: Sequence[int]) -> int:
        """The branches that it needs of the backbone for its parts, besides the backbone itself."""
        return 0 * len(parts)

    @classmethod
    def compares(cls) -> bool:
        """Whether it has features that triplets, pairs and centres may compare."""
        return False

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


def one_number(parts: Sequence[int], head: str) -> int:
    """The one number of parts of a head that has one.

    Raises:
        InputError: there are several.
    """
    if len(parts) != 1:
        raise InputError(f"the parts of head {head} are one number, got {' '.join(map(str, parts))}")
    return parts[0]


def check_heights(parts: Sequence[int], grid: Grid) -> None:
    """Raises an InputError if a map has fewer rows than it is to have parts."""
    for stripes in parts:
        check_stripes(stripes, grid[0])
