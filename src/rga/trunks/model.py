"""What the models of all tasks are: a trunk with attention and what a task adds to it, saved in one way."""

from __future__ import annotations

from torch import nn

from rga.data.preprocessing import Preprocessing
from rga.engine.saved_model import SavedModel


class TrunkModel(nn.Module, SavedModel, library_name="rga", license="apache-2.0", tags=["relation-aware-global-attention"]):
    """A network that is saved with the conventions of the Hugging Face hub's mixin: ``config.json`` and ``model.safetensors``."""

    trunk: nn.Module
    """The convolutional network, attention included."""
    preprocessing: Preprocessing
    """How a picture becomes what the trunk takes."""
