"""Weights that a trunk starts from: timm's by name, a local file, or none."""

from __future__ import annotations

import pickle
from pathlib import Path

import timm
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from rga.attachment import attachments
from rga.engine.saved_model import check_readable
from rga.trunks.cifar_resnet import CifarResNet, from_public_names
from rga.trunks.classifier import classifier_names


def load_trunk_weights(trunk: nn.Module, name: str, weights: str) -> None:
    """Puts weights into a trunk whose keys are timm's, in place.

    A classifier's in the file are put in, too, where the trunk has one of as many classes; otherwise they are left out.

    Args:
        trunk: the network, plain or with attention attached.
        name: its name in timm.
        weights: ``"pretrained"``, ``"none"`` or a file.

    Raises:
        ConnectionError: the pretrained weights are not on this machine and cannot be fetched.
        FileNotFoundError: there is no such file.
        ValueError: the file cannot be read, or its weights are not this trunk's.
    """
    if weights == "none":
        return
    state = fetch(name) if weights == "pretrained" else read_weights(Path(weights))
    if isinstance(trunk, CifarResNet):
        state = from_public_names(state)
    of_attention = tuple(f"{each.name}." for each in attachments(trunk))
    own = {key: value for key, value in trunk.state_dict().items() if not key.startswith(of_attention)}
    classifier = classifier_names(trunk)
    if any(key not in state or state[key].shape != own[key].shape for key in classifier):
        own = {key: value for key, value in own.items() if key not in classifier}
    missing = [key for key in own if key not in state and not key.endswith("num_batches_tracked")]
    wrong = [key for key, value in own.items() if key in state and state[key].shape != value.shape]
    if missing or wrong:
        raise ValueError(
            f"the weights {weights!r} are not those of {name!r}: {len(missing)} of {len(own)} are missing"
            f"{' (' + ', '.join(missing[:3]) + ')' if missing else ''}, {len(wrong)} have another shape"
            f"{' (' + ', '.join(wrong[:3]) + ')' if wrong else ''}; give the file timm's names, or choose the trunk that it belongs to"
        )
    trunk.load_state_dict({key: state[key] for key in own if key in state}, strict=False)


def fetch(name: str) -> dict[str, Tensor]:
    """Pretrained weights of one of timm's networks, from the cache or the hub."""
    try:
        model: nn.Module = timm.create_model(name, pretrained=True)
    except Exception as error:  # timm and the hub's client raise many kinds for one cause
        raise ConnectionError(
            f"the pretrained weights of {name!r} could not be fetched ({type(error).__name__}: {str(error).splitlines()[0]}). "
            "Offline, choose weights=none, or weights=FILE with a file that you have"
        ) from error
    return model.state_dict()


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors in a file; nothing in it is executed."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file of weights at {path}: name one, or choose pretrained or none")
    if path.suffix == ".safetensors":
        check_readable(path)
        return load_file(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise ValueError(f"{path} cannot be read as a file of weights (tensors alone): {error}") from error
    for key in ("state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"{path} holds no state dict: a mapping from names to tensors was expected")
    return {key.removeprefix("module."): value for key, value in state.items()}
