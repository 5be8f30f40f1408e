"""What the generators of data have in common: checked options, folders that are there whole or not at all, and where a folder is from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from rga.errors import InputError
from rga.synthetic.building import built_beside

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


Progress = Callable[[int, int], None]
"""Called with how many images are done, and of how many."""

Options = TypeVar("Options", bound="DataclassInstance")


@dataclass(frozen=True)
class Generator(Generic[Options]):
    """A generator of a dataset.

    The same version, options and libraries give the same bytes.

    Attributes:
        name: of its module.
        version: of the generator.
        origin: the file in the dataset's folder that names the version and the options.
        fill: (folder, options, progress) writes the dataset.
    """

    name: str
    version: int
    origin: str
    fill: Callable[[Path, Options, Progress], None]

    def made(self, root: Path | str, options: Options) -> bool:
        """Whether a folder is from this version of the generator and from these options, by what the folder says."""
        origin = Path(root) / self.origin
        return origin.is_file() and same_origin(origin, self.version, options)

    def make(self, root: Path | str, options: Options, progress: Progress | None = None) -> Path:
        """Generates a dataset; it is built beside the target and moved there when it is complete, so the target is never half full.

        Args:
            root: the target, absent or an empty folder.
            options: what to generate.
            progress: called after each image.

        Returns:
            The target.

        Raises:
            ExistingFileError: the target holds something.
        """
        root = Path(root)
        with built_beside(root) as building:
            self.fill(building, options, progress or nobody)
            write_origin(building / self.origin, self.name, self.version, options)
        return root


def nobody(_done: int, _total: int) -> None:
    """Progress that is shown to nobody."""


def check_whole_numbers(options: DataclassInstance, ranges: Mapping[str, tuple[int, int]]) -> None:
    """Raises an InputError if an option is no whole number, or is out of its range: name -> (least, most)."""
    for name, (low, high) in ranges.items():
        value = getattr(options, name)
        if type(value) is not int or not low <= value <= high:
            raise InputError(f"{name} is {value!r}: expected a whole number from {low} to {high}")


def write_origin(file: Path, generator: str, version: int, options: DataclassInstance) -> None:
    """Writes what a folder was made from: the name of the generator, its version and its options."""
    about = {"generator": generator, "version": version, "options": asdict(options)}
    file.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def same_origin(file: Path, version: int, options: DataclassInstance) -> bool:
    """Whether a folder, by what ``write_origin`` wrote there, was made by this version from these options.

    Options that the file does not name had their defaults: they were added since. A file that says something else is none of ours.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return False
    given = found.get("options", {}) if isinstance(found, dict) else None
    if not isinstance(given, dict):
        return False
    return (found.get("version"), {**asdict(type(options)()), **given}) == (version, asdict(options))
