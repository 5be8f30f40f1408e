"""The stages of a convolutional network: where its maps change resolution, found without running it on data.

A network is run once on tensors without values (``probe``), and what each module returned is looked at. Where timm's
``feature_info`` names the stages, these are taken. Otherwise a stage is the last module to return a map before the maps shrink, whatever
the family calls it; inside of blocks nothing is considered, nor in heads and decoders.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from rga.attachment.hosts import Bypass
from rga.attachment.layouts import MAPS, Layout, reader, said_layout
from rga.attachment.probe import NoStagesError, run_on_meta
from rga.attention.grid import Grid, check_grid
from rga.errors import InputError

FOUR = 4
"""Blocks of a network of tokens that attention comes after, as many as stages of the paper's network."""

FIRST_LEVEL = 2
"""Stages begin where the image is halved this many times; before that is the stem."""

BY_HAND: Mapping[str, Sequence[str]] = {
    # with the last stride 1, as in re-identification, or dilated, as in segmentation, two stages share a resolution
    "ResNet": ("layer1", "layer2", "layer3", "layer4"),
    "IntermediateLayerGetter": ("layer1", "layer2", "layer3", "layer4"),  # as torchvision's segmentation models hold their ResNet
    # made for small images: their first stage has the full resolution
    "CifarResNet": ("layer1", "layer2", "layer3"),
    "CifarResNext": ("layer1", "layer2", "layer3"),
    "CifarDenseNet": ("block1", "block2", "block3"),
    "OSNet": ("conv2", "conv3", "conv4"),  # the last two share a resolution
    # keeps its resolutions side by side and adds them up at the end: the stages are the branches, before they are added
    "SwinTransformer": ("features.1", "features.3", "features.5", "features.7"),  # torchvision's; timm's says its stages
    "HighResolutionNet": ("incre_modules.0", "incre_modules.1", "incre_modules.2", "incre_modules.3"),
}
"""Stages of network classes for which neither rule holds."""

BRANCH_ENDS: Mapping[str, Sequence[str]] = {
    "BasicBlock": ("bn2",),
    "Bottleneck": ("bn3", "conv3"),  # ResNets', and RegNets'
    "CifarBlock": ("bn2",),
    "CifarResNextBlock": ("bn3",),
    "CifarDenseLayer": ("conv2",),
    "OSBlock": ("conv3",),
    "OSBlockINin": ("IN",),
    "DenseLayer": ("conv2",),
    "_DenseLayer": ("conv2",),
    "InvertedResidual": ("bn3", "conv", "block"),  # of MobileNets and EfficientNets; in torchvision the whole branch is one module
    "DepthwiseSeparableConv": ("bn2",),
    "EdgeResidual": ("bn2",),
    "MBConv": ("block",),
    "CNBlock": ("block",),
}
"""Block classes of timm, torchvision and our own -> the last module of their branch, the first of these names that they have: what it
returns is added to the shortcut, or to the maps before it."""

HEADS = frozenset({"classifier", "aux_classifier", "head", "heads", "decode_head", "segmentation_head", "auxiliary_head", "aux1", "aux2"})
"""Names of modules whose maps are class scores, not features."""

BACKBONES = ("backbone", "encoder", "trunk", "body", "model", "net", "base_model", "features_extractor")
"""Names under which a larger model, for segmentation say, holds the network that its features come from."""

SAFE_SIDE = 128
"""From images of this side on, no network with the usual five halvings has stages of one position, nor does padding look like a level."""


@dataclass(frozen=True)
class Stage:
    """A position in a network where an attention can go.

    Attributes:
        name: the qualified name of the module whose output it is.
        channels: channels of that output.
        grid: (height, width) of that output.
        layout: how that output lies.
    """

    name: str
    channels: int
    grid: Grid
    layout: Layout = MAPS


