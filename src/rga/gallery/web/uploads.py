"""Images that somebody sends: counted, weighed, told by their contents, and measured before they are decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath

import numpy as np
from numpy.typing import NDArray
from starlette.datastructures import UploadFile

from rga.gallery.web.limits import Limits
from rga.gallery.web.problems import RefusedError
from rga.images.conversion import to_rgb
from rga.images.images import decoded
from rga.printable import printable

SIGNATURES = {
    "JPEG": ((0, b"\xff\xd8\xff"),),
    "PNG": ((0, b"\x89PNG\r\n\x1a\n"),),
    "WEBP": ((0, b"RIFF"), (8, b"WEBP")),
    "BMP": ((0, b"BM"),),
}
"""Formats that are read -> what stands where in their files. What the name or the browser says counts for nothing."""
NAME = 120
"""Characters of a file's name that are kept."""


@dataclass(frozen=True)
class Received:
    """An image that somebody sent.

    Attributes:
        name: of its file, without folders.
        contents: of its file.
        pixels: RGB, (H, W, 3), uint8, upright.
        content: SHA-256 of the file, in hexadecimal; the same as enrolment from a folder has.
    """

    name: str
    contents: bytes
    pixels: NDArray[np.uint8]
    content: str


def receive(files: Sequence[UploadFile], limits: Limits, most: int) -> list[Received]:
    """Reads images that somebody sent.

    Args:
        files: of a form; a field that was left empty counts for none.
        limits: see ``Limits``.
        most: how many they may be.

    Raises:
        RefusedError: they are too many, one is too large, or no image that is read here.
        DamagedImageError: one is damaged, or has too many pixels.
    """
    sent = [file for file in files if file.filename or file.size]
    if len(sent) > most:
        raise RefusedError(413, f"{len(sent)} images were sent, and at most {most} are taken at a time: send fewer")
    return [receive_one(file, limits) for file in sent]


def receive_one(file: UploadFile, limits: Limits) -> Received:
    """Reads one image."""
    name = name_of_file(file.filename or "")
    contents = file.file.read(limits.file_bytes + 1)
    if len(contents) > limits.file_bytes:
        raise RefusedError(413, f"an image has at most {limits.file_bytes:,} bytes, and {name} has more: send a smaller one")
    return Received(name, contents, decode(contents, name, limits), hashlib.sha256(contents).hexdigest())


def decode(contents: bytes, name: str, limits: Limits) -> NDArray[np.uint8]:
    """The pixels of an image, RGB, (H, W, 3), upright.

    Raises:
        RefusedError: it is none of the formats that are read here.
        DamagedImageError: it is damaged, or has too many pixels.
    """
    kind = format_of(contents)
    if kind is None:
        raise RefusedError(415, f"this is no image that can be read here: {name}; send JPEG, PNG, WebP or BMP")
    return decoded(
        contents,
        f"the file {name} cannot be read as an image",
        lambda image: np.array(to_rgb(image)),
        formats=(kind,),
        most_pixels=limits.pixels,
    )


def format_of(contents: bytes) -> str | None:
    r"""The format of an image, by its contents.

    Example:
        >>> format_of(b"\x89PNG\r\n\x1a\n..."), format_of(b"<svg onload='...'>")
        ('PNG', None)
    """
    for kind, parts in SIGNATURES.items():
        if all(contents.startswith(part, start) for start, part in parts):
            return kind
    return None


def name_of_file(sent: str) -> str:
    r"""The name of a file, of which a browser may send the folders, too.

    Example:
        >>> name_of_file("C:\\people\\anna.jpg"), name_of_file("../../etc/passwd"), name_of_file("..")
        ('anna.jpg', 'passwd', 'image')
    """
    name = printable(PurePosixPath(PureWindowsPath(sent).name).name).strip()
    return name[-NAME:] if name.strip(".") else "image"
