"""The crops of a source, whatever it is: a folder, a table, an image, a video."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rga.errors import InputError, MissingFileError
from rga.gallery.crop import Crop, Unreadable
from rga.gallery.enrolment.detectors.detector import Detector
from rga.gallery.enrolment.detectors.mot_file import MotFile
from rga.gallery.enrolment.folders import folder_crops, image_crops, images_below
from rga.gallery.enrolment.frames.folder import image_frames
from rga.gallery.enrolment.frames.frame import Frame
from rga.gallery.enrolment.frames.video import SUFFIXES, video_frames
from rga.gallery.enrolment.options import EnrolmentOptions
from rga.gallery.enrolment.progress import Progress
from rga.gallery.enrolment.recordings import recording_of_images
from rga.gallery.enrolment.tables import table_crops
from rga.gallery.enrolment.tracks.people import people_in
from rga.images.listing import has_suffix

TABLES = (".csv", ".tsv")
"""The suffixes of tables, in lower case."""


def crops_of(
    source: Path, *, options: EnrolmentOptions | None = None, detector: Detector | None = None, progress: Progress | None = None
) -> Iterator[Crop | Unreadable]:
    """The crops of a source, one after the other, in an order that is the same each time.

    ===================  ======================================================================================
    source               crops
    ===================  ======================================================================================
    a folder, an image   each image is a crop; with a detector, each image is a frame in which people are found
    a table (CSV, TSV)   a crop a line; see ``rga.gallery.enrolment.tables`` for its columns
    a video              the people whom a detector finds, followed through the frames, the best crops of each
    ===================  ======================================================================================

    A crop has the same ``content`` each time, so that a gallery enrols it once, and goes on where it was interrupted. What cannot be read
    is told by an ``Unreadable`` in its place, and the others follow. What is wrong with the source as a whole is raised before its first
    crop. Images are read when their turn comes, and memory does not grow with their number.

    Args:
        source: a folder or a file.
        options: how it is enrolled; ``EnrolmentOptions()`` when left out.
        detector: finds people in frames; needed for a video, and not for a table, which says its boxes itself.
        progress: told after each image, line or frame how many are done, and of how many.

    Raises:
        MissingFileError: the source is not there, or is a folder without an image.
        MissingPackageError: the source is a video, and PyAV is not installed.
        DataError: the source is a table that is wrong, or a folder whose people cannot be told.
        InputError: the source is none of these, is a damaged video, the detector is missing or has no place, or an option says something
            about sources of another kind.
        OSError: a file cannot be read from where it lies.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("0002_c1s1_000451_03.jpg", "0002_c3s1_000088_01.jpg"):
        ...     Image.new("RGB", (64, 128)).save(folder / name)
        >>> [(crop.person, crop.camera) for crop in crops_of(folder)]
        [('0002', '1'), ('0002', '3')]
    """
    options = options or EnrolmentOptions()
    check_options(source, options, detector)
    if source.is_dir():
        if detector is None:
            return folder_crops(source, options, progress)
        return people_in_images(source, images_below(source), detector, options, progress)
    if not source.exists():
        raise MissingFileError(f"no file or folder {source}: expected {EXPECTED}")
    suffix = source.suffix.lower()
    if suffix in TABLES:
        if detector is not None:
            raise InputError(f"{source} is a table, which says its boxes itself: leave the detector out")
        return table_crops(source, options, progress)
    if has_suffix(source.name):
        if detector is None:
            return image_crops(source.parent, [source.name], options, progress)
        return people_in_images(source.parent, [source.name], detector, options, progress)
    if suffix in SUFFIXES:
        if detector is None:
            raise InputError(f"{source} is a video, in which a detector has to find people: name one")
        return people_found(video_frames(source, options.every, progress), detector, options)
    raise InputError(f"{source} ends in {suffix!r}: expected {EXPECTED}")


def check_options(source: Path, options: EnrolmentOptions, detector: Detector | None) -> None:
    """Checks that no option is passed over which says when or of whom the images are, or that they are a video's.

    Raises:
        InputError: one has no place at this source.
    """
    of_frames = "its images are taken for a video's with a detector and --frame-rate"
    has_seconds = source.suffix.lower() in SUFFIXES or (detector is not None and options.frame_rate is not None)
    if options.start and not has_seconds:
        raise InputError(
            f"--start says when the first frame of a video was taken, and {source} is none ({of_frames}): leave it out, or write the times "
            "into a table"
        )
    if options.frame_rate is not None and detector is None:
        raise InputError(f"--frame-rate is of frames in which a detector finds people: name one for {source}, or leave the rate out")
    if options.people == "folders" and (detector is not None or not source.is_dir()) and source.exists():
        why = "a detector finds them in whole images" if detector is not None else "it is no folder"
        raise InputError(f"--people folders is for a folder of crops, and of {source} nobody says so who is on it ({why}): leave it out")


EXPECTED = f"a folder of images, an image, a table ({', '.join(TABLES)}) or a video ({', '.join(SUFFIXES)})"


def people_in_images(
    folder: Path, names: list[str], detector: Detector, options: EnrolmentOptions, progress: Progress | None
) -> Iterator[Crop | Unreadable]:
    """The people in images that are frames of a video, or have nothing to do with each other.

    Args:
        folder: in which they are.
        names: paths below it.
        detector: finds people.
        options: ``frame_rate`` says that they are a video's; without it, boxes of different images are never taken for a track.
        progress: told after each image.
    """
    if options.frame_rate is None and options.tracks == "overlap":
        options = replace(options, tracks="none")
    frames = image_frames(folder, names, options.frame_rate, progress, recording_of_images(folder, names))
    return people_found(frames, detector, options)


def people_found(frames: Iterator[Frame | Unreadable], detector: Detector, options: EnrolmentOptions) -> Iterator[Crop | Unreadable]:
    """The people in frames; boxes from a file must be of these frames, see ``MotFile.within``."""
    return people_in(detector.within(frames) if isinstance(detector, MotFile) else frames, detector, options)
