"""How what a module returns lies in memory, and how attention over maps meets it: as maps, maps with channels last, or tokens.

Networks of the transformer family hold their maps as (B, H, W, C), or as tokens (B, N, C): those of the patches, row by row, after a few
that are no part of the map (of the class, of a distillation, registers), which pass by attention untouched. How many patches there are
down and across is seen where the patches are made: in the convolution that makes them, which notes it in every pass, so that a network of
dynamic image sizes tells its attention.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from rga.attention.grid import Grid
from rga.errors import InputError

ROW_BY_ROW = frozenset(
    ("VisionTransformer", "VisionTransformerDistilled", "VisionTransformerRelPos", "Eva", "Beit", "Cait", "Xcit", "MlpMixer")
)
"""Classes of networks, of timm and torchvision, whose tokens are the patches row by row. Others shuffle them, as Hiera does: their tokens
are as many, and are no map."""

CHANNELS_LAST = frozenset({"SwinTransformer"})
"""Classes that do not say themselves, by ``output_fmt``, that their maps are (B, H, W, C): torchvision's."""

MOST_PREFIX_TOKENS = 8
"""Tokens before those of the patches, of a network that does not say how many it has."""


class PatchGrid(nn.Module):
    """Notes the grid of the patches in every pass, and hands the map on.

    ``nn.DataParallel`` copies modules in each pass, and attention goes on to know the first one: the copies share the notes, one a device.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[torch.device, Grid] = {}

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        self.seen[x.device] = (x.shape[2], x.shape[3])
        return x


@dataclass(frozen=True)
class Layout:
    """How the output of a module lies.

    Attributes:
        kind: maps (B, C, H, W), channels last (B, H, W, C), or tokens (B, prefix + H * W, C).
        prefix: tokens before those of the patches.
        embedding: qualified name of the convolution that makes the patches.
        grid: (H, W) of the patches, where ``patches`` saw none.
        patches: what notes the grid.
    """

    kind: Literal["maps", "channels last", "tokens"] = "maps"
    prefix: int = 0
    embedding: str = ""
    grid: Grid = (0, 0)
    patches: PatchGrid | None = None

    def through(self, attention: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """What a module returned, in its layout, after an attention over maps (B, C, H, W).

        Raises:
            InputError: there is another number of tokens than patches.
        """
        if self.kind == "maps":
            return attention(x)
        if self.kind == "channels last":
            return attention(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        height, width = self.grid_of(x.shape[1] - self.prefix, x.device)
        patches = x[:, self.prefix :].mT.unflatten(2, (height, width))  # (B, H * W, C) -> (B, C, H, W)
        out = attention(patches).flatten(2).mT
        return torch.cat([x[:, : self.prefix], out], dim=1) if self.prefix else out

    def grid_of(self, count: int, device: torch.device) -> Grid:
        """The grid of so many patches: that which was seen in this pass, or that of the images that the network was built for.

        Patches are made on the device of the tokens, or on another one where a network is spread over several.
        """
        seen = {} if self.patches is None else self.patches.seen
        for grid in (seen.get(device), *seen.values(), self.grid):
            if grid is not None and grid[0] * grid[1] == count:
                return grid
        raise InputError(
            f"{count} tokens of patches are no map of {self.grid[0]}x{self.grid[1]}: attention needs all of them, row by row "
            "(no patch dropout, no merging), and on images of another size the network's own patch embedding"
        )


MAPS = Layout()

Reading = tuple[int, Grid, Layout]
"""Channels, grid and layout of what a module returned."""


def said_layout(model: nn.Module) -> str:
    """The layout of the maps of a network, as timm writes it: NCHW, NHWC."""
    said = getattr(model, "output_fmt", None)
    if said is None:
        return "NHWC" if any(kind.__name__ in CHANNELS_LAST for kind in type(model).__mro__) else "NCHW"
    return str(getattr(said, "value", said))  # timm has an enumeration of them


def reader(model: nn.Module, outputs: Sequence[tuple[str, object]], image_size: Grid) -> Callable[[str, Tensor], Reading | None]:
    """How the outputs of a network's modules are read as maps.

    Args:
        model: the network.
        outputs: of its modules, in the order in which they ended.
        image_size: (height, width) of the images.

    Returns:
        A function of a module's name and output: channels, grid and layout; None for what is no map.
    """
    modules = dict(model.named_modules())
    last = [name for name, part in modules.items() if said_layout(part) == "NHWC"]
    patches = patches_of(model, outputs)

    def read(name: str, output: Tensor) -> Reading | None:
        if output.dim() == 4:
            within = any(not part or name == part or name.startswith(f"{part}.") for part in last)
            if within and not isinstance(modules[name], nn.Conv2d) and has_aspect(output.shape[1:3], image_size):
                return output.shape[3], (output.shape[1], output.shape[2]), Layout("channels last")
            return output.shape[1], (output.shape[2], output.shape[3]), MAPS
        if output.dim() == 3 and patches is not None:
            prefix = output.shape[1] - patches.grid[0] * patches.grid[1]
            if prefix in (0, patches.prefix):  # some join the others on the way
                return output.shape[2], patches.grid, replace(patches, prefix=prefix)
        return None

    return read


def patches_of(model: nn.Module, outputs: Sequence[tuple[str, object]]) -> Layout | None:
    """The layout of a network's tokens; None where it has none, or where they are not known to be a map row by row."""
    network = next((part for part in model.modules() if any(kind.__name__ in ROW_BY_ROW for kind in type(part).__mro__)), None)
    if network is None:
        return None
    convolutions = {name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)}
    embedding, grid = "", (0, 0)
    for name, output in outputs:
        if not isinstance(output, Tensor):
            continue
        if output.dim() == 4 and name in convolutions:
            embedding, grid = name, (output.shape[2], output.shape[3])
        if output.dim() == 3 and embedding and output.shape[1] >= grid[0] * grid[1]:
            break
    counts = [output.shape[1] - grid[0] * grid[1] for _, output in outputs if isinstance(output, Tensor) and output.dim() == 3]
    said = getattr(network, "num_prefix_tokens", None)
    prefix = said if isinstance(said, int) else max((count for count in counts if count <= MOST_PREFIX_TOKENS), default=0)
    return Layout("tokens", prefix, embedding, grid) if embedding else None


def has_aspect(grid: Sequence[int], image_size: Grid) -> bool:
    """Whether height and width of a map are in about the proportion of the image's."""
    down, across = image_size[0] / grid[0], image_size[1] / grid[1]
    return max(down, across) <= 1.75 * min(down, across)
