"""The blocks of OSNet, of section 3 in Zhou et al., "Omni-Scale Feature Learning for Person Re-Identification" (arXiv 1905.00953).

A block sends a squeezed map through four streams of one to four light 3x3 convolutions, whose receptive fields are 3, 5, 7 and 9. One gate,
shared by all streams, weighs the channels of each before they are added. Names of weights are torchreid's.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

InstanceNorm = Literal["none", "after", "inside"]
"""Where a block has an instance normalisation: nowhere, after the shortcut is added (OSNet-IBN), or in its branch (OSNet-AIN)."""

SQUEEZE = 4
"""Channels of a block, over those of its streams."""

GATE_SQUEEZE = 16
"""Channels of a stream, over those inside of the gate."""


class ConvLayer(nn.Module):
    """A convolution, a normalisation, and ReLU.

    Args:
        channels_in: of the map that comes in.
        channels: of the map that goes out.
        kernel_size: of the convolution, which pads to keep the size of the map.
        stride: of the convolution.
        instance_norm: normalise each image by itself instead of the batch.
        relu: False leaves ReLU out.
    """

    def __init__(
        self, channels_in: int, channels: int, kernel_size: int = 1, stride: int = 1, *, instance_norm: bool = False, relu: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, kernel_size, stride, kernel_size // 2, bias=False)
        self.bn = nn.InstanceNorm2d(channels, affine=True) if instance_norm else nn.BatchNorm2d(channels)
        self.relu = nn.ReLU() if relu else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels_in, H, W) -> (B, channels, H / stride, W / stride)."""
        found: Tensor = self.relu(self.bn(self.conv(x)))
        return found


class LightConv3x3(nn.Module):
    """A 3x3 convolution in two parts: a 1x1 convolution over channels, and a 3x3 one for each channel; then BN and ReLU.

    Args:
        channels: of the map, before and after.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return F.relu(self.bn(self.conv2(self.conv1(x))))


class ChannelGate(nn.Module):
    """Weighs channels by their means over the map: the paper's aggregation gate.

    Args:
        channels: of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // GATE_SQUEEZE, 1)
        self.fc2 = nn.Conv2d(channels // GATE_SQUEEZE, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        means = x.mean((2, 3), keepdim=True)  # (B, C, 1, 1)
        gates: Tensor = self.fc2(F.relu(self.fc1(means))).sigmoid()  # (B, C, 1, 1)
        return x * gates


class OSBlock(nn.Module):
    """A residual block of omni-scale features.

    Args:
        channels_in: of the map that comes in.
        channels: of the map that goes out.
        instance_norm: normalise the sum of branch and shortcut, each image by itself.
    """

    def __init__(self, channels_in: int, channels: int, *, instance_norm: bool = False) -> None:
        super().__init__()
        inner = channels // SQUEEZE
        self.conv1 = ConvLayer(channels_in, inner)
        self.conv2a = LightConv3x3(inner)
        self.conv2b = stream(inner, 2)
        self.conv2c = stream(inner, 3)
        self.conv2d = stream(inner, 4)
        self.gate = ChannelGate(inner)
        self.conv3: nn.Module = ConvLayer(inner, channels, relu=False)
        self.downsample = ConvLayer(channels_in, channels, relu=False) if channels_in != channels else nn.Identity()
        self.IN: nn.Module = nn.InstanceNorm2d(channels, affine=True) if instance_norm else nn.Identity()

    def branch(self, x: Tensor) -> Tensor:
        """What is added to the shortcut: (B, channels_in, H, W) -> (B, channels, H, W)."""
        inner = self.conv1(x)
        streams = [stream(inner) for stream in (self.conv2a, self.conv2b, self.conv2c, self.conv2d)]
        first, second, third, fourth = map(self.gate, streams)
        found: Tensor = self.conv3(first + second + third + fourth)
        return found

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels_in, H, W) -> (B, channels, H, W)."""
        return F.relu(self.IN(self.branch(x) + self.downsample(x)))


class OSBlockINin(OSBlock):
    """The block of OSNet-AIN, of Zhou et al. (arXiv 1910.06827): the branch ends in an instance normalisation, not in BN.

    Args:
        channels_in: of the map that comes in.
        channels: of the map that goes out.
    """

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__(channels_in, channels, instance_norm=True)
        self.conv3 = nn.Sequential()
        self.conv3.add_module("conv", nn.Conv2d(channels // SQUEEZE, channels, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels_in, H, W) -> (B, channels, H, W)."""
        return F.relu(self.IN(self.branch(x)) + self.downsample(x))


def stream(channels: int, depth: int) -> nn.Sequential:
    """Light convolutions in a row."""
    return nn.Sequential(*(LightConv3x3(channels) for _ in range(depth)))


def block(channels_in: int, channels: int, instance_norm: InstanceNorm) -> OSBlock:
    """A block with an instance normalisation at its place."""
    if instance_norm == "inside":
        return OSBlockINin(channels_in, channels)
    return OSBlock(channels_in, channels, instance_norm=instance_norm == "after")
