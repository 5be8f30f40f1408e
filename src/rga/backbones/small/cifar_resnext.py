"""ResNeXts for small images, of section 5.3 in Xie et al., "Aggregated Residual Transformations..." (arXiv 1611.05431).

A 3x3 stem of 64 channels at full resolution, and three stages of (depth - 2) / 9 bottleneck blocks with 256, 512 and 1,024 channels, whose
3x3 convolution works on as many groups of channels as the cardinality says. (timm's ResNeXts are those for ImageNet, with four stages.)
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from rga.backbones.small.small_images import SmallImageNetwork
from rga.errors import InputError

STEM = 64
WIDTHS = (256, 512, 1024)


class CifarResNextBlock(nn.Module):
    """1x1, grouped 3x3 and 1x1 convolutions, and a shortcut, by a 1x1 convolution where the shape of the map changes.

    Args:
        channels_in: of the map that comes in.
        channels: of the map that goes out.
        width: channels of the grouped convolution.
        groups: of its channels.
        stride: of it.
    """

    def __init__(self, channels_in: int, channels: int, width: int, groups: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)
        self.shortcut: nn.Module = nn.Identity()
        if (channels_in, stride) != (channels, 1):
            self.shortcut = nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels_in, H, W) -> (B, channels, H / stride, W / stride)."""
        inner = F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))
        return F.relu(self.bn3(self.conv3(inner)) + self.shortcut(x))


class CifarResNext(SmallImageNetwork):
    """A ResNeXt of 9n + 2 layers for images of about 32x32.

    Args:
        depth: 9n + 2: 29 in the paper.
        cardinality: groups of the 3x3 convolutions: 8 or 16 in the paper.
        base_width: channels of a group in the first stage: 64 in the paper; doubled with each stage.
        num_classes: of the classifier; 0 for none: the network returns the pooled features.
        in_chans: channels of the images.

    Raises:
        InputError: the depth is not 9n + 2, or cardinality or width are not positive.

    Example:
        >>> import torch
        >>> CifarResNext(11, 2, 8, num_classes=10)(torch.rand(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(self, depth: int, cardinality: int, base_width: int, *, num_classes: int = 10, in_chans: int = 3) -> None:
        super().__init__(("layer1", "layer2", "layer3"), WIDTHS, num_classes)
        blocks, rest = divmod(depth - 2, 9)
        if rest or blocks < 1:
            raise InputError(f"a CIFAR ResNeXt has 9n + 2 layers (29, ...), got {depth}")
        if min(cardinality, base_width) < 1:
            raise InputError(f"cardinality and base width must be at least 1, got {cardinality} and {base_width}")
        width = cardinality * base_width
        self.conv1 = nn.Conv2d(in_chans, STEM, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(STEM)
        self.layer1 = stage(STEM, WIDTHS[0], width, cardinality, blocks, 1)
        self.layer2 = stage(WIDTHS[0], WIDTHS[1], 2 * width, cardinality, blocks, 2)
        self.layer3 = stage(WIDTHS[1], WIDTHS[2], 4 * width, cardinality, blocks, 2)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward_features(self, images: Tensor) -> Tensor:
        """Images (B, in_chans, H, W) -> the last stage's map (B, 1024, H / 4, W / 4)."""
        x = F.relu(self.bn1(self.conv1(images)))
        last: Tensor = self.layer3(self.layer2(self.layer1(x)))
        return last


def stage(channels_in: int, channels: int, width: int, groups: int, blocks: int, stride: int) -> nn.Sequential:
    """A stage's blocks, of which the first changes the shape of the map."""
    first = CifarResNextBlock(channels_in, channels, width, groups, stride)
    return nn.Sequential(first, *(CifarResNextBlock(channels, channels, width, groups, 1) for _ in range(blocks - 1)))
