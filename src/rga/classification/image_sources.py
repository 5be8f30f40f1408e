"""Images by their number, wherever they lie: in memory, in files, in a zip. They are read when they are asked for."""

from __future__ import annotations

import hashlib
import io
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rga.images.images import DamagedImageError, decode, read_image, unreadable
from rga.images.listing import size_of


class ImageSource(Protocol):
    """Some images. They can be sent to other processes, which read them there."""

    def __len__(self) -> int:
        """How many."""
        ...

    def __getitem__(self, index: int) -> Image.Image:
        """One of them, as RGB; raises ``DamagedImageError`` if it cannot be read."""
        ...

    def name(self, index: int) -> str:
        """What reports and errors call one of them."""
        ...

    def contents(self, index: int) -> bytes:
        """One of them as it is stored."""
        ...

    def mark(self, index: int) -> str:
        """A short text that changes when the stored image does, and is had without decoding it."""
        ...


class PixelImages:
    """Images in memory.

    Args:
        pixels: (n, H, W, 3), or (n, H, W) for grey ones, as bytes.
        prefix: of their names, which end in their numbers.
    """

    def __init__(self, pixels: NDArray[np.uint8], prefix: str) -> None:
        self.pixels = pixels
        self.prefix = prefix

    def __len__(self) -> int:
        """How many."""
        return len(self.pixels)

    def __getitem__(self, index: int) -> Image.Image:
        """One of them, as RGB."""
        return Image.fromarray(self.pixels[index]).convert("RGB")

    def name(self, index: int) -> str:
        """Prefix and number."""
        return f"{self.prefix}/{index:05}"

    def contents(self, index: int) -> bytes:
        """The pixels in raster order."""
        stored: bytes = self.pixels[index].tobytes()
        return stored

    def mark(self, index: int) -> str:
        """A hash of the pixels."""
        return hashlib.sha256(self.contents(index)).hexdigest()[:16]


class FileImages:
    """Images in files.

    Args:
        root: the folder that names are told from.
        names: paths of the files, told from the root with forward slashes.
    """

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        self.root = root
        self.names = names

    def __len__(self) -> int:
        """How many."""
        return len(self.names)

    def __getitem__(self, index: int) -> Image.Image:
        """One of them, as RGB."""
        return read_image(self.root / self.names[index])

    def name(self, index: int) -> str:
        """Its path, told from the root."""
        return self.names[index]

    def contents(self, index: int) -> bytes:
        """The file's bytes."""
        return (self.root / self.names[index]).read_bytes()

    def mark(self, index: int) -> str:
        """The file's size."""
        return str(size_of(self.root / self.names[index]))


class ZipImages:
    """Images in a zip, which each process opens for itself.

    Args:
        archive: the zip.
        members: names of the images in it.
    """

    def __init__(self, archive: Path, members: Sequence[str]) -> None:
        self.archive = archive
        self.members = members
        self.opened: ZipFile | None = None
        self.opened_by = 0

    def __len__(self) -> int:
        """How many."""
        return len(self.members)

    def __getitem__(self, index: int) -> Image.Image:
        """One of them, as RGB."""
        return decode(io.BytesIO(self.contents(index)), f"{self.archive}:{self.members[index]}")

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs: an open file cannot be sent."""
        return {**self.__dict__, "opened": None}

    @property
    def zip(self) -> ZipFile:
        """The zip, opened in this process: two that shared one would move each other's position in the file."""
        if self.opened is None or self.opened_by != os.getpid():
            self.opened, self.opened_by = ZipFile(self.archive), os.getpid()
        return self.opened

    def name(self, index: int) -> str:
        """The zip's name and the member's."""
        return f"{self.archive.name}:{self.members[index]}"

    def contents(self, index: int) -> bytes:
        """The member's bytes.

        Raises:
            DamagedImageError: they are not those that were put in, or are encrypted or packed in a way that is not known here.
        """
        try:
            return self.zip.read(self.members[index])
        except (BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise DamagedImageError(f"{self.name(index)} cannot be read: {error}; replace the file or take it out of the data") from error
        except OSError as error:  # the disk's, not the image's
            raise unreadable(error, self.name(index)) from error

    def mark(self, index: int) -> str:
        """The member's checksum, as the zip lists it."""
        return f"{self.zip.getinfo(self.members[index]).CRC:08x}"


class ImageSubset:
    """Some of other images.

    Args:
        images: the others.
        indices: (m,) their numbers there.
    """

    def __init__(self, images: ImageSource, indices: NDArray[np.int64]) -> None:
        self.images = images
        self.indices = indices

    def __len__(self) -> int:
        """How many were chosen."""
        return len(self.indices)

    def __getitem__(self, index: int) -> Image.Image:
        """One of them, as RGB."""
        return self.images[int(self.indices[index])]

    def name(self, index: int) -> str:
        """Its name among the others."""
        return self.images.name(int(self.indices[index]))

    def contents(self, index: int) -> bytes:
        """One of them as it is stored."""
        return self.images.contents(int(self.indices[index]))

    def mark(self, index: int) -> str:
        """Its mark among the others."""
        return self.images.mark(int(self.indices[index]))