def find_stages(model: nn.Module, image_size: Grid) -> list[Stage]:
    """The stages of a network from a quarter of the image's resolution downwards, in the order in which they run.

    Of a larger model, such as one for segmentation, they are the stages of its backbone (its encoder).

    Args:
        model: a network that takes images (B, 3, H, W), or with another number of channels in its first convolution.
        image_size: (height, width) of the images.

    Raises:
        NoStagesError: the network returns no maps (B, C, H, W) there, or could not be run on the meta device; the message says which.
        InputError: the network is compiled or wrapped for several devices.

    Example:
        >>> import timm
        >>> [stage.name for stage in find_stages(timm.create_model("resnet18"), (256, 128))]
        ['layer1', 'layer2', 'layer3', 'layer4']
    """
    maps = probe_maps(model, image_size)
    names = known_stages(model, maps)
    tokens = [name for name, stage in maps.items() if stage.layout.kind == "tokens"]
    if tokens and (not names or names[-1] in tokens):
        names = blocks_of_tokens(model, tokens)
    if not names:
        size = check_grid(image_size)
        larger = math.ceil(SAFE_SIDE / min(size))
        outputs = run_on_meta(model, size)
        if larger > 1:  # which modules are stages does not depend on the size, but of maps of one position nothing can be told
            try:
                outputs = run_on_meta(model, (larger * size[0], larger * size[1]))
                size = (larger * size[0], larger * size[1])
            except NoStagesError:  # it serves images of one size
                size = check_grid(image_size)
        names = with_twins(model, [stage.name for stage in last_of_each_level(model, outputs, size) if stage.name in maps], maps)
    if not names:
        raise NoStagesError(no_stages(model, "its modules return no maps that shrink"))
    return [maps[name] for name in names]


def known_stages(model: nn.Module, maps: Mapping[str, Stage], prefix: str = "") -> list[str]:
    """Names of stages that need no search: as the class of a network or timm's ``feature_info`` says, of the network or its backbones.

    Args:
        model: a network, or a part of one.
        maps: all modules of the whole network that return maps.
        prefix: the part's qualified name with a dot behind it.

    Raises:
        NoStagesError: the network says itself that it returns no maps.
    """
    layout = said_layout(model)
    if layout not in ("NCHW", "NHWC"):
        raise NoStagesError(no_stages(model, f"its features have the layout {layout}"))
    for names in (names for kind in type(model).__mro__ if (names := BY_HAND.get(kind.__name__))):
        if all(prefix + name in maps for name in names):
            return [prefix + name for name in names]
    listed = feature_channels(model)
    some = False
    for rename in (str, flattened):
        renamed = {prefix + rename(name): channels for name, channels in listed.items()}
        found = [name for name, channels in renamed.items() if name in maps and maps[name].channels == channels]
        if found and len(found) == len(listed):
            return found
        some = some or bool(found)
    parts = {name: part for name, part in model.named_children() if any(key.startswith(f"{prefix}{name}.") for key in maps)}
    known = [known_stages(part, maps, f"{prefix}{name}.") for name, part in parts.items() if says_its_stages(part)]
    if any(known):
        return [name for names in known for name in names]
    if listed and not some and not known:
        raise NoStagesError(
            no_stages(
                model, f"its stages ({', '.join(list(listed)[:4])}, ...) return tokens that are no map row by row, or several tensors"
            )
        )
    inner = next((name for name in BACKBONES if name in parts), None)
    return known_stages(parts[inner], maps, f"{prefix}{inner}.") if inner is not None else []


def says_its_stages(part: nn.Module) -> bool:
    """Whether a part of a network is a network whose stages are known."""
    return bool(feature_channels(part)) or any(kind.__name__ in BY_HAND for kind in type(part).__mro__)


def no_stages(model: nn.Module, reason: str) -> str:
    """The message for a network that has no stages."""
    return (
        f"{type(model).__name__} has no stages that return maps (batch, channels, height, width): {reason}. "
        "Attention over maps serves convolutional networks, and those whose tokens are the patches row by row (ViT, DeiT, BEiT, EVA, CaiT, "
        "XCiT); name modules that return maps with after=[...] if it has some"
    )


