"""Models for users: ``config.json`` and ``model.safetensors``, with the conventions of the Hugging Face hub's mixin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from huggingface_hub import PyTorchModelHubMixin

from rga.engine.files import write_json


def save_model(model: PyTorchModelHubMixin, folder: Path, metrics: Mapping[str, object]) -> None:
    """Writes a model for ``rga.load``, with what it reached.

    Args:
        model: a network with the hub's mixin; its constructor takes ``metrics``.
        folder: of the model.
        metrics: what it reached, and on which data.
    """
    model.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    write_json(folder / "config.json", {**config, "metrics": dict(metrics)})
