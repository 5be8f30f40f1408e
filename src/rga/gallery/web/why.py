"""Why two images are taken for the same person: where each speaks for being like the other, by Grad-CAM."""

from __future__ import annotations

import copy
import io
import threading
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rga.gallery.gallery import Gallery
from rga.gallery.web.problems import RefusedError

SCALE = 2
"""What is shown is larger than what the model sees."""


class Explainer:
    """Explains what the model of a gallery finds alike.

    Args:
        gallery: whose thumbnails are compared, as it keeps no other images.
    """

    def __init__(self, gallery: Gallery) -> None:
        self.gallery = gallery
        self.copied: tuple[Any, Any] = (None, None)
        self.lock = threading.Lock()

    def complaint(self) -> str:
        """Why nothing can be explained; empty if it can."""
        if self.gallery.settings["thumbnails"] != "on":
            return "this gallery keeps no images that could be compared"
        if not hasattr(getattr(self.gallery.embedder, "model", None), "input_of"):
            return "the model of this gallery is a file for other programs, which tells features alone: explain with the one of PyTorch"
        missing = [package for package in ("captum", "matplotlib") if find_spec(package) is None]
        return f"this needs {' and '.join(missing)}: pip install 'rga[explain]'" if missing else ""

    def draw(self, image: NDArray[np.uint8], other: NDArray[np.uint8]) -> bytes:
        """Draws where an image speaks for being like another one (red), and where against (blue).

        Args:
            image: RGB, (H, W, 3).
            other: likewise.

        Returns:
            A JPEG.

        Raises:
            RefusedError: nothing can be explained here.
        """
        if complaint := self.complaint():
            raise RefusedError(409, complaint)
        from rga.explanation.class_activation import Similarity, grad_cam  # noqa: PLC0415  PyTorch
        from rga.explanation.shown import shown_image  # noqa: PLC0415
        from rga.reports.panels import over  # noqa: PLC0415

        with self.lock:
            model = self.gallery.embedder.model  # type: ignore[attr-defined]
            if self.copied[0] is not model:
                self.copied = (model, copy.deepcopy(model))  # whose layers are watched while others search with the model
            cam = grad_cam(self.copied[1], image, Similarity(other))
            shown = shown_image(self.copied[1], image)
        stream = io.BytesIO()
        over(shown.resize((SCALE * shown.width, SCALE * shown.height), Image.Resampling.BICUBIC), cam).save(stream, "JPEG", quality=88)
        return stream.getvalue()
