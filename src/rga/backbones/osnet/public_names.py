"""Names of weights in the files of torchreid and fast-reid -> ours. They are the same, but for OSNet-AIN's streams and transitions."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

STREAMS = "abcd"


def from_public_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of an OSNet under the names of others -> under ours; those that have ours already keep them.

    Example:
        >>> import torch
        >>> names = ("conv2.0.conv2.0.layers.0.bn.bias", "conv3.1.conv2.3.layers.2.conv1.weight", "pool2.0.bn.weight", "conv5.bn.bias")
        >>> list(from_public_names(dict.fromkeys(names, torch.zeros(1))))
        ['conv2.0.conv2a.bn.bias', 'conv3.1.conv2d.2.conv1.weight', 'conv2.2.0.bn.weight', 'conv5.bn.bias']
    """
    return {our_name(name): value for name, value in state.items()}


def our_name(name: str) -> str:
    """The name of one tensor."""
    if found := re.match(r"(conv[234]\.\d)\.conv2\.([0-3])\.layers\.(\d)\.(.*)", name):
        block, stream, layer, rest = found.groups()
        place = f"{block}.conv2{STREAMS[int(stream)]}"
        return f"{place}.{rest}" if stream == "0" else f"{place}.{layer}.{rest}"
    return re.sub(r"^pool([23])\.0\.", r"conv\1.2.0.", name)
