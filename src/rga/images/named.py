"""The images that a person names: files, and folders of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rga.errors import InputError, MissingFileError
from rga.images.listing import list_images


def images_at(paths: Sequence[Path]) -> list[Path]:
    """The images that are named, and those below the folders that are named, in order.

    Raises:
        InputError: nothing is named.
        MissingFileError: a file is not there, or a folder holds no image.
    """
    return [path for _, path in found_at(paths)]


def named_images(paths: Sequence[Path], *, suffixes: bool = False, outside: Path | None = None) -> dict[str, Path]:
    """The same by their names, relative to the folder that is named.

    Args:
        paths: of images and folders.
        suffixes: whether names end as the files' do.
        outside: a folder that is written to: images found in it, where it lies in one that is named, are passed over.

    Raises:
        InputError: nothing is named, or two images have the same name.
        MissingFileError: a file is not there, or a folder holds no image.
    """
    named: dict[str, Path] = {}
    written = None if outside is None else outside.resolve()
    for name, path in found_at(paths):
        if written is not None and path not in paths and path.resolve().is_relative_to(written):
            continue
        key = name.as_posix() if suffixes else name.with_suffix("").as_posix()
        if key in named:
            raise InputError(f"{named[key]} and {path} have the same name {key!r} in the output: give each its own with --output")
        named[key] = path
    if not named:
        raise MissingFileError(f"no images but those in {outside}, which is written to")
    return named


def found_at(paths: Sequence[Path]) -> list[tuple[Path, Path]]:
    """The images with their names relative to what was named."""
    if not paths:
        raise InputError("no image is named: name images, or folders of them")
    found: list[tuple[Path, Path]] = []
    for path in paths:
        if path.is_dir():
            found += [(image.relative_to(path), image) for image in list_images(path)]
        elif path.is_file():
            found.append((Path(path.name), path))
        else:
            raise MissingFileError(f"there is no image at {path}")
    return found
