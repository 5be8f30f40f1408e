"""What an optimised network says about itself, and what it refuses to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from torch import nn

from rga.attention.acceleration.folded import refuse_training
from rga.deploy.agreement import Agreement
from rga.errors import InputError

ATTRIBUTE = "optimisation"
"""Of an optimised network: what was done to it."""

REFUSED = {
    "load_state_dict": "takes no other weights: load them into the model that it was made from",
    "save_pretrained": "cannot be saved as a model, which has other weights: save the model that it was made from",
    "push_to_hub": "cannot be saved as a model, which has other weights: push the model that it was made from",
}
"""Method of a network -> why an optimised one refuses it."""


@dataclass(frozen=True)
class Optimisation:
    """What was done to a network.

    Attributes:
        folded: how many BNs are part of the weights before them.
        left: names of the BNs that are still there.
        channels_last: whether maps have their channels last in memory.
        compiled: whether the network is compiled.
        agreement: how far its outputs are from those of the network that it was made from.
        weights: the fingerprint of that network.
    """

    folded: int
    left: tuple[str, ...]
    channels_last: bool
    compiled: bool
    agreement: Agreement
    weights: str


def mark(network: nn.Module, optimisation: Optimisation) -> None:
    """Lets a network say what was done to it, and refuse what it cannot do any more."""
    network.eval()
    own = vars(network)
    own[ATTRIBUTE] = optimisation
    own["train"] = partial(set_mode, network)
    own.update({name: partial(refuse, why) for name, why in REFUSED.items() if hasattr(network, name)})
    network.register_load_state_dict_pre_hook(refuse_weights)  # of a model around it


def set_mode(network: nn.Module, mode: bool = True) -> nn.Module:
    """``network.train(mode)`` of an optimised network, which is always in evaluation mode."""
    refuse_training(mode)
    return type(network).train(network, mode)


def refuse(why: str, *_: Any, **__: Any) -> NoReturn:
    """Refuses a call."""
    raise InputError(f"an optimised model {why}")


def refuse_weights(_network: nn.Module, state_dict: Mapping[str, object], prefix: str, *_: object) -> None:
    """Refuses weights that a model around an optimised network hands on to it."""
    if any(key.startswith(prefix) for key in state_dict):
        refuse(REFUSED["load_state_dict"])


def optimisation_of(network: object) -> Optimisation | None:
    """What was done to a network; None if it was not optimised."""
    found = getattr(network, ATTRIBUTE, None)
    return found if isinstance(found, Optimisation) else None


def check_not_optimised(network: object) -> None:
    """Refuses an optimised network.

    Raises:
        InputError: it is one.
    """
    if optimisation_of(network) is not None:
        raise InputError("the model is optimised already: name the model that it was made from")
