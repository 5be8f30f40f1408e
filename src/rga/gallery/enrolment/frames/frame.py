"""A frame: an image of a place, in which people are looked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Frame:
    """An image in which people are looked for.

    Attributes:
        image: RGB, (H, W, 3), uint8, upright.
        number: in its video or folder, from 0.
        seconds: from the first frame on; None if there is no such time.
        source: where it is from, for people.
        content: what tells it from all other frames; a detector has no use for it.
        recording: what tells the video or the folder from all others; likewise.
    """

    image: NDArray[np.uint8]
    number: int = 0
    seconds: float | None = None
    source: str = ""
    content: str = ""
    recording: str = ""
