"""ResNets for small images, of section 4.2 in He et al., "Deep Residual Learning for Image Recognition" (arXiv 1512.03385).

A 3x3 stem of 16 channels at full resolution, three stages of 16, 32 and 64 channels with (depth - 2) / 6 blocks each, and parameter-free
shortcuts (the paper's option A). Names of weights are those of the public ones for CIFAR-10 (akamaster/pytorch_resnet_cifar10), but for
the classifier, which is timm's ``fc``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional as F

from rga.backbones.small.small_images import SmallImageNetwork
from rga.errors import InputError

WIDTHS = (16, 32, 64)


class CifarBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut without weights: every second position, and zeros for the channels that come new.

    Args:
        channels_in: of the map that comes in.
        channels: of the map that goes out.
        stride: of the first convolution.
    """

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels_in, H, W) -> (B, channels, H / stride, W / stride)."""
        residual = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(residual + self.shortcut(x))

    def shortcut(self, x: Tensor) -> Tensor:
        """Option A; the stride is the convolution's, so that it follows when a task changes that."""
        down, across = self.conv1.stride
        new = self.conv1.out_channels - self.conv1.in_channels
        if (down, across, new) != (1, 1, 0):
            x = F.pad(x[..., ::down, ::across], (0, 0, 0, 0, new // 2, new - new // 2))
        return x


class CifarResNet(SmallImageNetwork):
    """A ResNet of 6n + 2 layers for images of about 32x32.

    Args:
        depth: 6n + 2: 20, 32, 44, 56 or 110 in the paper.
        num_classes: of the classifier; 0 for none: the network returns the pooled features.
        in_chans: channels of the images.

    Raises:
        InputError: the depth is not 6n + 2.

    Example:
        >>> import torch
        >>> CifarResNet(20, num_classes=10)(torch.rand(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(self, depth: int, *, num_classes: int = 10, in_chans: int = 3) -> None:
        super().__init__(("layer1", "layer2", "layer3"), WIDTHS, num_classes)
        blocks, rest = divmod(depth - 2, 6)
        if rest or blocks < 1:
            raise InputError(f"a CIFAR ResNet has 6n + 2 layers (20, 32, 44, 56, 110, ...), got {depth}")
        self.conv1 = nn.Conv2d(in_chans, WIDTHS[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.layer1 = stage(WIDTHS[0], WIDTHS[0], blocks, 1)
        self.layer2 = stage(WIDTHS[0], WIDTHS[1], blocks, 2)
        self.layer3 = stage(WIDTHS[1], WIDTHS[2], blocks, 2)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(module.weight)

    def forward_features(self, images: Tensor) -> Tensor:
        """Images (B, in_chans, H, W) -> the last stage's map (B, 64, H / 4, W / 4)."""
        x = F.relu(self.bn1(self.conv1(images)))
        last: Tensor = self.layer3(self.layer2(self.layer1(x)))
        return last


def from_public_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights under the names of the public ones for CIFAR-10 -> under ours; those that have ours already keep them.

    Example:
        >>> import torch
        >>> list(from_public_names({"linear.bias": torch.zeros(10), "conv1.weight": torch.zeros(16, 3, 3, 3)}))
        ['fc.bias', 'conv1.weight']
    """
    return {re.sub(r"^linear\.", "fc.", name): value for name, value in state.items()}


def stage(channels_in: int, channels: int, blocks: int, stride: int) -> nn.Sequential:
    """A stage's blocks, of which the first shrinks the map."""
    first = CifarBlock(channels_in, channels, stride)
    return nn.Sequential(first, *(CifarBlock(channels, channels, 1) for _ in range(blocks - 1)))