def named_stages(model: nn.Module, image_size: Grid, names: Sequence[str]) -> list[Stage]:
    """The named modules of a network as stages.

    Raises:
        InputError: a name is unknown, or the module returns no map.
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    first_names = {module: name for name, module in model.named_modules()}
    maps = probe_maps(model, image_size)
    stages = []
    for name in names:
        if name not in modules:
            known = ", ".join(stage.name for stage in find_stages(model, image_size))
            raise InputError(f"unknown stage {name!r}: the model has no such module; its stages are {known}")
        first = first_names[modules[name]]  # a module may have several names, of which its maps have the first
        if first not in maps:
            raise InputError(
                f"module {name!r} returns no map (batch, channels, height, width), nor tokens in the order of one, so no attention can "
                "follow it"
            )
        stages.append(maps[first])
    return stages


def find_blocks(model: nn.Module, image_size: Grid) -> list[Stage]:
    """The ends of the branches of a network's blocks, before the shortcut is added: where SE and CBAM sit as published.

    Args:
        model: a network of blocks that ``BRANCH_ENDS`` knows.
        image_size: (height, width) of the images.

    Raises:
        NoStagesError: it has no such blocks, or could not be run on the meta device.

    Example:
        >>> import timm
        >>> [stage.name for stage in find_blocks(timm.create_model("resnet18"), (256, 128))][:3]
        ['layer1.0.bn2', 'layer1.1.bn2', 'layer2.0.bn2']
    """
    maps = probe_maps(model, image_size)
    ends = []
    for name, module in model.named_modules():
        children = dict(module.named_children())
        known = (end for kind in type(module).__mro__ for end in BRANCH_ENDS.get(kind.__name__, ()))
        end = next((child for child in known if child in children), None)
        if end is not None and f"{name}.{end}" in maps:
            ends.append(maps[f"{name}.{end}"])
    if not ends:
        raise NoStagesError(
            f"{type(model).__name__} has no blocks of the kinds that are known ({', '.join(BRANCH_ENDS)}): name the modules to attend "
            "to with after=[...]"
        )
    return ends


def probe_maps(model: nn.Module, image_size: Grid) -> dict[str, Stage]:
    """Every module that returns a map, in the order in which they finished.

    Raises:
        NoStagesError: the network could not be run on the meta device.
        InputError: it is compiled or wrapped for several devices.
    """
    return maps_among(model, run_on_meta(model, image_size), image_size)


def maps_among(model: nn.Module, outputs: Sequence[tuple[str, object]], image_size: Grid) -> dict[str, Stage]:
    """The maps among the outputs of a network's modules, in any layout."""
    found: dict[str, Stage] = {}
    bypassed = {name for name, module in model.named_modules() if isinstance(module, Bypass)}
    read = reader(model, outputs, check_grid(image_size))
    for name, output in outputs:
        found.pop(name, None)
        if name not in bypassed and isinstance(output, Tensor) and (map_ := read(name, output)) is not None:
            found[name] = Stage(name, *map_)
    return found


def blocks_of_tokens(model: nn.Module, tokens: Sequence[str]) -> list[str]:
    """Four blocks of a network of tokens at even distances, the last one among them; all where there are fewer.

    Args:
        model: the network.
        tokens: names of its modules that return tokens.
    """
    longest: list[str] = []
    for parent, module in model.named_modules():
        if isinstance(module, (nn.Sequential, nn.ModuleList)):
            names = [f"{parent}.{child}" if parent else child for child, _ in module.named_children()]
            if len(names) > len(longest) and set(names) <= set(tokens):
                longest = names
    count = min(FOUR, len(longest))
    return [longest[round((index + 1) * len(longest) / count) - 1] for index in range(count)]


