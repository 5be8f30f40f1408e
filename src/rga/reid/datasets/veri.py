"""VeRi-776, vehicles: Liu, Liu, Mei, Ma, "A Deep Learning-Based Approach to Progressive Vehicle Re-identification", ECCV 2016.

Three folders of crops; a file's name says its vehicle, camera and time. ``train_label.xml`` and ``test_label.xml`` say the same of each
file, and the colour and the type of the vehicle besides: where they are there, the names are compared with them. The images of the query
are in the gallery, too. The protocol's junk (``jk_index.txt``) are the images of a query's own vehicle by its own camera, itself among
them, which evaluations leave out for all data with cameras.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from rga.datasets.layout import DataError, find_home
from rga.reid.datasets.market1501 import read_boxes
from rga.reid.datasets.samples import ReidData, Sample, SplitCounts

WHERE = (
    "VeRi-776 is given to researchers by its authors: look for 'VeRi' on the home page of Xinchen Liu (vehiclereid.github.io/VeRi), ask "
    "for it, and unpack VeRi.zip."
)
"""Where the data can be had."""

EXPECTED = {"train": SplitCounts(576, 37_778), "query": SplitCounts(200, 1_678), "gallery": SplitCounts(200, 11_579)}
"""The counts that the paper names."""

FOLDERS = {"train": "image_train", "query": "image_query", "gallery": "image_test"}
LABELS = {"train": "train_label.xml", "gallery": "test_label.xml"}
NAME = re.compile(r"(?P<identity>\d+)_c(?P<camera>\d+)_\d+_\d+(\.\w+)+", re.IGNORECASE)
FORM = "VEHICLE_cCAMERA_TIME_NUMBER.jpg, as 0001_c001_00016450_0.jpg"
DECLARATION = re.compile(rb"^\s*<\?xml[^>]*\?>")
"""The first line of the labels; it names an encoding, GB 2312, that Python's reader does not know. All behind it is ASCII."""


@dataclass(frozen=True, slots=True)
class VehicleLabel:
    """What the labels say of an image.

    Attributes:
        vehicle: its identity.
        camera: its number.
        color: number of the vehicle's colour in ``list_color.txt``.
        kind: number of its type in ``list_type.txt``.
    """

    vehicle: int
    camera: int
    color: int
    kind: int


def read_veri(root: Path) -> ReidData:
    """Reads VeRi-776.

    Args:
        root: the unpacked folder (``image_train``, ``image_query``, ``image_test``), or the one that it lies in.

    Raises:
        FileNotFoundError: a folder is missing.
        DataError: a folder has no image, a file name does not follow the format, or the labels say something else than a name.
    """
    home = find_home(root, ("VeRi", "VeRi-776"), tuple(FOLDERS.values()), WHERE)
    splits = {split: read_boxes(home / folder, NAME, FORM) for split, folder in FOLDERS.items()}
    for split, name in LABELS.items():
        if (home / name).is_file():
            check_labels_agree(splits[split], home / name)
    return ReidData("veri", splits["train"], splits["query"], splits["gallery"], home)


def read_vehicle_labels(path: Path) -> dict[str, VehicleLabel]:
    """What ``train_label.xml`` or ``test_label.xml`` says, by the names of the images.

    Raises:
        DataError: the file is no XML, or an item lacks a label or has one that is not a number.
    """
    try:
        items = ET.fromstring(DECLARATION.sub(b"", path.read_bytes())).iter("Item")  # noqa: S314  entities are not expanded without a DTD
        return {item.attrib["imageName"]: label_of(item) for item in items}
    except (ET.ParseError, KeyError, ValueError) as error:
        raise DataError(
            f"{path} does not hold the labels of VeRi ({type(error).__name__}: {error}): expected <Item imageName, vehicleID, cameraID, "
            "colorID, typeID>"
        ) from error


def label_of(item: ET.Element) -> VehicleLabel:
    """The labels of one item; a camera is written as c001."""
    said = item.attrib
    return VehicleLabel(int(said["vehicleID"]), int(said["cameraID"].removeprefix("c")), int(said["colorID"]), int(said["typeID"]))


def check_labels_agree(samples: tuple[Sample, ...], path: Path) -> None:
    """Raises a DataError if the labels name another vehicle or camera than the name of a file."""
    labels = read_vehicle_labels(path)
    for sample in samples:
        label = labels.get(sample.path.name)
        if label is not None and (label.vehicle, label.camera) != (sample.identity, sample.camera):
            raise DataError(
                f"{path} says vehicle {label.vehicle} and camera {label.camera} of {sample.path.name}, whose name says vehicle "
                f"{sample.identity} and camera {sample.camera}: unpack the data anew"
            )
