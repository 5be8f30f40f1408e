"""A re-ID model as a folder for Roboflow's ``reid``: ``reid_config.json`` and ``weights.safetensors``.

``reid`` 0.1.0rc1 builds its own OSNets, one network of FastReID, and any network of timm by its name (``reid/architectures/registry.py``).
It then wants each tensor of that network in the file, in the same shape. So networks with RGA are reached through timm, by the names of
``rga.register_timm()``, which the user calls first. Images are resized by Pillow, as here, and normalised by the mean and deviation in the
folder, so that features are the same for images of any size.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rga.backbones.timm_networks import ATTENTIONS, BACKBONES, NETWORKS, Network, register_timm
from rga.deploy.agreement import Agreement, as_figures, check_agreement, compared
from rga.deploy.graphs import Feature, description_of
from rga.deploy.programs.written import WrittenFor
from rga.errors import InputError
from rga.reid.model import ReidModel
from rga.storage.files import write_folder, write_json
from rga.storage.outputs import check_output
from rga.storage.saved_model import read_tensors, write_tensors

FOLDER = "roboflow-reid"
"""The name of the folder by default."""

CONFIG, WEIGHTS = "reid_config.json", "weights.safetensors"
"""The files of a model of ``reid``."""

LONGEST = 160
"""Characters of PyTorch's reason that an error repeats."""

TIMM = "timm:"
"""What stands before names of timm there."""


def network_of(model: ReidModel) -> Network:
    """The network of ``rga.register_timm()`` that a model may be.

    Raises:
        InputError: there is none; the message says why.
    """
    config: Any = model._hub_mixin_config  # noqa: SLF001  the constructor's arguments, as the model is saved
    backbone = str(config["backbone"]).split(".", maxsplit=1)[0]
    options = dict(config.get("attention_options") or {})
    fit = options.get("fit", "exact")
    named = [name for name, (attention, own) in ATTENTIONS.items() if attention == model.attention_name and own.get("fit", "exact") == fit]
    reason = ""
    if backbone not in BACKBONES:
        reason = f"the backbone is {backbone}, and names there are for {', '.join(BACKBONES)}"
    elif not named:
        reason = f"the attention is {model.attention_name} with fit={fit}, and names there are for {', '.join(ATTENTIONS)}"
    elif config.get("backbone_options"):
        reason = f"the backbone has options of its own: {config['backbone_options']}"
    elif config.get("attention_after") is not None:
        reason = f"its attention comes after {config['attention_after']}, and not after all stages"
    elif config.get("last_stride", 1) != 1:
        reason = "its last stage halves the map (last_stride=2)"
    elif config.get("head", "global") != "global":
        reason = f"its head is {config['head']}, and theirs is the global one"
    elif config.get("non_local", False):
        reason = "it has non-local blocks"
    elif config.get("pooling", "average") != "average":
        reason = f"its last map is pooled by {config['pooling']}, and not by the mean"
    if reason:
        raise InputError(
            "Roboflow's reid builds networks of timm by their names alone, and no name of rga.register_timm() stands for this model: "
            f"{reason}"
        )
    return NETWORKS[Network(backbone, named[0], reid=True).name]


def tensors_of(model: ReidModel) -> dict[str, Tensor]:
    """The weights for the network's names; of a model that embeds before its neck, with a neck that changes nothing."""
    found = {key: value.detach() for key, value in model.state_dict().items() if not key.startswith("classifier.")}
    if model.feature == "pooled":
        neck = nn.BatchNorm1d(model.neck.num_features)
        assert neck.running_var is not None
        neck.running_var -= neck.eps
        found |= {f"neck.{key}": value.detach() for key, value in neck.state_dict().items()}
    return found


def read_back(folder: Path, name: str, model: ReidModel) -> nn.Module:
    """The network of a folder, built and loaded as ``reid`` does it.

    Raises:
        InputError: the weights are not those of the network of this name.
    """
    network = timm.create_model(name, pretrained=False, num_classes=0).eval()
    try:
        network.load_state_dict(read_tensors(folder / WEIGHTS))
    except RuntimeError as error:
        config: Any = model._hub_mixin_config  # noqa: SLF001  the constructor's arguments
        first = "".join(str(error).splitlines()[1:2]).strip().partition(". ")[0]
        raise InputError(
            f"Roboflow's reid would build {name}, whose attention has other options than this model's {config.get('attention_options')} "
            f"({first if len(first) < LONGEST else first[:LONGEST] + '...'})"
        ) from error
    return network


def write_roboflow(model: ReidModel, output: Path | None, *, tolerance: float, overwrite: bool) -> WrittenFor:
    """Writes a model for ``reid``; see ``export_for``.

    Raises:
        InputError: no name of timm stands for the model.
    """
    size = model.preprocessing.size
    folder = output or Path(FOLDER)
    name = f"{network_of(model).name}.{size[0]}x{size[1]}"
    for file in (CONFIG, WEIGHTS):
        check_output(folder / file, overwrite=overwrite)
    register_timm()
    description = description_of(model, "normalised")
    found: list[Agreement] = []

    def write(temporary: Path) -> None:
        temporary.mkdir(parents=True, exist_ok=True)
        write_tensors(temporary / WEIGHTS, tensors_of(model))
        network = read_back(temporary, name, model)

        def run(images: NDArray[Any]) -> list[NDArray[np.float32]]:
            with torch.inference_mode():
                return [network(torch.from_numpy(images)).numpy()]

        found.append(compared(run, Feature(model).eval(), [size], "normalised", model.preprocessing.as_array))
        check_agreement(found[0], tolerance, "a network of timm")
        said = json.loads(replace(description, agreement=as_figures(found[0])).to_json())
        write_json(temporary / CONFIG, {"architecture": TIMM + name, "preprocessing": preprocessing_of(model), "rga": said})

    write_folder(folder, write, CONFIG)
    step = f'import rga; rga.register_timm(), and then reid.ReIDModel.from_pretrained("{folder}")'
    return WrittenFor(folder, found[0], (folder / CONFIG, folder / WEIGHTS), f"who uses it writes {step}")


def preprocessing_of(model: ReidModel) -> dict[str, Any]:
    """How images are prepared, in the words of ``reid``."""
    own = model.preprocessing
    return {
        "input_size": list(own.size),
        "mean": list(own.mean),
        "std": list(own.std),
        "interpolation": "bilinear",
        "to_rgb": True,
        "resize_mode": "stretch",
        "pad_value": 114,
    }
