"""Attentions that timm implements well, under our contract.

Each is timm's own layer; we add the check of the incoming map, the precision, and the choices named here where timm's defaults are not the
publication's.
"""

from __future__ import annotations

from timm.layers import GlobalContext, NonLocalAttn, SEModule, create_attn
from timm.layers.cbam import CbamModule, ChannelAttn, SpatialAttn
from torch import Tensor, nn

from rga.attention.grid import check_map
from rga.attention.precision import WideModule, in_float32
from rga.attention.tracing import is_recorded
from rga.errors import InputError


class CheckedLayer(WideModule):
    """A layer of timm that maps (B, C, H, W) to the same shape, in float32 at least; a map that it was not built for is a clear error.

    Args:
        channels: channels C of the maps.
        layer: the layer.
    """

    def __init__(self, channels: int, layer: nn.Module) -> None:
        super().__init__()
        self.channels = channels
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> map of the same shape."""
        return applied(self.layer, check_map(x, self.channels)).to(x.dtype)


@in_float32
def applied(layer: nn.Module, x: Tensor) -> Tensor:
    """The output of a layer for a map in float32 at least; that of no images is none, which some of timm's layers cannot reshape."""
    out: Tensor = layer(x) if is_recorded() or len(x) else x.clone()
    return out


def squeeze_excite(channels: int, *, reduction: int = 16) -> nn.Module:
    """Squeeze-and-excitation: Hu, Shen, Sun, CVPR 2018, arXiv 1709.01507."""
    return CheckedLayer(channels, SEModule(channels, rd_channels=max(1, channels // reduction)))


def cbam_spatial(channels: int, *, kernel_size: int = 7) -> nn.Module:
    """Spatial half of CBAM: Woo et al., ECCV 2018, arXiv 1807.06521."""
    return CheckedLayer(channels, SpatialAttn(kernel_size))


def cbam_channel(channels: int, *, reduction: int = 8) -> nn.Module:
    """Channel half of CBAM: Woo et al., ECCV 2018, arXiv 1807.06521.

    They reduce by 16; our default of 8 has the size of the table in arXiv 1904.02998 (26.4 M parameters in its ResNet-50).
    """
    return CheckedLayer(channels, ChannelAttn(channels, rd_channels=max(1, channels // reduction)))


def cbam(channels: int, *, reduction: int = 8, kernel_size: int = 7) -> nn.Module:
    """CBAM, the channel half and then the spatial half: Woo et al., ECCV 2018, arXiv 1807.06521."""
    layer = CbamModule(channels, rd_channels=max(1, channels // reduction), spatial_kernel_size=kernel_size)
    return CheckedLayer(channels, layer)


def non_local(channels: int, *, reduction: int = 4) -> nn.Module:
    """Non-local block, embedded Gaussian: Wang et al., CVPR 2018, arXiv 1711.07971.

    As published the affinity has no scale (timm's default has one) and the block starts as the identity. They reduce by 2; our
    default of 4 has the size of the table in arXiv 1904.02998 (30.6 M parameters in its ResNet-50).
    """
    return CheckedLayer(channels, NonLocalAttn(channels, use_scale=False, rd_channels=max(1, channels // reduction)))


def global_context(channels: int, *, reduction: int = 16) -> nn.Module:
    """GC block (attention pooling, bottleneck transform, addition): Cao et al., arXiv 1904.11492.

    timm's last layer starts with a zero weight and a random bias; as published both start at zero, so that the block starts as the
    identity.
    """
    layer = GlobalContext(channels, fuse_add=True, fuse_scale=False, rd_channels=max(1, channels // reduction))
    last = layer.mlp_add.fc2
    if last.bias is not None:
        nn.init.zeros_(last.bias)
    return CheckedLayer(channels, layer)


TIMM_NAMES: dict[str, str] = {
    "se": "squeeze-and-excitation",
    "ese": "effective squeeze-and-excitation",
    "eca": "efficient channel attention",
    "ceca": "circular efficient channel attention",
    "gc": "global context, multiplied",
    "gca": "global context, added",
    "cbam": "CBAM",
    "lcbam": "CBAM, light",
    "coord": "coordinate attention",
    "scoord": "coordinate attention, simple",
    "ela": "efficient local attention",
    "strip": "strip attention",
    "nl": "non-local",
}
"""timm's attentions that keep the shape of a map, with timm's defaults: ``timm:eca`` and so on.

Two are left out: gather-excite, which timm 1.0.31 cannot build with its defaults, and the bilinear attentional transform, which serves only
maps whose sides are multiples of its block size."""


def timm_attention(name: str, channels: int) -> nn.Module:
    """One of timm's own attentions, with its defaults.

    Raises:
        InputError: timm has no such attention, or it is not one that keeps the shape of a map.
    """
    if name not in TIMM_NAMES:
        known = ", ".join(f"timm:{known}" for known in TIMM_NAMES)
        raise InputError(f"unknown attention 'timm:{name}': timm's map-to-map attentions are {known}")
    return CheckedLayer(channels, create_attn(name, channels))
