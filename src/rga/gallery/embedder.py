"""What a gallery asks of a model: its fingerprint, and embeddings of images; and how a model is opened for that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rga.errors import InputError
from rga.gallery.results import Calibration
from rga.images.preprocessing import Preprocessing
from rga.ranking.open_set.threshold import Threshold
from rga.storage.checksum import sha256

Features = NDArray[np.float32]
Pixels = NDArray[np.uint8]

LARGEST = 4000
"""Numbers of an embedding at most: what a page of PostgreSQL holds, and pgvector's index takes."""


class Embedder(Protocol):
    """A model as a gallery sees it.

    Attributes:
        fingerprint: of its weights and of all that changes an embedding. Embeddings of two fingerprints are never compared.
        about: how it is opened again, as JSON can hold it.
        threshold: up to which cosine distance two images are of the same person; None if the model was not calibrated.
    """

    fingerprint: str
    about: dict[str, Any]
    threshold: Threshold | None

    def embed(self, images: Sequence[Pixels]) -> Features:
        """Embeddings of images of people.

        Args:
            images: RGB, (H, W, 3) each, of any sizes.

        Returns:
            (n, D) of any lengths; they are compared by cosine.
        """
        ...


@dataclass
class ModelEmbedder:
    """A model that ``rga.load`` opens, which need not import PyTorch.

    Attributes:
        model: with ``embed``.
        fingerprint: see ``Embedder``.
        about: likewise.
        threshold: likewise.
    """

    model: Any
    fingerprint: str
    about: dict[str, Any]
    threshold: Threshold | None

    def embed(self, images: Sequence[Pixels]) -> Features:
        """See ``Embedder``."""
        found: Features = self.model.embed(list(images), flip=self.about["flip"])
        return found


def open_embedder(
    where: str | Path, *, preprocessing: Preprocessing | None = None, flip: bool = False, device: str = "auto"
) -> ModelEmbedder:
    """Opens a model for re-identification.

    Args:
        where: see ``rga.load``.
        preprocessing: of a network of others in a file of ONNX.
        flip: average the embeddings of each image and its mirror image.
        device: where PyTorch computes: auto, cpu, cuda, cuda:1, mps.

    Raises:
        InputError: the model is for another task; see ``rga.load`` for the rest.
    """
    import rga  # noqa: PLC0415  it hands names on, and this is one that needs time
    from rga.runtime.model import RuntimeModel  # noqa: PLC0415

    model = rga.load(where, preprocessing=preprocessing)
    if not hasattr(model, "embed"):
        raise InputError(
            f"{where} is a model for {getattr(model, 'task', 'another task')}, which does not embed people: name one for re-ID"
        )
    if isinstance(model, RuntimeModel):
        weights = model.weights or sha256(Path(where).expanduser())[:16]
    else:
        from rga.deploy.as_model import fingerprint_of, placed  # noqa: PLC0415  PyTorch

        weights = fingerprint_of(model)
        placed(model, device)
    threshold = model.threshold
    if threshold is not None and (threshold.metric, threshold.flip, threshold.feature, threshold.frames) != (
        "cosine",
        flip,
        model.feature,
        "one",
    ):
        threshold = None  # of other distances than those of this gallery
    about: dict[str, Any] = {"model": named(where), "flip": flip, "feature": model.feature}
    if preprocessing is not None:
        about["preprocessing"] = asdict(preprocessing)
    prepared = "" if preprocessing is None else f" {preprocessing}"
    return ModelEmbedder(model, f"{weights} {model.feature}{' flip' if flip else ''}{prepared}", about, threshold)


def model_options(
    flip: bool, image_size: tuple[int, int] | None, mean: tuple[float, float, float], std: tuple[float, float, float]
) -> dict[str, Any]:
    """The options of ``open_embedder`` from flags; a network of others is one whose size is given."""
    preprocessing = None if image_size is None else Preprocessing(*image_size, mean, std)
    return {"flip": flip, "preprocessing": preprocessing}


def reopened(about: dict[str, Any], device: str = "auto") -> ModelEmbedder:
    """The model that a gallery was made with."""
    found = about.get("preprocessing")
    preprocessing = None
    if found is not None:
        preprocessing = Preprocessing(found["height"], found["width"], tuple(found["mean"]), tuple(found["std"]))
    return open_embedder(about["model"], preprocessing=preprocessing, flip=about["flip"], device=device)


def named(where: str | Path) -> str:
    """How a model is found again from another folder: a file or folder by its whole path, a name as it is."""
    path = Path(where).expanduser()
    return str(path.resolve()) if path.exists() else str(where)


def normalised(features: Features) -> Features:
    """Embeddings of length 1.

    Raises:
        InputError: one is not finite or of length 0, or they have too many numbers.
    """
    rows = np.asarray(features, np.float32)
    if rows.ndim != 2 or not 1 <= rows.shape[1] <= LARGEST:
        raise InputError(f"a model gives (images, numbers) with at most {LARGEST} numbers, got the shape {rows.shape}")
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        raise InputError("the model gave an embedding that is not finite, or of length 0: it cannot be compared")
    return np.asarray(rows / lengths, np.float32)


def calibration_of(embedder: Embedder) -> dict[str, Any] | None:
    """What a model was calibrated to, as the gallery keeps it."""
    found = embedder.threshold
    if found is None:
        return None
    return asdict(
        Calibration(
            match=found.distance,
            unsure=found.distance,
            false_alarm_rate=found.fpir,
            unsure_rate=found.fpir,
            found_rate=found.tpir,
            gallery=found.gallery,
            queries=found.unknown_queries,
            data=found.data,
        )
    )