def last_of_each_level(model: nn.Module, outputs: Sequence[tuple[str, object]], image_size: Grid) -> list[Stage]:
    """The last map at each resolution while maps shrink, of those that are not inside of a block.

    A module is inside of a block if one of those that it is nested in is neither a plain sequence, nor one whose output is at the same
    resolution, nor one that holds at least three resolutions (a whole network within the network). What comes after the smallest maps at
    larger ones again is a decoder. No attention can follow a normalisation in a sequence whose parts are called one by one.
    """
    maps, called = maps_among(model, outputs, image_size), {name for name, _ in outputs}
    probed = {name: level_of(stage.grid, image_size) for name, stage in maps.items() if math.prod(stage.grid) > 1}
    levels = {name: level for name, level in probed.items() if level is not None and level >= FIRST_LEVEL}
    modules = dict(model.named_modules())

    def passes(ancestor: str, level: int) -> bool:
        if isinstance(modules[ancestor], nn.Sequential) or levels.get(ancestor) in (level, None):
            return True
        return len({inner for name, inner in levels.items() if name.startswith(ancestor + ".")}) >= 3

    def can_follow(name: str) -> bool:
        parent = name.rpartition(".")[0]
        return not (isinstance(modules[name], _NormBase) and isinstance(modules[parent], nn.Sequential) and parent and parent not in called)

    within = backbone_prefix(model)
    last: dict[int, Stage] = {}
    deepest = max((level for name, level in levels.items() if not HEADS.intersection(name.split("."))), default=0)
    for name, level in levels.items():
        parts = name.split(".")
        ancestors = [".".join(parts[:depth]) for depth in range(1, len(parts))]
        if HEADS.intersection(parts) or not name.startswith(within) or not can_follow(name):
            continue
        if not all(passes(ancestor, level) for ancestor in ancestors):
            continue
        if deepest in last and level < deepest:
            break
        last.pop(level, None)
        last[level] = maps[name]
    return list(last.values())


def with_twins(model: nn.Module, names: Sequence[str], maps: Mapping[str, Stage]) -> list[str]:
    """The stages of one of several streams, and those of its twins: parts of the same class with the same stages side by side.

    Args:
        model: a network.
        names: the stages that were found; all in one part of the network, if it has streams.
        maps: all modules of the network that return maps, in the order in which they ran.
    """
    if len({maps[name].grid for name in names}) < 2:  # of one map nothing tells a stream from a block
        return list(names)
    found = set(names)
    parts = names[0].split(".")
    for depth in range(1, len(parts) + 1):
        stream, parent = ".".join(parts[:depth]), ".".join(parts[: depth - 1])
        if not all(f"{name}.".startswith(f"{stream}.") for name in names):
            break
        for sibling, module in model.get_submodule(parent).named_children():
            twin = f"{parent}.{sibling}" if parent else sibling
            pairs = {name: twin + name.removeprefix(stream) for name in names}
            alike = type(module) is type(model.get_submodule(stream))
            if alike and all(other in maps and maps[other].grid == maps[name].grid for name, other in pairs.items()):
                found.update(pairs.values())
    return [name for name in maps if name in found]


def backbone_prefix(model: nn.Module) -> str:
    """What the names of modules within a network's backbone begin with; nothing where the network is all backbone."""
    prefix = ""
    while True:
        children = dict(model.named_children())
        inner = next((name for name in BACKBONES if name in children), None)
        if inner is None or sum(isinstance(module, nn.Conv2d) for module in children[inner].modules()) < 2:
            return prefix
        prefix, model = f"{prefix}{inner}.", children[inner]


def level_of(grid: Grid, image_size: Grid) -> int | None:
    """How many times an image was halved to get a map on ``grid``; None if height and width disagree (the output is no map)."""
    down, across = image_size[0] / grid[0], image_size[1] / grid[1]
    if max(down, across) > 1.75 * min(down, across):
        return None
    return round(math.log2(math.sqrt(down * across)))


def feature_channels(model: nn.Module) -> dict[str, int]:
    """The modules that timm says end a network's stages -> the channels of their maps; empty if it does not say."""
    info = getattr(model, "feature_info", None)
    entries = getattr(info, "info", info)
    if not isinstance(entries, (list, tuple)):
        return {}
    stages = [entry for entry in entries if entry.get("module") and entry["reduction"] >= 2**FIRST_LEVEL]
    if len({entry["reduction"] for entry in stages}) == 1:  # one resolution throughout: one stage
        stages = stages[-1:]
    return {entry["module"]: entry["num_chs"] for entry in stages}


def flattened(name: str) -> str:
    """The name that timm gives to a stage with ``features_only``."""
    return name.replace(".", "_")
