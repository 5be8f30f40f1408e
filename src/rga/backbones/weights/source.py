"""A file of weights, or a model of one's own, that a training starts from: found by the path that was typed, read, and described."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rga.attachment import attachments
from rga.backbones.classifier import classifier_names
from rga.backbones.osnet import public_names as osnet_names
from rga.backbones.osnet.network import OSNet
from rga.backbones.small import cifar_resnet
from rga.backbones.small.cifar_resnet import CifarResNet
from rga.backbones.weights.contents import read_contents
from rga.backbones.weights.matching import Found, find_state
from rga.backbones.weights.onnx_file import onnx_weights
from rga.errors import InputError, MissingFileError
from rga.storage.found import folder_contents, weights_in
from rga.storage.saved_model import CONFIG, WEIGHTS, model_folder

COUNTER = "num_batches_tracked"
"""End of the names of the steps that normalisations have counted: not in all files, and of no use to what is trained anew."""

ADVICE = "give the file timm's names, or choose the backbone that it belongs to"
"""What to do with weights that do not fit."""

Normalisation = tuple[Sequence[float], Sequence[float]]
"""Mean and standard deviation of the pixels by channel."""

PUBLIC_NAMES: Mapping[type[nn.Module], Callable[[Mapping[str, Tensor]], dict[str, Tensor]]] = {
    CifarResNet: cifar_resnet.from_public_names,
    OSNet: osnet_names.from_public_names,
}
"""Networks of our own -> what gives weights under the names of public files ours."""

GROUPS = 8
"""How many kinds of tensors that were left out are listed."""


@dataclass(frozen=True)
class Source:
    """Where weights come from.

    Attributes:
        file: with the tensors.
        config: of the saved model that the file belongs to; empty for a file alone.
    """

    file: Path
    config: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """The path."""
        return str(self.file.parent if self.config and self.file.name == WEIGHTS else self.file)

    @property
    def image_size(self) -> tuple[int, int] | None:
        """(height, width) of the images of the saved model; None for a file alone, which does not say it."""
        size = self.config.get("image_size", self.config.get("size"))
        if isinstance(size, int):
            return size, size  # of classification
        return (int(size[0]), int(size[1])) if isinstance(size, (list, tuple)) and len(size) == 2 else None

    @property
    def attention(self) -> str | None:
        """The attention of the saved model; None for a file alone, which does not say it."""
        return self.config.get("attention", "rga-sc") if self.config else None

    @property
    def is_onnx(self) -> bool:
        """Whether it is a file of ONNX, by its name."""
        return self.file.suffix.lower() == ".onnx" and self.file.is_file()

    def is_of(self, backbone: str) -> bool:
        """Whether it is a saved model with a backbone of this name, whatever the tag of its first weights."""
        own = str(self.config.get("backbone", self.config.get("trunk", "")))
        return own.split(".", maxsplit=1)[0] == backbone.split(".", maxsplit=1)[0]

    @property
    def advice(self) -> str:
        """What to do if the weights do not fit."""
        backbone = self.config.get("backbone", self.config.get("trunk"))
        return f"they are of a model with --backbone {backbone}" if backbone else ADVICE

    @staticmethod
    def wanted(backbone: nn.Module) -> dict[str, torch.Size]:
        """The tensors that a backbone cannot do without, with their shapes: not those of its attention, its classifier, and counters."""
        left = (*(f"{each.name}." for each in attachments(backbone)), *classifier_names(backbone))
        return {key: value.shape for key, value in backbone.state_dict().items() if not key.startswith(left) and not key.endswith(COUNTER)}

    def read(self, backbone: nn.Module) -> Found:
        """The tensors that are a backbone's, as far as names and shapes tell.

        Raises:
            InputError: the file cannot be read, or holds no tensors.
        """
        if self.is_onnx:
            return Found(onnx_weights(self.file, backbone), "", "", ())
        contents = read_contents(self.file)
        try:
            found = find_state(contents, self.wanted(backbone))
        except InputError as error:
            raise InputError(f"{self.file} cannot be used for weights: {error}") from error
        renamed = next((rename(found.state) for kind, rename in PUBLIC_NAMES.items() if isinstance(backbone, kind)), found.state)
        return replace(found, state=renamed)

    def describe(self, found: Found, taken: set[str], normalisation: Normalisation | None, fresh: Sequence[str]) -> str:
        """Which weights these are, what of them was taken, and what was left out.

        Args:
            found: the tensors of the file.
            taken: the names of those that the network has now.
            normalisation: of the pixels in this training.
            fresh: what of the network, besides attention and classifier, has random weights from the start.
        """
        whole = self.config and self.file.name == WEIGHTS
        kind, path = ("model", self.file.parent) if whole else ("file", self.file)
        name = "/".join(path.resolve().parts[-2:]) if self.config else path.name
        said = [f"the {kind} {name}, SHA-256 {hashlib.sha256(self.file.read_bytes()).hexdigest()[:16]}"]
        if self.is_onnx:
            said.append("its BNs that were part of other layers are there again, without the scale by which they normalise in training")
        if found.describe():
            said.append(found.describe())
        if with_attention := sum("attention." in key and not key.endswith(COUNTER) for key in taken):
            said.append(f"with the {with_attention} tensors of its attention")
        unused = [key for key in found.state if key not in taken and not key.endswith(COUNTER)]
        for what, names in (("left out", families([*unused, *found.others])), ("random from the start", fresh)):
            if names:
                said.append(f"{what}: {', '.join(names[:GROUPS])}{', ...' if len(names) > GROUPS else ''}")
        if normalisation and "mean" in self.config and "std" in self.config:
            theirs = (list(self.config["mean"]), list(self.config["std"]))
            if theirs != (list(normalisation[0]), list(normalisation[1])):
                mean, std = (" ".join(map(str, values)) for values in theirs)
                said.append(f"trained on pixels with mean {mean} std {std}, which are not this training's (--mean and --std)")
        return "; ".join(said)


def families(keys: Iterable[str]) -> list[str]:
    """What tensors belong to, each once, in their order."""
    return list(dict.fromkeys(map(family, keys)))


def family(key: str) -> str:
    """What a tensor belongs to, for the list of what was left out.

    Example:
        >>> family("layer1.attention.spatial.gate.w1.linear.weight"), family("neck.running_mean"), family("module.head.fc.weight")
        ('layer1.attention', 'neck', 'module.head')
    """
    parts = key.split(".")
    if "attention" in parts:
        return ".".join(parts[: parts.index("attention") + 1])
    return ".".join(parts[:2]) if parts[0] in ("module", "model") and len(parts) > 2 else parts[0]


def find_source(typed: str) -> Source:
    """The file of weights at a path: itself, or that of a saved model or of a run (its best model, else its last).

    Raises:
        MissingFileError: nothing is there, or a folder without a model.
        InputError: the configuration of the model is damaged.
    """
    path = Path(typed).expanduser()
    if not path.is_dir():
        home = model_folder(path.parent)  # of a model whose weights are named, or of the run whose checkpoint is
        return Source(path, read_own_config(home / CONFIG)) if home is not None and path.is_file() else Source(path)
    folder = model_folder(path) or path
    file = folder / WEIGHTS
    if file.is_file():
        return Source(file, read_own_config(folder / CONFIG) if (folder / CONFIG).is_file() else {})
    files = weights_in(path)
    hint = f"name a file in it, such as {files[0]}" if files else "name a file of weights, or the folder of a run or of a saved model"
    raise MissingFileError(f"the folder {path} has no {WEIGHTS}: it holds {folder_contents(path)}; {hint}")


def read_own_config(file: Path) -> dict[str, Any]:
    """The configuration of a saved model of this package; empty if it is of another one.

    Raises:
        InputError: it is damaged.
    """
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{file} is damaged ({error}): copy it again, or name the file of weights elsewhere") from error
    return config if isinstance(config, dict) and ("backbone" in config or "trunk" in config) else {}
