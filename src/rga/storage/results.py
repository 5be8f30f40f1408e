"""Results of evaluations in files: with the model by default, and never over results of something else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

from rga.errors import ExistingFileError
from rga.storage.files import holds, write_json


def check_results(output: Path | None, settings: Mapping[str, Any]) -> None:
    """Refuses a file for results that holds something else.

    Args:
        output: the file that was named; None for none.
        settings: what is evaluated and how, and by which weights: results of the same may be written again.

    Raises:
        ExistingFileError: the file holds other results, or none.
    """
    if output is not None and output.exists() and not holds(output, json.loads(json.dumps(settings))):
        raise ExistingFileError(
            f"{output} holds something else, or results on other data, by other options or of other weights: "
            "name another file with --output"
        )


def write_results(
    folder: Path | None, name: str, output: Path | None, settings: Mapping[str, Any], results: Mapping[str, Any]
) -> Path | None:
    """Writes results to the file that was named; or to ``NAME.json`` in a folder, ``NAME-2.json`` if that holds those of other settings.

    Args:
        folder: of the model; None if it has none.
        name: for the file, made of the dataset's.
        output: the file that was named; None for none.
        settings: what was evaluated and how, and by which weights: the same settings overwrite their own results, and no others.
        results: besides.

    Returns:
        The file; None if there is no folder and none was named.
    """
    path = output or (None if folder is None else free_path(folder, name, settings))
    if path is not None:
        write_json(path, json.loads(json.dumps({**settings, **results})))
    return path


def free_path(folder: Path, name: str, settings: Mapping[str, Any]) -> Path:
    """The file for results of some settings: theirs, or the first that is not there."""
    wanted = json.loads(json.dumps(settings))
    for number in count(1):
        path = folder / (f"{name}.json" if number == 1 else f"{name}-{number}.json")
        if not path.exists() or holds(path, wanted):
            return path
    raise AssertionError("there is always another number")
