"""IBN-a: instance and batch normalisation side by side, in the ResNets of timm.

Pan et al., "Two at Once: Enhancing Learning and Generalization Capacities via IBN-Net" (ECCV 2018, arXiv 1807.09441), figure 3. In the
first three stages the first normalisation of each block normalises half of its channels image by image, which takes the look of a camera
out of them, and the other half as before. Names of weights are those of the public ones (XingangPan/IBN-Net): ``layer1.0.bn1.IN.weight``.
"""

from __future__ import annotations

import torch
from timm.models.resnet import BasicBlock, Bottleneck
from torch import Tensor, nn

from rga.errors import InputError

STAGES = ("layer1", "layer2", "layer3")
"""The stages of a ResNet that have IBN; the last one tells identities apart, and keeps its BN."""


class InstanceBatchNorm2d(nn.Module):
    """The first half of the channels by instance normalisation, the others by batch normalisation.

    Args:
        channels: of the map, two or more.
        eps: added to variances.
        momentum: of the batch normalisation's running statistics.

    Example:
        >>> InstanceBatchNorm2d(64)(torch.rand(2, 64, 8, 4)).shape
        torch.Size([2, 64, 8, 4])
    """

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float | None = 0.1) -> None:
        super().__init__()
        self.IN = nn.InstanceNorm2d(channels // 2, eps=eps, affine=True)
        self.BN = nn.BatchNorm2d(channels - channels // 2, eps=eps, momentum=momentum)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W).

        Raises:
            InputError: the map has one position, whose variance is none.
        """
        if x.shape[2] * x.shape[3] == 1:
            raise InputError("instance normalisation needs maps of two positions or more, got one: take larger images, or leave ibn out")
        half = self.IN.num_features
        return torch.cat([self.IN(x[:, :half]), self.BN(x[:, half:])], 1)


def use_ibn(network: nn.Module) -> None:
    """Puts IBN-a into a ResNet, in place.

    Args:
        network: a ResNet of timm, or the extractor of its maps that ``features_only`` builds, whose blocks are ``BasicBlock`` or
            ``Bottleneck`` with batch normalisations.

    Raises:
        InputError: it is another network, or normalises in another way.
    """
    stages = dict(network.named_children())
    blocks = [block for name in STAGES if name in stages for block in stages[name].modules() if isinstance(block, (BasicBlock, Bottleneck))]
    if not all(name in stages for name in STAGES) or not blocks:
        raise InputError(
            f"ibn is of ResNets, whose stages {', '.join(STAGES)} are made of basic blocks or bottlenecks, and not of a "
            f"{type(network).__name__}: leave it out, or choose a ResNet such as resnet50"
        )
    for block in blocks:
        norm = block.bn1
        if type(norm) is not nn.BatchNorm2d:
            raise InputError(
                f"ibn takes the place of a BatchNorm2d, and the blocks have a {type(norm).__name__}: leave norm_layer or ibn out"
            )
        block.bn1 = InstanceBatchNorm2d(norm.num_features, norm.eps, norm.momentum)
