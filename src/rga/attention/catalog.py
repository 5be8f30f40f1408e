"""The catalogue: every attention by its name, under one contract.

An attention is a module that takes a map (B, C, H, W) and returns a map of the same shape. Those that multiply the map expose their
gates as the output of a child named ``gate`` (``recorder`` watches it). All compute in float32 at least, see ``precision``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial

from torch import nn

from rga.arrays import check_count
from rga.attention.arrangements import relation_attention
from rga.attention.grid import Grid, check_grid
from rga.attention.others import dual, from_timm, spatial_channel
from rga.attention.others.coordinate import CoordinateAttention
from rga.attention.others.criss_cross import CrissCrossAttention
from rga.attention.others.frequency_channel import FrequencyChannelAttention
from rga.attention.others.fully_connected import (
    FullyConnectedChannelAttention,
    FullyConnectedSpatialAttention,
    fully_connected_parallel,
)
from rga.attention.others.harmonious import HarmoniousAttention
from rga.attention.others.multi_scale import EfficientMultiScaleAttention
from rga.attention.others.non_local import SimplifiedNonLocal
from rga.attention.others.simam import SimAM
from rga.attention.others.triplet import TripletAttention
from rga.attention.precision import wide
from rga.checks import nearest
from rga.errors import InputError

Builder = Callable[..., nn.Module]

OF_A_GRID: dict[str, Builder] = {
    "rga-s": partial(relation_attention, "s"),
    "rga-c": partial(relation_attention, "c"),
    "rga-sc": partial(relation_attention, "sc"),
    "rga-cs": partial(relation_attention, "cs"),
    "rga-parallel": partial(relation_attention, "parallel"),
    "fc-s": FullyConnectedSpatialAttention,
    "fc-parallel": fully_connected_parallel,
}
"""Attentions whose weights belong to one grid: name -> builder(channels, grid, **options)."""

OF_ANY_GRID: dict[str, Builder] = {
    "fc-c": FullyConnectedChannelAttention,
    "se": from_timm.squeeze_excite,
    "cbam-s": from_timm.cbam_spatial,
    "cbam-c": from_timm.cbam_channel,
    "cbam-cs": from_timm.cbam,
    "non-local": from_timm.non_local,
    "simple-non-local": SimplifiedNonLocal,
    "gc": from_timm.global_context,
    "position": dual.PositionAttention,
    "channel": dual.ChannelAttention,
    "dual": dual.DualAttention,
    "sca-s": spatial_channel.SpatialAttention,
    "sca-c": spatial_channel.ChannelAttention,
    "harmonious": HarmoniousAttention,
    "simam": SimAM,
    "triplet": TripletAttention,
    "ema": EfficientMultiScaleAttention,
    "fca": FrequencyChannelAttention,
    "criss-cross": CrissCrossAttention,
    "coordinate": CoordinateAttention,
    **{f"timm:{name}": partial(from_timm.timm_attention, name) for name in from_timm.TIMM_NAMES},
}
"""Attentions that take maps of any size: name -> builder(channels, **options)."""


def list_attentions() -> list[str]:
    """The names that ``create_attention`` knows.

    Example:
        >>> "rga-sc" in list_attentions()
        True
    """
    return [*OF_A_GRID, *OF_ANY_GRID]


def create_attention(name: str, channels: int, grid: Grid | None = None, **options: object) -> nn.Module:
    """Builds an attention: a module that maps (B, channels, H, W) to the same shape.

    Args:
        name: one of ``list_attentions()``.
        channels: channels of the maps.
        grid: (H, W) of the maps; needed by the attentions whose weights belong to a grid (``rga-*``, ``fc-s``, ``fc-parallel``).
        **options: the attention's own options, checked; those of ``rga-*`` are described at ``rga.attention.relation_attention``.

    Raises:
        InputError: the name is unknown, there are no channels, the grid is missing, or an option is out of its range.
        TypeError: the attention has no such option.

    Example:
        >>> attention = create_attention("rga-sc", channels=256, grid=(64, 32))
        >>> sum(p.numel() for p in attention.parameters())
        2673172
    """
    if not isinstance(name, str) or (name not in OF_A_GRID and name not in OF_ANY_GRID):
        raise InputError(f"unknown attention {name!r}{nearest(name, list_attentions())}")
    channels = check_count("channels", channels)
    build = OF_A_GRID.get(name) or OF_ANY_GRID[name]
    accepted = option_defaults(build)
    for option, value in options.items():
        if option not in accepted:
            raise TypeError(f"attention {name!r} has no option {option!r}: it takes {', '.join(accepted) or 'none'}")
        if isinstance(accepted[option], bool) and not isinstance(value, bool):
            raise InputError(f"{option} must be True or False, got {value!r}")
        if isinstance(accepted[option], int) and not isinstance(accepted[option], bool):
            check_count(option, value)
    if name in OF_ANY_GRID:
        return wide(build(channels, **options))
    if grid is None:
        raise InputError(f"attention {name!r} is built for one grid of positions: pass grid=(height, width) of its maps")
    return wide(build(channels, check_grid(grid), **options))


def option_defaults(build: Builder) -> dict[str, object]:
    """The keyword-only parameters of a builder, which are its options, with their defaults."""
    return {p.name: p.default for p in inspect.signature(build).parameters.values() if p.kind is p.KEYWORD_ONLY}
