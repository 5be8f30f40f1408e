"""The model card of a saved model: what it is, what it costs, what it reached on which data by which protocol, and what it is not for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # public by its documentation

from rga.attachment.costs import cost
from rga.errors import InputError, first_line
from rga.images.preprocessing import Preprocessing
from rga.printable import printable
from rga.storage.checksum import sha256
from rga.storage.markdown import markdown_template
from rga.storage.saved_model import WEIGHTS

CARD = "README.md"
"""The hub's name for model cards."""

LICENSE = "other"
"""In the header, where nothing else is said: our code has a licence, and what may be done with weights depends on their data, too."""

LICENSE_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*", re.ASCII)
"""The hub's identifiers of licences."""


HARMLESS = str.maketrans("|<>`", "/()'")
"""What ends a cell or begins HTML or code -> what stands for it."""

MARKUP = re.compile(r"[\\\[\]!&*]")
"""What Markdown would read; a backslash stands before it."""

TEMPLATE = markdown_template(Path(__file__).with_name("card.md.jinja"))
"""The card's text, read before a training begins."""


@dataclass(frozen=True)
class Kind:
    """What cards say about the models of a task.

    Attributes:
        title: of the task.
        pipeline_tag: the hub's name of the task.
        call: what a user types with ``model``.
        gives: what that returns.
        protocol: how the figures of its training were measured.
    """

    title: str
    pipeline_tag: str
    call: str
    gives: str
    protocol: str


KINDS: dict[str, Kind] = {
    "person-re-identification": Kind(
        "person re-identification",
        "image-feature-extraction",
        'features = model.embed(["first.jpg", "second.jpg"])',
        "One row of numbers for each image of a person. Images of the same person have similar rows: compare them by cosine.",
        "Each query ranks the gallery by cosine distance, without re-ranking and without mirrored images. Gallery images of the query's "
        "own person and camera are left out, as Market-1501 does it. mAP, CMC (R1, ...) and mINP are means over the queries.",
    ),
    "semantic-segmentation": Kind(
        "semantic segmentation",
        "image-segmentation",
        'seen = model.segment("street.jpg")',
        "The class of each pixel, and how probable it is.",
        "At a single scale, from one confusion matrix over all pixels that have a class.",
    ),
    "object-detection": Kind(
        "object detection with masks",
        "image-segmentation",
        'objects = model.detect("street.jpg")',
        "The objects of each image: boxes, categories, scores and masks.",
        "COCO's metrics: the average precision over IoU thresholds from .50 to .95, with at most 100 detections an image.",
    ),
    "image-classification": Kind(
        "image classification",
        "image-classification",
        'answers = model.classify("image.jpg")',
        "The likeliest classes of each image, with their probabilities.",
        "On the whole split, one crop of each image.",
    ),
}
"""The hub's tag of a class of models -> what cards say."""


def model_card(
    model: Any,
    folder: Path | None = None,
    *,
    repo_id: str = "",
    license: str = LICENSE,  # noqa: A002  the hub's word
    evaluations: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The card of a model, as Markdown with the header that the hub reads.

    Args:
        model: of any task.
        folder: that it is saved in, whose file of weights is digested; without, the card has no figures, costs and digest, which are what
            may change after a model is saved, or takes time.
        repo_id: owner/name on the hub.
        license: the hub's name of a licence.
        evaluations: what ``rga.evaluate`` wrote about these weights.

    Raises:
        InputError: the licence or the name is none of the hub's.
    """
    check_license(license)
    check_repo_id(repo_id)
    info = model._hub_mixin_info.model_card_data  # noqa: SLF001  what the class said to the mixin
    config: dict[str, Any] = model._hub_mixin_config  # noqa: SLF001  the constructor's arguments
    tag = next(tag for tag in info.tags if tag in KINDS)
    shown: Preprocessing = model.preprocessing
    file = None if folder is None else folder / WEIGHTS
    return TEMPLATE.render(
        kind=KINDS[tag],
        license=license,
        tags=sorted({*info.tags} - {"model_hub_mixin", "pytorch_model_hub_mixin"}),
        repo_id=repo_id or "owner/name",
        config=config,
        size=shown.size,
        preprocessing=shown,
        classes=len(getattr(model, "classes", ()) or ()) if tag != "person-re-identification" else 0,
        cost=None if folder is None else cost(model, (1, 3, *shown.size)),
        sha256=None if file is None else sha256(file),
        bytes=None if file is None else file.stat().st_size,
        trained_on=dict(model.trained_on),
        metrics=figures_of(model.metrics),
        data={
            "data": model.metrics.get("data", model.trained_on.get("name")),
            "fingerprint": model.metrics.get("fingerprint", model.trained_on.get("fingerprint")),
        },
        evaluations=[as_row(each) for each in evaluations],
        number=as_number,
        plain=one_line,
    )


def figures_of(metrics: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """The numbers of what a model reached; those of its test split have their name before them.

    Example:
        >>> figures_of({"data": "digits", "top1": 0.9, "test": {"top1": 0.8}})
        {'top1': 0.9, 'test top1': 0.8}
    """
    found: dict[str, float] = {}
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            found |= figures_of(value, f"{prefix}{name} ")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found[f"{prefix}{name}"] = value
    return found


def as_row(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Data, protocol and figures of what ``rga.evaluate`` wrote."""
    left = {"task", "data", "fingerprint", "weights", "options", "trained_on", "read_as", "notes", "conditions", "classes", "per_class"}
    results = evaluation.get("results", {name: value for name, value in evaluation.items() if name not in left})
    return {
        "data": evaluation["data"],
        "fingerprint": evaluation["fingerprint"],
        "protocol": one_line(evaluation.get("options", {})),
        "figures": figures_of(results),
    }


def as_number(value: float) -> str:
    """A figure with four digits behind the point, a count as it is."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4f}"


def one_line(value: Any) -> str:
    """A value for a cell of a table: no line breaks and no bars, nothing that Markdown or HTML would read, and all of it is UTF-8."""
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value)
    return MARKUP.sub(r"\\\g<0>", printable(" ".join(text.split())).translate(HARMLESS))


def evaluations_in(folders: Iterable[Path], weights: str) -> list[dict[str, Any]]:
    """What ``rga.evaluate`` wrote into folders about weights.

    Args:
        folders: to look in.
        weights: their fingerprint; files about others are passed over.

    Raises:
        InputError: a file is damaged.
    """
    found = []
    for file in sorted({file for folder in folders for file in folder.glob("evaluation-*.json")}):
        try:
            read = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:  # not UTF-8 among them
            raise InputError(f"{file} is no result of rga evaluate ({error}): move it away, or evaluate again") from error
        if not isinstance(read, dict) or read.get("weights") != weights:
            continue
        if not {"data", "fingerprint"} <= read.keys() or not isinstance(read.get("results", {}), dict):
            raise InputError(f"{file} is no whole result of rga evaluate: move it away, or evaluate again")
        found.append(read)
    return found


def check_license(name: str) -> None:
    """Raises an InputError for what is none of the hub's names of licences, which would spoil the header."""
    if not isinstance(name, str) or not LICENSE_NAME.fullmatch(name):
        raise InputError(f"a licence is named as on the hub, such as other, apache-2.0 or cc-by-nc-4.0, got {name!r}")


def check_repo_id(name: str) -> None:
    """Raises an InputError for what cannot be the name of a model on the hub; none may be named."""
    try:
        if name:
            validate_repo_id(name)
    except HFValidationError as error:
        raise InputError(f"a model on the hub is called owner/name: {first_line(error)}") from error
