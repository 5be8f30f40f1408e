"""Public classifiers: the ResNets for CIFAR-10 of Yerlan Idelbayev, as models that classify images.

``akamaster/pytorch_resnet_cifar10`` on GitHub (BSD-2) gives files of weights alone. What else a classifier needs stands here: the depth
follows from the weights, the classes are CIFAR-10's, and images are normalised as its ``trainer.py`` does, with ImageNet's statistics.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from rga.backbones.small.cifar_resnet import from_public_names
from rga.backbones.weights.contents import read_contents
from rga.backbones.weights.matching import find_state
from rga.classification.model import ClassificationModel
from rga.errors import InputError
from rga.images.preprocessing import IMAGENET_MEAN, IMAGENET_STD

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIZE = 32
FIRST = {"conv1.weight": torch.Size((16, 3, 3, 3)), "layer1.0.conv1.weight": torch.Size((16, 16, 3, 3))}
"""Two tensors by which the weights are found in a file, whatever they lie in."""
COUNTER = "num_batches_tracked"
"""End of the names of the steps that normalisations have counted: not in all files, and of no use to a model that is trained."""


def read_public_cifar(path: Path) -> ClassificationModel:
    """Builds the classifier that a file of public weights belongs to; every weight in the file is used.

    Args:
        path: of a file such as ``resnet20-12fca82f.th``.

    Returns:
        A plain ResNet of 20, 32, 44, 56, 110, ... layers, in evaluation mode.

    Raises:
        MissingFileError: there is no such file.
        InputError: it cannot be read, or its weights are not those of a ResNet for CIFAR-10.
    """
    try:
        state = from_public_names(find_state(read_contents(path), FIRST).state)
    except InputError as error:
        raise InputError(str(error) if str(path) in str(error) else f"{path}: {error}") from error
    name = f"cifar-resnet{depth_of(state, path)}"
    model = ClassificationModel(
        name, CIFAR10, size=SIZE, attention="none", mean=IMAGENET_MEAN, std=IMAGENET_STD, trained_on={"name": "cifar10"}
    )
    own = {key: value for key, value in model.backbone.state_dict().items() if not key.endswith(COUNTER)}
    given = {key: value for key, value in state.items() if not key.endswith(COUNTER)}
    wrong = [key for key in {**own, **given} if key not in own or key not in given or own[key].shape != given[key].shape]
    if wrong:
        raise InputError(f"the weights in {path} are not those of a {name} for CIFAR-10: {', '.join(wrong[:3])} do not fit")
    model.backbone.load_state_dict(given, strict=False)
    return model.eval()


def depth_of(state: dict[str, Tensor], path: Path) -> int:
    """The layers of the network, counted in its weights.

    Raises:
        InputError: there is no stage whose blocks could be counted.
    """
    blocks = len({key.split(".")[1] for key in state if key.startswith("layer1.")})
    if not blocks:
        raise InputError(
            f"the weights in {path} ({', '.join(list(state)[:3])}, ...) are not those of a ResNet for CIFAR: none is called "
            "layer1.0.conv1.weight, as in resnet20-12fca82f.th. rga.load reads all other networks from the folder of a run or of a saved "
            f"model. To start a training from these weights: rga train RECIPE --weights {path} --backbone NAME"
        )
    return 6 * blocks + 2
