"""The catalogue of a task's datasets: read one by its DataSpec, check it, and tell which there are.

A task's catalogue stands in its ``datasets/catalog.py``; a dataset is added there, as one line.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar, get_type_hints

from rga.checks import nearest, read_text, read_value
from rga.datasets.report import Report
from rga.datasets.spec import DataSpec, home_expanded
from rga.errors import InputError

Data = TypeVar("Data")
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Catalog(Generic[Data]):
    """The datasets of a task.

    Attributes:
        readers: name -> reader(root, **options). A reader's keyword-only parameters are its options; one whose root has a default needs
            no folder.
        checker: (data, expected counts or None, open_images, progress) -> report.
        expected: name -> the counts of its protocol, where it has one.
    """

    readers: Mapping[str, Callable[..., Data]]
    checker: Callable[[Data, Any, bool, Progress | None], Report]
    expected: Mapping[str, Any] = field(default_factory=dict)

    def read(self, spec: DataSpec | str) -> Data:
        """Reads a dataset.

        Args:
            spec: which; as text NAME:FOLDER?option=value.

        Raises:
            InputError: the name is unknown, a folder is missing, or the reader has no such option or does not take its value.
            MissingFileError: the data are not there; the error says what was expected and where they can be had.
            DataError: the data are there and are not what the format says.
        """
        spec = spec if isinstance(spec, DataSpec) else DataSpec.parse(spec)
        self.check_name(spec.name)
        reader, options = self.readers[spec.name], self.chosen(spec)
        if spec.root is not None:
            return reader(home_expanded(spec.root), **options)
        if self.needs_root(spec.name):
            where = self.root_name(spec.name)
            raise InputError(f"dataset {spec.name!r} needs a {where}: write {spec.name}:{where.upper()}")
        return reader(**options)

    def load(self, name: str, root: Path | str | None = None, **options: Any) -> Data:
        """Reads a dataset by name, folder and options; see ``read``."""
        return self.read(DataSpec(name, None if root is None else Path(root), options))

    def check(self, spec: DataSpec | str, *, subset: bool = False, open_images: bool = False, progress: Progress | None = None) -> Report:
        """Reads a dataset and checks it: counts, duplicates, damaged images and what else makes results meaningless.

        Args:
            spec: which.
            subset: the images are a part of the dataset: their counts are not compared with the protocol's. So it is, too, if the option
                ``allow_subset`` of the reader says so.
            open_images: decode every image (and mask), which takes minutes for a large dataset.
            progress: called with how many images were opened, and of how many.
        """
        spec = spec if isinstance(spec, DataSpec) else DataSpec.parse(spec)
        self.check_name(spec.name)
        if subset and "allow_subset" in self.options(spec.name):
            spec = spec.with_options(allow_subset=True)
        data = self.read(spec)
        expected = None if subset or self.chosen(spec).get("allow_subset") else self.expected.get(spec.name)
        return self.checker(data, expected, open_images, progress)

    def chosen(self, spec: DataSpec) -> dict[str, Any]:
        """The options of a dataset as its reader takes them.

        Raises:
            InputError: the reader has no such option or does not take its value.
        """
        types = self.options(spec.name)
        for option in spec.options:
            if option not in types:
                raise InputError(f"dataset {spec.name!r} has no option {option!r}: it takes {', '.join(types) or 'none'}")
        read = {name: read_text if isinstance(value, str) else read_value for name, value in spec.options.items()}
        return {name: read[name](types[name], value, f"option {name} of {spec}") for name, value in spec.options.items()}

    def options(self, name: str) -> dict[str, Any]:
        """The options of a dataset's reader: name -> type."""
        reader = self.readers[name]
        bound = reader.keywords if isinstance(reader, partial) else {}
        types = get_type_hints(reader.func if isinstance(reader, partial) else reader)
        parameters = inspect.signature(reader).parameters.values()
        return {p.name: types[p.name] for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in bound}

    def needs_root(self, name: str) -> bool:
        """Whether a dataset is in a folder that must be named."""
        first = next(iter(inspect.signature(self.readers[name]).parameters.values()))
        return first.default is first.empty

    def root_name(self, name: str) -> str:
        """What a dataset lies in: "folder", or "file" where its reader says so."""
        first = next(iter(inspect.signature(self.readers[name]).parameters))
        return "file" if first == "file" else "folder"

    def check_name(self, name: str) -> None:
        """Raises an InputError if there is no dataset of a name."""
        if name not in self.readers:
            hint = f"; for a folder of your own write folder:{name}" if Path(name).exists() else ""
            raise InputError(f"unknown dataset {name!r}{nearest(name, self.readers)}{hint}")
