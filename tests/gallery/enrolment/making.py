"""Tiny sources that tests of enrolment read: videos, images, scenes with people."""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]

QUARTER = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}
"""Degrees by which a player turns a video clockwise -> the upper left part of its matrix."""


def write_video(path: Path, images: Sequence[Pixels], rate: int = 10, clockwise: int = 0, codec: str = "mpeg4") -> Path:
    """Writes a video; a player turns it clockwise, as it does those of phones."""
    with av.open(str(path), "w") as container:
        stream = cast("VideoStream", container.add_stream(codec, rate=rate))
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt, stream.bit_rate = "yuvj420p" if codec == "mjpeg" else "yuv420p", 4_000_000
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    if clockwise:
        turn(path, clockwise)
    return path


def turn(path: Path, clockwise: int) -> None:
    """Writes another matrix into the header of an MP4 file's track."""
    contents = bytearray(path.read_bytes())
    start = contents.index(b"tkhd") + 44
    a, b, c, d = (each << 16 for each in QUARTER[clockwise])
    contents[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(contents)


def write_image(path: Path, value: int = 0, size: tuple[int, int] = (64, 128)) -> Path:
    """Writes an image of one grey, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value, value)).save(path)
    return path


def walkers(boxes: Sequence[Sequence[float]], size: tuple[int, int] = (120, 200)) -> Pixels:
    """A grey scene with a striped person in each box (left, top, width, height)."""
    image = np.full((*size, 3), 90, dtype=np.uint8)
    for number, box in enumerate(boxes):
        left, top, width, height = (round(side) for side in box)
        rows = np.arange(max(0, top), min(size[0], top + height))
        image[rows, max(0, left) : left + width] = np.where(rows[:, None, None] // 4 % 2, 250, 20 + 60 * number)
    return image
