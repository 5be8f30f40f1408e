"""Heads: what turns a backbone's last map into scores of the classes, as published, on the map's own resolution.

| name | from | what it adds |
|---|---|---|
| fcn | Long, Shelhamer, Darrell, CVPR 2015 (torchvision's) | a 3x3 convolution |
| psp | PSPNet: Zhao et al., CVPR 2017 (segmentation-models-pytorch's) | averages over 1, 4, 9 and 36 regions |
| aspp | DeepLabv3: Chen et al., arXiv 1706.05587 (torchvision's) | convolutions with three dilations, and the mean of the image |
| object-context | OCNet: Yuan et al., arXiv 1809.00916 (base-OC) | for every position the sum of those that resemble it |
| dual | DANet: Fu et al., CVPR 2019 | position and channel attention, side by side |

The last two gather with an affinity of all positions through PyTorch's fused attention, which does not keep it, and in float32 at least, as
all attention does (``rga.attention.precision``).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.segmentation.deeplabv3 import DeepLabHead
from torchvision.models.segmentation.fcn import FCNHead

from rga.attention.others.dual import ChannelAttention, PositionAttention
from rga.attention.precision import WideModule, apply_in_float32, in_float32, widened
from rga.errors import InputError
from rga.extras import require

Builder = Callable[[int, int, int], nn.Module]
"""Channels of the map, classes, output stride -> head."""


def conv_norm_relu(channels_in: int, channels: int, kernel: int) -> nn.Sequential:
    """A convolution that keeps the map's size, BN and ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
    )


def fcn(channels: int, classes: int, _output_stride: int) -> nn.Module:
    """The head of fully convolutional networks; also the auxiliary one."""
    head: nn.Module = FCNHead(channels, classes)
    return head


def aspp(channels: int, classes: int, output_stride: int) -> nn.Module:
    """DeepLabv3's head; its dilations are 12, 24 and 36 at stride 8, and half of that at stride 16."""
    head: nn.Module = DeepLabHead(channels, classes, [max(1, lr * 8 // output_stride) for lr in (12, 24, 36)])
    return head


class PyramidHead(nn.Module):
    """PSPNet's head, around the decoder of segmentation-models-pytorch.

    Args:
        channels: of the map.
        classes: how many.

    Raises:
        MissingPackageError: segmentation-models-pytorch is not installed.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        require("segmentation_models_pytorch")
        from segmentation_models_pytorch.decoders.pspnet.decoder import PSPDecoder  # noqa: PLC0415  # optional

        width = max(1, channels // 4)
        self.pyramid = PSPDecoder([channels], out_channels=width, dropout=0.1)
        self.classifier = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, channels, h, w) -> scores (B, classes, h, w)."""
        scores: Tensor = self.classifier(self.pyramid([x]))
        return scores


class ObjectContext(WideModule):
    """Every position gathers the values of those that resemble it; keys and queries are the same embedding (OCNet, section 3.2).

    Args:
        channels: of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        width = max(1, channels // 2)
        self.key = nn.Sequential(nn.Conv2d(channels, width, 1), nn.BatchNorm2d(width), nn.LeakyReLU(0.01))  # in place in their code
        self.value = nn.Conv2d(channels, width, 1)
        self.out = nn.Conv2d(width, channels, 1)
        nn.init.zeros_(self.out.weight)  # as in the authors' code: at first there is no context
        assert self.out.bias is not None
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, h, w) -> context of the same shape."""
        wide = widened(x)
        key, value = (apply_in_float32(layer, wide).flatten(2).mT for layer in (self.key, self.value))  # (B, N, width)
        return apply_in_float32(self.out, gathered(key, value).mT.unflatten(2, x.shape[-2:])).to(x.dtype)


@in_float32
def gathered(key: Tensor, value: Tensor) -> Tensor:
    """For every position the sum of the values (B, N, width) by how much their keys (B, N, width) resemble its own: (B, N, width)."""
    return F.scaled_dot_product_attention(key, key, value)


class ObjectContextHead(nn.Module):
    """OCNet's head in its base form.

    Args:
        channels: of the map.
        classes: how many.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        width = max(1, channels // 4)
        self.reduce = conv_norm_relu(channels, width, 3)
        self.context = ObjectContext(width)
        self.fuse = nn.Sequential(conv_norm_relu(2 * width, width, 1), nn.Dropout2d(0.05))
        self.classifier = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, channels, h, w) -> scores (B, classes, h, w)."""
        reduced = self.reduce(x)
        scores: Tensor = self.classifier(self.fuse(torch.cat([self.context(reduced), reduced], 1)))
        return scores


class DualHead(nn.Module):
    """DANet's head: each attention between two 3x3 convolutions, both added up. Its losses on the single branches are left out.

    Args:
        channels: of the map.
        classes: how many.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        width = max(1, channels // 4)

        def branch(attention: nn.Module) -> nn.Sequential:
            return nn.Sequential(conv_norm_relu(channels, width, 3), attention, conv_norm_relu(width, width, 3))

        self.position = branch(PositionAttention(width))
        self.channel = branch(ChannelAttention(width))
        self.classifier = nn.Sequential(nn.Dropout2d(0.1), nn.Conv2d(width, classes, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, channels, h, w) -> scores (B, classes, h, w)."""
        scores: Tensor = self.classifier(self.position(x) + self.channel(x))
        return scores


HEADS: dict[str, Builder] = {
    "fcn": fcn,
    "psp": lambda channels, classes, _: PyramidHead(channels, classes),
    "aspp": aspp,
    "object-context": lambda channels, classes, _: ObjectContextHead(channels, classes),
    "dual": lambda channels, classes, _: DualHead(channels, classes),
}
"""Name -> builder."""


def create_head(name: str, channels: int, classes: int, output_stride: int = 8) -> nn.Module:
    """Builds a head: maps (B, channels, h, w) to scores (B, classes, h, w).

    Args:
        name: one of ``HEADS``.
        channels: of the map.
        classes: how many.
        output_stride: of the map; the dilations of ``aspp`` follow it.

    Raises:
        InputError: there is no such head.
        MissingPackageError: ``psp`` needs segmentation-models-pytorch.

    Example:
        >>> create_head("object-context", 64, 19).eval()(torch.rand(1, 64, 6, 12)).shape
        torch.Size([1, 19, 6, 12])
    """
    if name not in HEADS:
        raise InputError(f"unknown head {name!r}: choose one of {', '.join(HEADS)}")
    return HEADS[name](channels, classes, output_stride)
