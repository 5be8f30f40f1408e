"""What an exported model says about itself: its task, how images become its input, what its outputs mean, and where it is from.

It travels inside of the file, as JSON in the metadata of the graph under ``KEY``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from rga.arrays import is_number
from rga.errors import InputError
from rga.images.preprocessing import Preprocessing
from rga.ranking.open_set.threshold import Threshold
from rga.segmentation.datasets.classes import Classes

KEY = "rga"
"""The name of the entry in the metadata of a file."""

FORMAT = 1
"""Of the description."""

Task = Literal["reid", "segmentation", "classification"]
Takes = Literal["normalised", "bytes"]
"""What the graph takes: normalised images (N, 3, H, W) in float32, or bytes (N, H, W, 3), RGB, of any size."""

INPUT = "images"
"""The name of the graph's input."""

OUTPUTS: dict[Task, tuple[str, ...]] = {"reid": ("pooled", "neck"), "segmentation": ("scores",), "classification": ("scores",)}
"""Task -> the names of the graph's outputs."""


@dataclass(frozen=True)
class Description:
    """What a file says about its model.

    Attributes:
        task: reid, segmentation, classification.
        preprocessing: how an image becomes what the network takes.
        takes: what the graph takes; bytes for re-identification alone.
        weights: the fingerprint of the model's weights; of a graph in 8-bit integers it says so, as it gives other numbers.
        trained_on: name and fingerprint of the data of the training, and how they were read.
        feature: for re-identification, the output that ``embed`` returns.
        threshold: for re-identification, the fields of a calibrated ``Threshold``; None without one.
        classes: for segmentation as ``Classes.to_dict`` has them, for classification ``{"names": [...]}``.
        crop_pct: for classification, the share of an image's shorter side that is shown.
        multiple: for segmentation, sizes of images are multiples of it.
        any_size: for segmentation, whether images of any size are taken; otherwise windows of the size of the preprocessing.
        resolution: for segmentation, by which images are resized before the network sees them.
        agreement: how far the file's outputs were from the model's when it was written.
        int8: what a graph in 8-bit integers loses and gains, as ``rga.deploy.int8.figures.Int8Figures`` has it; empty for one in float32.
        version: of rga, which wrote it.
        format: of this description.

    Raises:
        InputError: a value is not what it should be.
    """

    task: Task
    preprocessing: Preprocessing
    takes: Takes
    weights: str
    trained_on: Mapping[str, Any]
    feature: str = ""
    threshold: Mapping[str, Any] | None = None
    classes: Mapping[str, Any] = field(default_factory=dict)
    crop_pct: float = 1.0
    multiple: int = 1
    any_size: bool = False
    resolution: float = 1.0
    agreement: Mapping[str, Any] = field(default_factory=dict)
    int8: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""
    format: int = FORMAT

    def __post_init__(self) -> None:
        """Checks what decides how the graph is used."""
        if self.task not in get_args(Task):
            raise InputError(f"unknown task {self.task!r}: expected one of {', '.join(get_args(Task))}")
        if self.takes not in get_args(Takes):
            raise InputError(f"unknown input {self.takes!r}: expected one of {', '.join(get_args(Takes))}")
        if self.takes == "bytes" and self.task != "reid":
            raise InputError(f"graphs that take bytes are those of re-identification, and this one is for {self.task}")
        if self.task == "reid" and self.feature not in OUTPUTS["reid"]:
            raise InputError(f"unknown feature {self.feature!r}: expected one of {', '.join(OUTPUTS['reid'])}")
        if not isinstance(self.trained_on, Mapping) or not isinstance(self.classes, Mapping):
            raise InputError("trained_on and classes are objects")
        for name in ("crop_pct", "resolution", "multiple"):
            if not is_number(getattr(self, name)) or getattr(self, name) <= 0:
                raise InputError(f"{name} is a positive number, got {getattr(self, name)!r}")
        if self.threshold is not None:
            Threshold.from_dict(self.threshold)
        if self.task == "segmentation":
            Classes.from_dict(self.classes)
        if self.task == "classification":
            names = self.classes.get("names")
            if not isinstance(names, (list, tuple)) or len(names) < 2 or not all(isinstance(name, str) for name in names):
                raise InputError(f"classes has the names of two classes or more, got {names!r}")

    def to_json(self) -> str:
        """As text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str, file: object) -> Description:
        """From ``to_json``.

        Args:
            text: the description.
            file: what errors call the file.

        Raises:
            InputError: it is damaged, or of a later version.
        """
        try:
            values = json.loads(text)
            version = int(values.get("format", 0))
        except (ValueError, TypeError, AttributeError) as error:
            raise damaged(file, error) from error
        if version > FORMAT:
            raise InputError(f"{file} describes itself in format {version}, and this version reads formats up to {FORMAT}: update rga")
        known = {each.name for each in fields(cls)}
        try:
            shown = values["preprocessing"]
            mean, std = ((float(r), float(g), float(b)) for r, g, b in (shown["mean"], shown["std"]))
            preprocessing = Preprocessing(int(shown["height"]), int(shown["width"]), mean, std)
            return cls(**{**{name: value for name, value in values.items() if name in known}, "preprocessing": preprocessing})
        except (ValueError, TypeError, KeyError, AttributeError) as error:  # an InputError among them
            raise damaged(file, error) from error


def damaged(file: object, error: Exception) -> InputError:
    """The error for a description that cannot be read."""
    return InputError(f"what {file} says about its model is damaged ({error}): export the model again")
