"""``rga.load``: a saved model, from a folder or from the Hugging Face hub.

What was named is looked up on this machine first. The hub is asked only for ``owner/name`` where neither is anything here.
"""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any, TypeVar, overload

from huggingface_hub import hf_hub_download, hf_hub_url
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

from rga.backbones.model import BackboneModel
from rga.backbones.weights.hub import out_of_reach
from rga.errors import HubError, InputError, MissingFileError, RgaError, first_line
from rga.model_names import HUB_PREFIX, is_hub_name, not_a_model, shipped_model, shipped_models
from rga.runtime.opening import open_model
from rga.runtime.session import is_model_file
from rga.storage.saved_model import CONFIG, FORMAT, WEIGHTS, model_folder
from rga.tasks import TASKS, get_task

Kind = TypeVar("Kind", bound=BackboneModel)

FIRST_TASK = "reid"
"""The task of models whose configuration names none: they are older than the other tasks."""


@overload
def load(path_or_hub_id: str | Path) -> Any: ...


@overload
def load(path_or_hub_id: str | Path, kind: type[Kind]) -> Kind: ...


def load(path_or_hub_id: str | Path, kind: type[Any] | None = None) -> BackboneModel:
    """Loads a model that ships with rga, or that a training saved; nothing in its files is executed.

    Args:
        path_or_hub_id: the name of a model that ships with rga, such as ``"small"`` (``"rga:small"`` where something in the working
            directory is called so); a folder with ``config.json`` and ``model.safetensors``, or a run's folder (its ``best`` model, else
            its ``last``); ``owner/name`` on the Hugging Face hub (``hf-hub:owner/name`` where a folder here is called like the owner); or a
            file of the public weights for CIFAR-10, see ``rga.classification.public``.
        kind: the class that the model must be of; by default any.

    Returns:
        The model in evaluation mode: for re-identification it has ``embed``, for segmentation ``segment``, for classification ``classify``,
        for detection ``detect``.

    Raises:
        HubError: the model is on the hub only, and the hub cannot be reached.
        MissingFileError: there is no model.
        InputError: what was named is something else than a model, the model is of an unknown task, or of another kind, or a file is damaged
            or holds other weights.
    """
    source = as_source(path_or_hub_id)
    if Path(source).is_file():
        return load_file(Path(source), kind)
    config, offline = read_config(source)
    task = known_task(source, config)
    check_kind(source, task, kind)
    source = source.removeprefix(HUB_PREFIX)
    folder = model_folder(Path(source)) if Path(source).is_dir() and not str(path_or_hub_id).startswith(HUB_PREFIX) else None
    try:
        model: BackboneModel = get_task(task).model.from_pretrained(str(folder or source), local_files_only=offline)
    except RgaError as error:
        if isinstance(error, (InputError, MissingFileError)) and str(folder or source) not in str(error):
            raise InputError(f"the model at {folder or source} cannot be built from its {CONFIG}: {error}") from error
        raise
    except LocalEntryNotFoundError as error:
        raise HubError(f"of the model {source} only the {CONFIG} is on this machine, and the hub cannot be reached: try again") from error
    except EntryNotFoundError as error:
        raise MissingFileError(f"the model {source} on the hub has no {WEIGHTS}: {first_line(error)}") from error
    except HfHubHTTPError as error:
        raise HubError(f"the model {source} cannot be fetched from the hub: {first_line(error)}") from error
    except OSError:
        raise
    except Exception as error:  # what networks raise for options that are none of theirs is of many kinds
        raise InputError(
            f"the model at {folder or source} cannot be built from its {CONFIG}, which is damaged or was changed "
            f"({type(error).__name__}: {first_line(error)}): copy it again"
        ) from error
    return model.eval()


def as_source(named: str | Path) -> str:
    """What was named, as text: the folder of a shipped model for its name, the home folder for ``~``.

    Raises:
        InputError: it is no text and no path, or empty, or the name of a shipped model and of something here.
    """
    if not isinstance(named, (str, os.PathLike)):
        raise InputError(f"a model is named by a folder or by owner/name on the Hugging Face hub, got a {type(named).__name__}")
    text = os.fspath(named)
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise InputError(f"{text!r} names no model: name the folder of a run or of a saved model, or owner/name on the Hugging Face hub")
    if text.startswith(HUB_PREFIX):
        return text
    if isinstance(named, str) and (shipped := shipped_model(text)) is not None:
        return str(shipped)
    try:
        os.stat(text)  # noqa: PTH116  as paths it would be read three times
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            raise InputError(f"{text[:60]}... names no model: {error.strerror}") from error
    expanded = Path(text).expanduser() if text.startswith("~") else Path(text)
    if not isinstance(named, str):
        is_name = is_hub_name(text) or text in shipped_models()
        return str(expanded.absolute()) if is_name else str(expanded)  # a path is never a name
    return str(expanded) if text.startswith("~") else text


