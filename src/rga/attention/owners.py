"""Models that keep with their weights how their attention was built: they are told when it is moved, converted or taken off.

Functions that change attention in place know networks alone. A model of a task prepares images of one size and is saved with the arguments
that it was built with. It sees through these methods that both have changed.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import nn

from rga.attention.grid import Fit, Grid


@runtime_checkable
class AttentionOwner(Protocol):
    """A model that prepares images and is saved with a configuration."""

    def attention_resampled(self, image_size: Grid) -> None:
        """Its attention was moved to images of another (height, width).

        Raises:
            InputError: the model cannot take such images.
        """
        ...

    def attention_converted(self, fit: Fit, frequencies: tuple[int, int] | None) -> None:
        """Its relation-aware attention has another form, see ``make_spectral`` and ``make_exact``."""
        ...

    def attention_detached(self) -> None:
        """Its attention was taken off."""
        ...


def owners(model: nn.Module) -> list[AttentionOwner]:
    """The models that are to be told of a change of all attention in ``model``: itself, or those within it."""
    return [module for module in model.modules() if isinstance(module, AttentionOwner)]
