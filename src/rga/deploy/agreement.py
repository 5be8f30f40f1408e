"""Whether an exported file computes what the model computes: both see the same generated images, in batches of several sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from rga.errors import InputError, RgaError
from rga.runtime.description import Takes
from rga.synthetic.people.people import PeopleOptions, people_shots, world_of
from rga.synthetic.streets.streets import paint_scene

BATCHES = (1, 2, 7, 32)
"""Numbers of images at a time."""
MOST_PIXELS = 1 << 22
"""Batches of more pixels are left out: 7 images of 768x768 are compared, and 32 are not."""
DIFFERENT = 8
"""How many different images there are; larger batches repeat them, turned over."""

STREET = (128, 256)
"""Size of a generated street before it is resized; larger ones take long."""

Run = Callable[[NDArray[Any]], Sequence[NDArray[np.float32]]]


class DisagreementError(RgaError, ValueError):
    """An exported file does not compute what the model computes."""


@dataclass(frozen=True)
class Agreement:
    """How far the outputs of a file are from those of the model.

    Attributes:
        cosine: the largest cosine distance between an image's outputs.
        absolute: the largest difference of a number.
        relative: that, of the largest number of its output.
        batches: how many images were shown at a time.
    """

    cosine: float
    absolute: float
    relative: float
    batches: tuple[int, ...]

    def __str__(self) -> str:
        shown = ", ".join(map(str, self.batches))
        return f"largest differences to the model: cosine {self.cosine:.1e}, absolute {self.absolute:.1e} (batches of {shown})"


def compared(
    run: Run,
    graph: nn.Module,
    sizes: Sequence[tuple[int, int]],
    takes: Takes,
    normalise: Callable[..., Any],
    batches: Sequence[int] = BATCHES,
) -> Agreement:
    """Runs a file and the model on generated images.

    Args:
        run: the file, on a batch of its input: its outputs.
        graph: the network that was exported.
        sizes: (height, width) of images.
        takes: what both take.
        normalise: an image -> what the network takes, (3, H, W).
        batches: numbers of images at a time.

    Raises:
        InputError: the model's own outputs are not finite.
    """
    found: list[tuple[float, float, float]] = []
    shown: dict[int, None] = {}
    for size in sizes:
        examples = list(islice(example_images(size), max(batches)))
        for batch in batches:
            if batch * size[0] * size[1] > MOST_PIXELS and batch > 1:
                continue
            shown[batch] = None
            images = [np.asarray(image) if takes == "bytes" else normalise(image) for image in examples[:batch]]
            inputs = np.stack(images)
            with torch.inference_mode():
                wanted = graph(torch.from_numpy(inputs))
            if not all(each.isfinite().all() for each in wanted):
                raise InputError("the model's own outputs are not finite: its weights are those of a training that diverged, or damaged")
            found += [difference(ours, theirs.numpy()) for ours, theirs in zip(run(inputs), wanted, strict=True)]
    cosine, absolute, relative = (max(values) for values in zip(*found, strict=True))
    return Agreement(cosine, absolute, relative, tuple(shown))


def difference(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> tuple[float, float, float]:
    """The largest cosine distance, difference, and difference as a part of the largest number; infinite where an output is not finite."""
    if ours.shape != theirs.shape or not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        return np.inf, np.inf, np.inf
    a, b = (each.reshape(len(each), -1).astype(np.float64) for each in (ours, theirs))
    absolute, largest = float(np.abs(a - b).max()), float(np.abs(b).max())
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    alike = np.asarray(~a.any(1) & ~b.any(1), np.float64)  # where both are zero
    cosines = np.divide((a * b).sum(1), lengths, out=alike, where=lengths > 0)
    return float((1 - cosines).max()), absolute, absolute / largest if largest else (np.inf if absolute else 0.0)


def check_agreement(agreement: Agreement, tolerance: float, target: str) -> None:
    """Refuses a file that is too far from its model.

    Raises:
        DisagreementError: it is.
    """
    if not (agreement.relative <= tolerance and agreement.cosine <= tolerance):
        raise DisagreementError(
            f"the model as {target} does not compute what the model computes ({agreement}; {tolerance:g} is allowed): nothing was written. "
            "Allow more with --tolerance only if you know why they differ"
        )


def example_images(size: tuple[int, int]) -> Iterator[Image.Image]:
    """Generated images of a size without end: people upright, streets otherwise; RGB."""
    height, width = size
    if height > width:
        options = PeopleOptions(identities=2, cameras=2, images_per_camera=DIFFERENT)
        drawn = (shot.image for _, shot in people_shots(world_of(options), options, 1))
    else:
        rng = np.random.default_rng(0)
        drawn = (paint_scene(rng, *STREET)[0] for _ in range(DIFFERENT))
    images = [image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR) for image in islice(drawn, DIFFERENT)]
    turned = [image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for image in images]
    return cycle([*images, *turned])


def as_figures(agreement: Agreement) -> Mapping[str, Any]:
    """For the description of a file."""
    return {"cosine": agreement.cosine, "absolute": agreement.absolute, "relative": agreement.relative, "batches": list(agreement.batches)}
