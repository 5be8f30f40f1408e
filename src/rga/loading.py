"""``rga.load``: a saved model, from a folder or from the Hugging Face hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar, overload

from huggingface_hub import hf_hub_download, hf_hub_url
from huggingface_hub.errors import LocalEntryNotFoundError

from rga.backbones.hub import out_of_reach
from rga.classification.model import ClassificationModel
from rga.classification.public import read_public_cifar
from rga.reid.model import ReidModel
from rga.segmentation.model import SegmentationModel
from rga.storage.saved_model import CONFIG

Model = ReidModel | SegmentationModel | ClassificationModel

TASKS: dict[str, type[Model]] = {"reid": ReidModel, "segmentation": SegmentationModel, "classification": ClassificationModel}
"""The task that a model's configuration names -> its class; those that name none are of re-identification."""

USES = {
    "reid": "rga embed, rga evaluate",
    "segmentation": "rga segment, rga evaluate-segmentation",
    "classification": "rga classify, rga evaluate-classification",
}
"""The task of a model -> what is done with it."""

Kind = TypeVar("Kind", bound=Model)


@overload
def load(path_or_hub_id: str | Path) -> Any: ...


@overload
def load(path_or_hub_id: str | Path, kind: type[Kind]) -> Kind: ...


def load(path_or_hub_id: str | Path, kind: type[Any] | None = None) -> Model:
    """Loads a model that a training saved; nothing in its files is executed.

    Args:
        path_or_hub_id: a folder with ``config.json`` and ``model.safetensors``, a run's folder (its ``best`` model, else its ``last``), or
            ``owner/name`` on the Hugging Face hub; or a file of the public weights for CIFAR-10, see ``rga.classification.public``.
        kind: the class that the model must be of; by default any.

    Returns:
        The model in evaluation mode: for re-identification it has ``embed``, for segmentation ``segment``, for classification ``classify``.

    Raises:
        ConnectionError: the model is on the hub alone, and the hub cannot be reached.
        FileNotFoundError: there is no model.
        ValueError: the model is of an unknown task, or of another kind, or a file holds other weights.
    """
    if Path(path_or_hub_id).is_file():
        check_kind(path_or_hub_id, "classification", kind)
        return read_public_cifar(Path(path_or_hub_id))
    folder = model_folder(Path(path_or_hub_id))
    missing: str | None = None
    if folder is None:
        if str(path_or_hub_id).count("/") != 1 or Path(path_or_hub_id).exists():
            raise FileNotFoundError(f"there is no model at {path_or_hub_id}: a folder with {CONFIG} and model.safetensors was expected")
        missing = out_of_reach(hf_hub_url(str(path_or_hub_id), CONFIG))
        try:
            file = hf_hub_download(str(path_or_hub_id), CONFIG, local_files_only=missing is not None)
        except LocalEntryNotFoundError as error:
            raise ConnectionError(
                f"there is no folder {path_or_hub_id}, the model of that name on the hub is not on this machine, and the hub cannot be "
                f"reached ({missing or error}): name the folder of a model, or try again"
            ) from error
        config = json.loads(Path(file).read_text())
    else:
        config = json.loads((folder / CONFIG).read_text())
    task = config.get("task", "reid")
    if task not in TASKS:
        raise ValueError(f"the model at {path_or_hub_id} is of the unknown task {task!r}: this version knows {', '.join(TASKS)}")
    check_kind(path_or_hub_id, task, kind)
    model: Model = TASKS[task].from_pretrained(str(folder or path_or_hub_id), local_files_only=missing is not None)
    return model.eval()


def check_kind(folder: str | Path, task: str, kind: type[Any] | None) -> None:
    """Raises a ValueError if a model of another kind than its task's is wanted."""
    if kind is not None and TASKS[task] is not kind:
        raise ValueError(f"the model at {folder} is for {task}, which serves {USES[task]}: name one of the other kind")


def model_folder(path: Path) -> Path | None:
    """The folder with the model: itself, or the best or last one of a run."""
    return next((folder for folder in (path, path / "best", path / "last") if (folder / CONFIG).is_file()), None)