def load_file(path: Path, kind: type[Any] | None) -> BackboneModel:
    """The model of a file, which is one of public weights.

    Raises:
        InputError: it is none.
    """
    from rga.classification.public import read_public_cifar  # noqa: PLC0415  for such a file only

    if reason := not_a_model(path):
        raise InputError(reason)
    check_kind(path, "classification", kind)
    return read_public_cifar(path)


def task_of(model: BackboneModel | str | Path) -> str:
    """The task of a model, told from its configuration, without loading its weights.

    Raises:
        MissingFileError: there is no model.
        InputError: the model is of an unknown task, or a file of ONNX that rga did not export.
    """
    if isinstance(model, BackboneModel):
        return next(name for name in TASKS if isinstance(model, get_task(name).model))
    source = as_source(model)
    if is_model_file(source):
        return open_model(source).task
    if Path(source).is_file():
        if reason := not_a_model(Path(source)):
            raise InputError(reason)
        return "classification"
    return known_task(source, read_config(source)[0])


def read_config(path_or_hub_id: str | Path) -> tuple[dict[str, Any], bool]:
    """The configuration of a model, and whether the hub that it is from cannot be reached.

    Raises:
        HubError: the model is on the hub only, and the hub cannot be reached.
        MissingFileError: there is no model.
        InputError: the configuration is damaged, of another toolkit, or of a later version.
    """
    source = as_source(path_or_hub_id)
    on_hub = source.startswith(HUB_PREFIX)
    folder = None if on_hub else model_folder(Path(source))
    if folder is not None:
        return checked_config(folder / CONFIG, source), False
    if not on_hub and not is_hub_name(source):
        raise MissingFileError(not_a_model(Path(source)))
    source = source.removeprefix(HUB_PREFIX)
    offline = out_of_reach(hf_hub_url(source, CONFIG))
    try:
        file = Path(hf_hub_download(source, CONFIG, local_files_only=offline is not None))
    except (RepositoryNotFoundError, EntryNotFoundError) as error:
        if isinstance(error, LocalEntryNotFoundError):
            raise HubError(
                f"there is no folder {source}, the model of that name on the hub is not on this machine, and the hub cannot be "
                f"reached ({offline or first_line(error)}): name the folder of a model, or try again"
            ) from error
        lacks = f"has no {CONFIG}" if isinstance(error, EntryNotFoundError) else "is not there, or needs a token (hf auth login)"
        raise MissingFileError(
            f"there is no folder {source}, and the model of that name on the hub {lacks}: name the folder of a run or of a saved model"
        ) from error
    except (HfHubHTTPError, OSError) as error:
        raise HubError(f"the model {source} cannot be fetched from the hub: {first_line(error)}") from error
    return checked_config(file, source), offline is not None


def checked_config(file: Path, source: str) -> dict[str, Any]:
    """A model's configuration.

    Raises:
        InputError: it is damaged, of another toolkit, or of a later version.
    """
    try:
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(
            f"{file} is damaged or cut short ({first_line(error)}): copy the model again, or load another one of the run"
        ) from error
    if not isinstance(config, dict) or not isinstance(config.get("format", 1), int):
        raise InputError(f"{file} is damaged, or not the configuration of a model")
    if config.get("format", 1) > FORMAT:
        raise InputError(f"{file} has format {config['format']}, and this version of rga reads formats up to {FORMAT}: update rga")
    if "backbone" not in config and "trunk" not in config:
        theirs = next((f"{key} {config[key]!r}" for key in ("architecture", "architectures", "model_type") if key in config), "")
        start = f"; to start a training from its weights: rga train RECIPE --weights {source}" if (file.parent / WEIGHTS).is_file() else ""
        raise InputError(
            f"{file} is not the configuration of a model of rga, but of another toolkit ({theirs or 'it names no backbone'}): expected the "
            f"folder of a run or of a saved model{start}"
        )
    return config


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
