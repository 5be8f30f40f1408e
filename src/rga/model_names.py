"""What a user named where a model was expected: a model that ships with rga, a name on the Hugging Face hub, a path, or something else."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from rga.errors import InputError
from rga.storage.found import PICKLE, SAFETENSORS, TORCH, exists, file_kind, folder_contents, neighbours, weights_in
from rga.storage.saved_model import CONFIG, WEIGHTS, model_folder
from rga.training.run.checkpoint import LAST, PREVIOUS
from rga.training.run.record import RECIPE_FILE

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
"""``owner/name``."""

RUNS = "runs"
"""The folder that runs are in by default; never an owner on the hub."""

FILE_SUFFIXES = frozenset(
    (".pt", ".pth", ".th", ".ckpt", ".tar", ".bin", ".pkl", ".safetensors", ".onnx", ".json", ".zip", ".gz", ".h5", ".engine", ".tflite")
)
"""Endings of files that people take for models; nothing on the hub is called so."""

HUB_PREFIX = "hf-hub:"
"""Before ``owner/name`` it says that the hub is meant, whatever is on this machine (timm's way to write it)."""

SHIPPED = Path(__file__).parent / "pretrained"
"""The folder that holds a folder for each model that ships with rga."""

SHIPPED_PREFIX = "rga:"
"""Before the name of a shipped model it says that this model is meant, whatever is called so in the working directory."""

EXPECTED = f"expected a folder with {CONFIG} and {WEIGHTS}, or the folder of a run"


def shipped_models() -> dict[str, Path]:
    """Name -> folder of each model that ships with rga."""
    return {file.parent.name: file.parent for file in sorted(SHIPPED.glob(f"*/{CONFIG}"))}


def shipped_model(text: str) -> Path | None:
    """The folder of the shipped model that a text names; None if it names none.

    Raises:
        InputError: something in the working directory has the same name, so that either may be meant; or no shipped model has the name
            behind ``rga:``.
    """
    name = text.removeprefix(SHIPPED_PREFIX)
    found = shipped_models()
    if text.startswith(SHIPPED_PREFIX):
        if name not in found:
            known = f"it has {', '.join(map(repr, found))}" if found else "this version has none"
            raise InputError(f"no model called {name!r} ships with rga: {known}")
        return found[name]
    if name in found and exists(Path(name)):
        raise InputError(
            f"{name!r} is the name of a model that ships with rga, and of something in the working directory: write {SHIPPED_PREFIX}{name} "
            f"for the model, or ./{name} for what is here"
        )
    return found.get(name)


def is_hub_name(text: str) -> bool:
    """Whether a text can only mean a model on the hub: ``owner/name``, where nothing on this machine is called ``owner`` or nearly so.

    Example:
        >>> is_hub_name("owner/name"), is_hub_name("runs/typo"), is_hub_name("./name"), is_hub_name("owner/last.pt")
        (True, False, False, False)
    """
    if not HUB_NAME.fullmatch(text) or ".." in text or "--" in text:
        return False
    owner = text.partition("/")[0]
    folders = [path.name for path in Path().iterdir() if path.is_dir()]
    is_path = owner in (RUNS, *folders) or PurePosixPath(text).suffix.lower() in FILE_SUFFIXES or exists(Path(owner))
    return not is_path and not get_close_matches(owner, folders, n=1, cutoff=0.8)


def not_a_model(path: Path) -> str:
    """Why there is no model at a path: what was found, what was expected and what to do; "" for a file that may hold public weights."""
    if not exists(path):
        return missing(path)
    return folder_without_model(path) if path.is_dir() else file_without_model(path)


def missing(path: Path) -> str:
    """The error for a path that leads to nothing."""
    shipped = f", or one that ships with rga ({', '.join(shipped_models())})" if shipped_models() else ""
    return (
        f"there is no model at {path}{neighbours(path)}; {EXPECTED}, or {HUB_PREFIX}owner/name for a model on the Hugging Face hub{shipped}"
    )


def folder_without_model(folder: Path) -> str:
    """The error for a folder that is none of a model."""
    if (folder / RECIPE_FILE).is_file():
        state = f"rga resume {folder} continues it" if (folder / LAST).is_file() else "it left no checkpoint: train again"
        return (
            f"the run in {folder} has saved no model yet: neither best/ nor last/ is there. A training saves one at each evaluation "
            f"(--evaluate-every) and at its end; {state}"
        )
    if (folder / WEIGHTS).is_file():
        return f"the folder {folder} has {WEIGHTS} and no {CONFIG}, which says what network it is of: copy it there, beside the weights"
    inside = sorted(each.name for each in folder.iterdir() if each.is_dir() and model_folder(each) is not None)
    if inside:
        return f"the folder {folder} is no model, but holds some: name one of {', '.join(str(folder / name) for name in inside[:6])}"
    files = weights_in(folder)
    start = f"; to start a training from weights of another toolkit: rga train RECIPE --weights {files[0]} --backbone NAME" if files else ""
    return f"there is no model in the folder {folder}, which holds {folder_contents(folder)}: {EXPECTED}{start}"


def file_without_model(path: Path) -> str:
    """The error for a file that is none of a model; "" for one that may hold public weights."""
    run = path.parent
    if path.name in (CONFIG, WEIGHTS) and (run / CONFIG).is_file():
        return f"{path} is one of the files of a model: load its folder, {run}"
    if path.name in (LAST, PREVIOUS) and (run / RECIPE_FILE).is_file():
        model = model_folder(run)
        instead = f"load the model, {model}" if model else "the run has saved no model yet"
        return f"{path} is a checkpoint, to continue the training from (rga resume {run}), not a model: {instead}"
    kind = file_kind(path)
    if kind == TORCH:
        return ""
    unpack = "unpack it, and name the folder" if "archive" in kind else EXPECTED
    start = f"; to start a training from its weights: rga train RECIPE --weights {path} --backbone NAME" if kind == SAFETENSORS else ""
    risk = ", which may execute code and is not read" if kind == PICKLE else ""
    return f"{path} is no model but {kind}{risk}: {unpack}{start}"
