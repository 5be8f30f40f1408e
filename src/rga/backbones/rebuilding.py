"""Whether the configuration of a model still builds the network that it is: otherwise it could be saved, and not be loaded.

Attention can be moved to other grids, converted or taken off. A model that was told so writes it into its configuration. One that was not
told, as its backbone alone was changed, is compared with what its configuration builds before it is saved.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from rga.attention.grid import GridAttention
from rga.errors import InputError

Structure = dict[str, tuple[int, ...]]
"""Name of each weight and each attention of a grid -> its shape, its grid."""


def structure_of(model: nn.Module) -> Structure:
    """What of a network its configuration decides."""
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    grids = {
        f"grid of {name}": module.grid
        for name, module in model.named_modules()
        if isinstance(module, GridAttention) and module.fit != "spectral"
    }
    return {**shapes, **grids}


def check_rebuilds(model: nn.Module, config: Mapping[str, Any], structure: Structure) -> None:
    """Makes sure that a configuration builds a network.

    Args:
        model: the network.
        config: the arguments of its class, and what else is saved beside them.
        structure: of the network.

    Raises:
        InputError: it builds another one, or none.
    """
    known = inspect.signature(type(model)).parameters
    with torch.random.fork_rng(devices=[]):  # fresh weights, which are thrown away, take no random numbers from a training
        try:
            built = structure_of(type(model)(**{name: value for name, value in config.items() if name in known}))
        except (InputError, TypeError) as error:
            raise InputError(f"{REFUSED}: its configuration builds no model ({error}). {ADVICE}") from error
    differing = [key for key in {**structure, **built} if structure.get(key) != built.get(key)]
    if differing:
        key = differing[0]
        raise InputError(
            f"{REFUSED}: {len(differing)} of its weights and grids are not those that its configuration builds, such as {key}: "
            f"{structure.get(key, 'missing')}, and {built.get(key, 'missing')} by the configuration. {ADVICE}"
        )


REFUSED = "the model would not load again, and is not saved"
ADVICE = (
    "Its network was changed after it was built. Call rga.resample, rga.make_spectral, rga.make_exact and rga.detach on the model itself, "
    "not on its backbone; save a change that its constructor has no argument for with torch.save(model.state_dict(), FILE)"
)
