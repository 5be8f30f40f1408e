"""What the generators of data have in common: options that are whole numbers, and a file that says what a folder was made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rga.errors import InputError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def check_whole_numbers(options: DataclassInstance, ranges: Mapping[str, tuple[int, int]]) -> None:
    """Raises an InputError if an option is no whole number, or is out of its range: name -> (least, most)."""
    for name, (low, high) in ranges.items():
        value = getattr(options, name)
        if type(value) is not int or not low <= value <= high:
            raise InputError(f"{name} is {value!r}: expected a whole number from {low} to {high}")


def write_origin(file: Path, generator: str, version: int, options: DataclassInstance) -> None:
    """Writes what a folder was made from: the name of the generator, its version and its options."""
    about = {"generator": generator, "version": version, "options": asdict(options)}
    file.write_text(json.dumps(about, indent=2) + "\n")


def same_origin(file: Path, version: int, options: DataclassInstance) -> bool:
    """Whether a folder, by what ``write_origin`` wrote there, was made by this version from these options."""
    found = json.loads(file.read_text())
    return (found.get("version"), found.get("options")) == (version, asdict(options))
