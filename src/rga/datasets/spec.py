r"""Which dataset: its name, its folder and the options of its reader, as one value.

On the command line and in files it is written ``NAME:FOLDER?option=value&option=value``, such as ``market1501:data/market1501``,
``folder:photos?camera=_c(\d)s&test_fraction=0.3`` or ``digits``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote

from rga.errors import InputError

FORM = "NAME:FOLDER?option=value&option=value, such as market1501:data/market1501"
"""How a dataset is written."""

NAME = re.compile(r"[a-z][a-z0-9-]+")
"""Names have two letters at least, so that C:\\photos is no dataset C."""


@dataclass(frozen=True)
class DataSpec:
    """A dataset by name, with the options of its reader.

    Attributes:
        name: of the dataset, one of the catalogue of a task; see ``rga data list``.
        root: its folder (a file for tables); None for a dataset that comes with a package.
        options: of the reader, by name. From text they are text until the reader's annotations tell their types. None leaves an option out;
            the text "none" is the value, where the reader takes it.

    Raises:
        InputError: the name is not that of a dataset.

    Example:
        >>> DataSpec.parse("folder:photos?test_fraction=0.3")
        DataSpec(name='folder', root=PosixPath('photos'), options={'test_fraction': '0.3'})
    """

    name: str
    root: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        """Checks the name, and leaves options out that are None: as text they would be the word."""
        if not NAME.fullmatch(self.name):
            raise InputError(f"{self.name!r} is not the name of a dataset: write {FORM}")
        object.__setattr__(self, "options", {name: value for name, value in self.options.items() if value is not None})

    @classmethod
    def parse(cls, text: str) -> Self:
        r"""Reads a dataset as it is written.

        The first colon ends the name, the first question mark after it the folder. ``%26`` is an ampersand in a value, ``%3F`` a question
        mark in a folder.

        Raises:
            InputError: the text is not of this form.
        """
        if not isinstance(text, str):
            raise InputError(f"{text!r} does not name a dataset: write {FORM}")
        name, _, rest = text.partition(":")
        if "?" in name:  # digits?option=value
            name, _, rest = text.partition("?")
            rest = f"?{rest}"
        if not NAME.fullmatch(name):
            folder = re.search(r"[/\\.]|^~", name) or re.match(r"[A-Za-z]:[/\\]", text) or Path(text).exists()
            hint = f" (for a folder of your own: folder:{text})" if folder else ""
            raise InputError(f"{text!r} does not name a dataset: write {FORM}{hint}")
        root, _, listed = rest.partition("?")
        options: dict[str, Any] = {}
        for item in filter(None, listed.split("&")):
            option, equals, value = item.partition("=")
            if not equals or not option.isidentifier():
                raise InputError(f"{item!r} in {text!r} is not an option of a dataset: write {FORM}, and %26 for & within a value")
            if option in options:
                raise InputError(f"option {option!r} stands twice in {text!r}")
            options[option] = unquote(value)
        return cls(name, home_expanded(Path(unquote(root))) if root else None, options)

    def __str__(self) -> str:
        """As it is written; ``parse`` reads it."""
        folder = "" if self.root is None else f":{quoted(str(self.root), '%?')}"
        options = "&".join(f"{name}={quoted(str(value), '%&')}" for name, value in self.options.items())
        return f"{self.name}{folder}{'?' if options else ''}{options}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """How pydantic reads it from JSON: as text, or as it is."""
        from pydantic_core import core_schema  # noqa: PLC0415  only where values are read from files

        return core_schema.no_info_plain_validator_function(lambda value: value if isinstance(value, cls) else cls.parse(value))

    def at(self, root: Path | str) -> Self:
        """The same dataset in another folder."""
        return replace(self, root=Path(root))

    def with_options(self, **options: Any) -> Self:
        """The same dataset with more options of its reader; those that it has are replaced."""
        return replace(self, options={**self.options, **options})

    def like(self, *others: DataSpec) -> Self:
        """The same dataset with the options of another one of the same reader, where it has none of its own.

        Args:
            *others: known datasets. The first one in the same folder counts, or else the first one of the same name.

        Example:
            >>> str(DataSpec.parse("folder:b?seed=1").like(DataSpec.parse("folder:a?seed=0&camera=c(.)")))
            'folder:b?seed=1&camera=c(.)'
        """
        same = [other for other in others if other.name == self.name]
        known = next((other for other in same if other.root == self.root), same[0] if same else self)
        return replace(self, options={**self.options, **{name: value for name, value in known.options.items() if name not in self.options}})


def home_expanded(path: Path) -> Path:
    """A path whose ``~`` is replaced by the home folder.

    Raises:
        InputError: there is no such user.
    """
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise InputError(f"{path}: {error}; write ./{path} for a folder of that name") from error


def quoted(text: str, characters: str) -> str:
    """A text with some characters written as %XX."""
    return "".join(f"%{ord(each):02X}" if each in characters else each for each in text)
