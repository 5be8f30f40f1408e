"""A tracklet: some frames of one person by one camera, in the order in which they were taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from rga.datasets.layout import DataError
from rga.reid.datasets.samples import Sample


@dataclass(frozen=True, slots=True)
class Tracklet(Sample):
    """A tracklet as a sample of a dataset; its ``path`` is the frame that stands for it where one image is shown.

    Raises:
        DataError: it has no frame, or one twice, or its ``path`` is none of them.

    Example:
        >>> tracklet = Tracklet.of([Path("a.jpg"), Path("b.jpg"), Path("c.jpg")], identity=7, camera=1)
        >>> tracklet.path, len(tracklet.files)
        (PosixPath('b.jpg'), 3)
    """

    frames: tuple[Path, ...] = ()
    """The images, in their order."""
    is_tracklet: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.path not in self.frames:
            what = f"{self.path} is none of its {len(self.frames)} frames" if self.frames else "it has no frame"
            raise DataError(f"a tracklet of identity {self.identity} by camera {self.camera} is wrong: {what}")
        if len(set(self.frames)) < len(self.frames):
            twice = next(path for position, path in enumerate(self.frames) if path in self.frames[:position])
            raise DataError(f"a tracklet of identity {self.identity} by camera {self.camera} has the frame {twice} twice")

    @property
    def files(self) -> tuple[Path, ...]:
        """Its frames."""
        return self.frames

    @classmethod
    def of(cls, frames: Sequence[Path], identity: int, camera: int | None) -> Self:
        """A tracklet whose middle frame stands for it.

        Raises:
            DataError: it has no frame, or one twice.
        """
        if not frames:
            raise DataError(f"a tracklet of identity {identity} by camera {camera} has no frame")
        return cls(frames[(len(frames) - 1) // 2], identity, camera, frames=tuple(frames))
