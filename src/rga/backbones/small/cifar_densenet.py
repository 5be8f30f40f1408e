"""DenseNets for small images, of section 3 in Huang et al., "Densely Connected Convolutional Networks" (arXiv 1608.06993): DenseNet-BC.

A 3x3 stem of twice the growth rate at full resolution, and three blocks of (depth - 4) / 6 layers each. A layer squeezes all maps before it
to four times the growth rate, and adds its own maps to them; between blocks half of the maps go on, at half the resolution. (timm's and
torchvision's DenseNets are those for ImageNet, whose stem leaves an eighth of the resolution to the first block.)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rga.backbones.small.small_images import SmallImageNetwork
from rga.errors import InputError

BOTTLENECK = 4
"""Maps within a layer, in growth rates."""


class CifarDenseLayer(nn.Module):
    """BN, ReLU, 1x1 convolution, BN, ReLU, 3x3 convolution; its maps go behind those that came in.

    Args:
        channels_in: of the map that comes in.
        growth: channels that are added.
    """

    def __init__(self, channels_in: int, growth: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, BOTTLENECK * growth, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(BOTTLENECK * growth)
        self.conv2 = nn.Conv2d(BOTTLENECK * growth, growth, 3, 1, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels_in, H, W) -> (B, channels_in + growth, H, W)."""
        new = self.conv2(F.relu(self.bn2(self.conv1(F.relu(self.bn1(x))))))
        return torch.cat([x, new], 1)


class Transition(nn.Module):
    """BN, ReLU, 1x1 convolution, and the mean of 2x2 positions.

    Args:
        channels_in: of the map that comes in.
        channels: of the map that goes out.
    """

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(channels_in)
        self.conv = nn.Conv2d(channels_in, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels_in, H, W) -> (B, channels, H / 2, W / 2)."""
        return F.avg_pool2d(self.conv(F.relu(self.bn(x))), 2)


class CifarDenseNet(SmallImageNetwork):
    """A DenseNet-BC of 6n + 4 layers for images of about 32x32.

    Args:
        depth: 6n + 4: 100, 190 or 250 in the paper.
        growth: channels that each layer adds: 12, 40 or 24 with these depths.
        num_classes: of the classifier; 0 for none: the network returns the pooled features.
        in_chans: channels of the images.

    Raises:
        InputError: the depth is not 6n + 4, or nothing would grow.

    Example:
        >>> CifarDenseNet(22, 8, num_classes=10)(torch.rand(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(self, depth: int, growth: int, *, num_classes: int = 10, in_chans: int = 3) -> None:
        layers, rest = divmod(depth - 4, 6)
        if rest or layers < 1:
            raise InputError(f"a CIFAR DenseNet-BC has 6n + 4 layers (100, 190, 250, ...), got {depth}")
        if growth < 1:
            raise InputError(f"the growth rate must be at least 1, got {growth}")
        stem, grown = 2 * growth, layers * growth
        first = stem + grown
        second = first // 2 + grown
        third = second // 2 + grown
        super().__init__(("block1", "block2", "block3"), (first, second, third), num_classes)
        self.conv0 = nn.Conv2d(in_chans, stem, 3, 1, 1, bias=False)
        self.block1 = dense_block(stem, growth, layers)
        self.transition1 = Transition(first, first // 2)
        self.block2 = dense_block(first // 2, growth, layers)
        self.transition2 = Transition(second, second // 2)
        self.block3 = dense_block(second // 2, growth, layers)
        self.bn = nn.BatchNorm2d(third)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward_features(self, images: Tensor) -> Tensor:
        """Images (B, in_chans, H, W) -> the last block's map, normalised, (B, num_features, H / 4, W / 4)."""
        x = self.transition1(self.block1(self.conv0(images)))
        x = self.block3(self.transition2(self.block2(x)))
        return F.relu(self.bn(x))


def dense_block(channels: int, growth: int, layers: int) -> nn.Sequential:
    """Layers each of which gets the maps of all before it."""
    return nn.Sequential(*(CifarDenseLayer(channels + index * growth, growth) for index in range(layers)))
