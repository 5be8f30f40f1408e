"""The frames of a video, by PyAV: every few seconds, upright, with the time since the first one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rga.errors import InputError, MissingFileError
from rga.extras import require
from rga.gallery.crop import Unreadable
from rga.gallery.enrolment.frames.frame import Frame
from rga.gallery.enrolment.progress import Progress
from rga.printable import printable
from rga.storage.checksum import sha256
from rga.storage.utf8 import utf8_path

if TYPE_CHECKING:
    from av import FFmpegError, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

SUFFIXES = (
    *(".3gp", ".asf", ".avi", ".divx", ".flv", ".h264", ".h265", ".hevc", ".m2ts", ".m4v", ".mjpeg", ".mkv"),
    *(".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".webm", ".wmv"),
)
"""The suffixes of files that are taken for videos, in lower case."""

TOLERANCE = 1e-6
"""Seconds by which a frame may come early."""


def video_frames(path: Path, every: float = 0.0, progress: Progress | None = None) -> Iterator[Frame | Unreadable]:
    """The frames of a video that are looked at, in the order in which they are shown.

    Frames are counted as they are decoded, and the first one is number 0. Parts that cannot be decoded are passed over, and told by one
    ``Unreadable`` at the end.

    Args:
        path: the video.
        every: seconds from one frame to the next; 0 for every frame. The first frame at or after each multiple is taken.
        progress: told after each frame that was decoded.

    Raises:
        MissingPackageError: PyAV is not installed.
        MissingFileError: there is no such file.
        InputError: the file is no video, or a damaged one.
    """
    require("av")
    if not path.is_file():
        raise MissingFileError(f"no file {path}")
    return decoded_frames(path, every, progress)


def decoded_frames(path: Path, every: float, progress: Progress | None) -> Iterator[Frame | Unreadable]:
    """The frames of a file that is there; see ``video_frames``."""
    content, source = sha256(path), printable(path.name)
    with utf8_path(path) as named, opened(named, path) as container:
        if not container.streams.video:
            raise InputError(f"{path} has no images, only {', '.join(each.type for each in container.streams) or 'nothing'}")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        total, broken, due, first = frames_in(container, stream), Broken(), 0, None
        for number, frame in enumerate(decode(container, stream, broken)):
            at = moment(frame, number, stream)
            first = at if first is None else first
            seconds = at - first
            if every <= 0 or seconds >= due * every - TOLERANCE:
                due = math.floor((seconds + TOLERANCE) / every) + 1 if every > 0 else 0
                yield Frame(upright(frame), number, seconds, source, f"{content} frame {number}", content)
            if progress is not None:
                progress(number + 1, max(total, number + 1) if total else 0)
    if first is None:
        raise InputError(f"{path} has no image that can be decoded{f' ({broken.reason})' if broken.parts else ''}")
    if broken.parts:
        yield Unreadable(source, f"{broken.parts} parts cannot be decoded, the first after frame {broken.after}: {broken.reason}")


def opened(named: Path, path: Path) -> InputContainer:
    """A video whose frames can be decoded; it is to be closed.

    Args:
        named: the path by which it is opened.
        path: what errors call it.

    Raises:
        InputError: the file is no video, or a damaged one.
    """
    import av  # noqa: PLC0415  an optional dependency

    try:
        return av.open(str(named.absolute()), options={"protocol_whitelist": "file"})  # a playlist must not fetch anything
    except av.FFmpegError as error:
        raise InputError(f"{path} cannot be read as a video ({error.strerror}): it is none, damaged, or cut short") from error


class Broken:
    """What of a video could not be decoded.

    Attributes:
        parts: how many packets.
        after: frames that were decoded before the first of them.
        reason: why the first of them could not be decoded.
    """

    def __init__(self) -> None:
        self.parts = 0
        self.after = 0
        self.reason = ""

    def add(self, after: int, error: FFmpegError) -> None:
        """Counts one more."""
        if not self.parts:
            self.after, self.reason = after, error.strerror or str(error)
        self.parts += 1


def decode(container: InputContainer, stream: VideoStream, broken: Broken) -> Iterator[VideoFrame]:
    """All frames that can be decoded.

    Args:
        container: that is open.
        stream: in it.
        broken: gets what cannot be decoded.
    """
    import av  # noqa: PLC0415  an optional dependency

    count = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.FFmpegError as error:  # the file ends here for whoever reads it
            broken.add(count, error)
            return
        try:
            frames = [frame for frame in packet.decode() if isinstance(frame, av.VideoFrame)]
        except av.FFmpegError as error:
            broken.add(count, error)
            continue
        count += len(frames)
        yield from frames


def frames_in(container: InputContainer, stream: VideoStream) -> int:
    """How many frames a video says that it has, or about how many by its length; 0 if it says neither."""
    if stream.frames:
        return int(stream.frames)
    if container.duration and stream.average_rate:
        return round(container.duration / 1_000_000 * float(stream.average_rate))
    return 0


def moment(frame: VideoFrame, number: int, stream: VideoStream) -> float:
    """When a frame is shown, in seconds of its video; by its number, if it does not say.

    Raises:
        InputError: neither the frame nor the video says it.
    """
    if frame.pts is not None and frame.time_base:
        return float(frame.pts * frame.time_base)
    if not stream.average_rate:
        raise InputError("the video says neither when its frames are shown nor how many there are a second: convert it to MP4 or Matroska")
    return number / float(stream.average_rate)


def upright(frame: VideoFrame) -> NDArray[np.uint8]:
    """The pixels of a frame, turned as the video says: phones write their frames as the sensor lies.

    Returns:
        RGB, (H, W, 3), an array of its own.
    """
    pixels = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)), dtype=np.uint8)
