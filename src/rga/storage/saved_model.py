"""Models for users: ``config.json`` and ``model.safetensors``, with the conventions of the Hugging Face hub's mixin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from huggingface_hub import PyTorchModelHubMixin, hf_hub_download
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, load_model, save_file
from torch import Tensor, nn

from rga.errors import InputError, MissingFileError
from rga.storage import first_edition
from rga.storage.digest import digest
from rga.storage.files import write_json
from rga.storage.utf8 import utf8_path

CONFIG, WEIGHTS = "config.json", "model.safetensors"
"""The files of a model, named by the hub."""

FORMAT = 2
"""Of ``config.json``. The first edition wrote none, and other names (``first_edition``)."""


def model_folder(path: Path) -> Path | None:
    """The folder with the model: itself, or the best or last one of a run; None if there is none."""
    return next((folder for folder in (path, path / "best", path / "last") if (folder / CONFIG).is_file()), None)


class SavedModel(PyTorchModelHubMixin):
    """The hub's mixin for a network, stricter: weights come from safetensors alone, and all of them must be there and fit."""

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        revision: str | None,
        cache_dir: str | Path | None,
        force_download: bool,
        local_files_only: bool,
        token: str | bool | None,
        map_location: str = "cpu",
        strict: bool = True,
        **model_kwargs: Any,
    ) -> Self:
        """Builds the model of a configuration and gives it the weights of a folder, or of the hub; in evaluation mode.

        Raises:
            MissingFileError: the folder has no weights.
            InputError: the file is damaged, or its weights are not those of the configuration.
        """
        if Path(model_id).is_dir():
            file = Path(model_id) / WEIGHTS
            if not file.is_file():
                raise MissingFileError(f"the model at {model_id} has no {WEIGHTS}: copy it there, beside its config.json")
        else:
            chosen = {"revision": revision, "cache_dir": cache_dir, "force_download": force_download, "token": token}
            file = Path(hf_hub_download(model_id, WEIGHTS, local_files_only=local_files_only, **chosen))  # type: ignore[arg-type]
        old = first_edition.is_first_edition(read_keys(file))
        if old:  # the mixin passed over the options whose names it does not know
            model_kwargs = {
                **first_edition.converted_options(json.loads(file.with_name(CONFIG).read_text(encoding="utf-8"))),
                **model_kwargs,
            }
        model = cls(**model_kwargs)
        try:
            with utf8_path(file) as path:
                if old:
                    model.load_state_dict(first_edition.converted_weights(load_file(path, map_location)), strict=strict)  # type: ignore[attr-defined]
                else:
                    load_model(model, path, strict=strict, device=map_location)  # type: ignore[arg-type]
        except RuntimeError as error:
            mistakes = differences(model, file, old) or " ".join(str(error).split())[:200]  # type: ignore[arg-type]
            raise InputError(f"the weights of {file} are not those of the config.json beside it: {mistakes}; copy both again") from error
        model.eval()  # type: ignore[attr-defined]
        return model


def read_keys(file: Path) -> list[str]:
    """The names of the tensors in a safetensors file.

    Raises:
        InputError: the file is no safetensors file, or not a whole one.
    """
    try:
        with utf8_path(file) as path, safe_open(path, "pt") as opened:
            return list(opened.keys())
    except SafetensorError as error:
        raise InputError(f"{file} is damaged, or no safetensors file ({error}): copy it again") from error


def differences(model: nn.Module, file: Path, old: bool) -> str:
    """What of a model's weights a file lacks, has too much or has in another shape, the first names of each; "" if it is nothing of these.

    Args:
        model: that the weights should fit.
        file: of safetensors.
        old: whether it is of the first edition.
    """
    with safe_open(file, "pt") as opened:
        theirs = {key: tuple(opened.get_slice(key).get_shape()) for key in opened.keys()}  # noqa: SIM118  it is no mapping
    given: dict[str, tuple[int, ...]] = first_edition.converted_weights(theirs) if old else theirs
    own = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    kinds = {
        "missing": [key for key in own if key not in given],
        "too many": [key for key in given if key not in own],
        "of another shape": [f"{key} {given[key]}, expected {own[key]}" for key in own if key in given and given[key] != own[key]],
    }
    return "; ".join(
        f"{len(names)} are {kind} ({', '.join(names[:2])}{', ...' if names[2:] else ''})" for kind, names in kinds.items() if names
    )


def write_tensors(file: Path, tensors: Mapping[str, Tensor]) -> None:
    """Writes tensors by their names as safetensors."""
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, file)


def read_tensors(file: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file by their names, on the CPU.

    Raises:
        InputError: the file is no safetensors file, or not a whole one.
    """
    read_keys(file)
    with utf8_path(file) as path:
        found: dict[str, Tensor] = load_file(path)
    return found


def weights_fingerprint(model: nn.Module) -> str:
    """A short name for the weights and buffers of a model, by which results tell what they were measured on: 16 hexadecimal digits."""
    return digest(model.state_dict())[:16]


def load_weights(model: nn.Module, folder: Path) -> None:
    """Gives a model the weights of a folder that ``save_model`` wrote for it; in place.

    Raises:
        InputError: they are not those of the model.
    """
    try:
        with utf8_path(folder / WEIGHTS) as path:
            load_model(model, path)
    except RuntimeError as error:
        raise InputError(f"the weights of {folder} are not those of the model: {' '.join(str(error).split())}") from error


def add_metrics(folder: Path, metrics: Mapping[str, object]) -> None:
    """Adds to what a saved model reached."""
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    write_json(folder / CONFIG, {**config, "metrics": {**config.get("metrics", {}), **metrics}})


def save_model(model: SavedModel, folder: Path, metrics: Mapping[str, object]) -> None:
    """Writes a model for ``rga.load``, with what it reached.

    Args:
        model: its constructor takes ``metrics``.
        folder: of the model.
        metrics: what it reached, and on which data.
    """
    model.save_pretrained(folder)
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    write_json(folder / CONFIG, {**config, "metrics": dict(metrics), "format": FORMAT})
