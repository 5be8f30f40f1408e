"""``rga.load``: a saved model, from a folder or from the Hugging Face hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar, overload

from huggingface_hub import hf_hub_download, hf_hub_url
from huggingface_hub.errors import LocalEntryNotFoundError

from rga.backbones.model import BackboneModel
from rga.backbones.weights.hub import out_of_reach
from rga.errors import HubError, InputError, MissingFileError
from rga.storage.saved_model import CONFIG, FORMAT
from rga.tasks import TASKS, get_task

Kind = TypeVar("Kind", bound=BackboneModel)

FIRST_TASK = "reid"
"""The task of models whose configuration names none: they are older than the other tasks."""


@overload
def load(path_or_hub_id: str | Path) -> Any: ...


@overload
def load(path_or_hub_id: str | Path, kind: type[Kind]) -> Kind: ...


def load(path_or_hub_id: str | Path, kind: type[Any] | None = None) -> BackboneModel:
    """Loads a model that a training saved; nothing in its files is executed.

    Args:
        path_or_hub_id: a folder with ``config.json`` and ``model.safetensors``, a run's folder (its ``best`` model, else its ``last``), or
            ``owner/name`` on the Hugging Face hub; or a file of the public weights for CIFAR-10, see ``rga.classification.public``.
        kind: the class that the model must be of; by default any.

    Returns:
        The model in evaluation mode: for re-identification it has ``embed``, for segmentation ``segment``, for classification ``classify``.

    Raises:
        HubError: the model is on the hub only, and the hub cannot be reached.
        MissingFileError: there is no model.
        InputError: the model is of an unknown task, or of another kind, or a file holds other weights.
    """
    if Path(path_or_hub_id).is_file():
        from rga.classification.public import read_public_cifar  # noqa: PLC0415  for such a file only

        check_kind(path_or_hub_id, "classification", kind)
        return read_public_cifar(Path(path_or_hub_id))
    config, offline = read_config(path_or_hub_id)
    task = known_task(path_or_hub_id, config)
    check_kind(path_or_hub_id, task, kind)
    folder = model_folder(Path(path_or_hub_id))
    model: BackboneModel = get_task(task).model.from_pretrained(str(folder or path_or_hub_id), local_files_only=offline)
    return model.eval()


def task_of(model: BackboneModel | str | Path) -> str:
    """The task of a model, told from its configuration, without loading its weights.

    Raises:
        MissingFileError: there is no model.
        InputError: the model is of an unknown task.
    """
    if isinstance(model, BackboneModel):
        return next(name for name in TASKS if isinstance(model, get_task(name).model))
    if Path(model).is_file():
        return "classification"
    return known_task(model, read_config(model)[0])


def read_config(path_or_hub_id: str | Path) -> tuple[dict[str, Any], bool]:
    """The configuration of a model, and whether the hub that it is from cannot be reached.

    Raises:
        HubError: the model is on the hub only, and the hub cannot be reached.
        MissingFileError: there is no model.
        InputError: the configuration is damaged, or of a later version.
    """
    folder = model_folder(Path(path_or_hub_id))
    offline = None
    if folder is not None:
        file = folder / CONFIG
    else:
        if str(path_or_hub_id).count("/") != 1 or Path(path_or_hub_id).exists():
            raise MissingFileError(f"there is no model at {path_or_hub_id}: a folder with {CONFIG} and model.safetensors was expected")
        offline = out_of_reach(hf_hub_url(str(path_or_hub_id), CONFIG))
        try:
            file = Path(hf_hub_download(str(path_or_hub_id), CONFIG, local_files_only=offline is not None))
        except LocalEntryNotFoundError as error:
            raise HubError(
                f"there is no folder {path_or_hub_id}, the model of that name on the hub is not on this machine, and the hub cannot be "
                f"reached ({offline or error}): name the folder of a model, or try again"
            ) from error
    try:
        config: dict[str, Any] = json.loads(file.read_text())
    except ValueError as error:
        raise InputError(f"{file} is damaged, or not the configuration of a model: {error}") from error
    if not isinstance(config, dict) or not isinstance(config.get("format", 1), int):
        raise InputError(f"{file} is damaged, or not the configuration of a model")
    if config.get("format", 1) > FORMAT:
        raise InputError(f"{file} has format {config['format']}, and this version of rga reads formats up to {FORMAT}: update rga")
    return config, offline is not None


def known_task(source: str | Path, config: dict[str, Any]) -> str:
    """The task that a configuration names; raises an InputError if it is unknown."""
    task = str(config.get("task", FIRST_TASK))
    if task not in TASKS:
        raise InputError(f"the model at {source} is of the unknown task {task!r}: this version knows {', '.join(TASKS)}")
    return task


def check_kind(source: str | Path, task: str, kind: type[Any] | None) -> None:
    """Raises an InputError if a model of another kind than its task's is wanted."""
    if kind is not None and get_task(task).model is not kind:
        verb = get_task(task).verb
        raise InputError(f"the model at {source} is for {task}: use rga {verb} or rga evaluate with it, or name a model of the other kind")


def model_folder(path: Path) -> Path | None:
    """The folder with the model: itself, or the best or last one of a run."""
    return next((folder for folder in (path, path / "best", path / "last") if (folder / CONFIG).is_file()), None)
