"""What a command writes: looked at before it begins its work, so that nothing fails when the work is done, and nothing is written over."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

from rga.storage.files import holds, write_json
from rga.storage.saved_model import CONFIG

RUN_FOLDERS = frozenset({"best", "last", "best-ema", "last-ema"})


def check_output(path: Path | None, *, overwrite: bool = True) -> None:
    """Looks whether a file can be written, without writing it or making its folder.

    Args:
        path: of the file; None for none.
        overwrite: whether it may be there already.

    Raises:
        FileExistsError: it is there, and shall not be written over.
        OSError: it cannot be written: a folder has its name, a file has the name of its folder, or the folder must not be written to.
    """
    if path is None:
        return
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: name a file to write to")
    if not overwrite and path.exists():
        raise FileExistsError(f"{path} is there already: name another file, or --overwrite")
    check_folder(path.parent)


def check_folder(folder: Path) -> None:
    """Looks whether files can be written to a folder, or the folder be made.

    Raises:
        OSError: they cannot.
    """
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists() or parent.is_symlink())
    if not there.is_dir():
        raise NotADirectoryError(f"{folder} cannot be a folder to write to: {there} is a file")
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(f"nothing can be written to {folder}: {there} is write-protected")


def need_drawing() -> None:
    """Raises a ModuleNotFoundError if reports cannot be drawn."""
    if find_spec("matplotlib") is None:
        raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")


def check_positive(**values: int) -> None:
    """Refuses options below 1 by their name.

    Raises:
        ValueError: one is.
    """
    for name, value in values.items():
        if value < 1:
            raise ValueError(f"{name.replace('_', '-')} must be at least 1, got {value}")


def check_workers(num_workers: int) -> None:
    """Raises a ValueError if the number of processes is negative."""
    if num_workers < 0:
        raise ValueError(f"num_workers must be at least 0, got {num_workers}")


def results_folder(run: Path) -> Path | None:
    """Where results on a model lie by default: with a run or a saved model on this machine; None for one on the hub, or in a file."""
    if run.is_dir() and any((folder / CONFIG).is_file() for folder in (run, *(run / name for name in RUN_FOLDERS))):
        return run
    return None


def check_results(out: Path | None, settings: Mapping[str, Any]) -> None:
    """Refuses a file for results that holds something else.

    Args:
        out: the file that was named; None for none.
        settings: what is evaluated and how, and by which weights: results of the same may be written again.

    Raises:
        FileExistsError: the file holds other results, or none.
    """
    if out is not None and out.exists() and not holds(out, json.loads(json.dumps(settings))):
        raise FileExistsError(
            f"{out} holds something else, or results on other data, by other options or of other weights: name another file with --out"
        )


def write_results(folder: Path | None, name: str, out: Path | None, settings: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    """Writes results to the file that was named; or to ``NAME.json`` in a folder, ``NAME-2.json`` if that holds those of other settings.

    Args:
        folder: of the model; None if it has none.
        name: for the file, made of the dataset.
        out: the file that was named; None for none.
        settings: what was evaluated and how, and by which weights: the same settings write over their own results, and over no others.
        results: besides.

    Returns:
        What became of them, in words.
    """
    path = out or (None if folder is None else free_path(folder, name, settings))
    if path is None:
        return "the model is in no folder of this machine: name a file with --out to keep the results"
    write_json(path, json.loads(json.dumps({**settings, **results})))
    return f"written to {path}"


def free_path(folder: Path, name: str, settings: Mapping[str, Any]) -> Path:
    """The file for results of some settings: theirs, or the first that is not there."""
    wanted = json.loads(json.dumps(settings))
    for number in count(1):
        path = folder / (f"{name}.json" if number == 1 else f"{name}-{number}.json")
        if not path.exists() or holds(path, wanted):
            return path
    raise AssertionError("there is always another number")
