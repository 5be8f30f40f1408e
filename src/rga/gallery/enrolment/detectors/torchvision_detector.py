"""The detectors of torchvision, such as Faster R-CNN, with weights on this machine; nothing is downloaded unless that is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rga.checks import nearest
from rga.errors import HubError, InputError, MissingFileError, first_line
from rga.gallery.enrolment.boxes import from_corners
from rga.gallery.enrolment.detectors.detector import Detections, check_scores
from rga.gallery.enrolment.frames.frame import Frame

if TYPE_CHECKING:
    from torch import Tensor

DEFAULT = "fasterrcnn_resnet50_fpn_v2"

PERSON = 1
"""The class of people in COCO as torchvision counts it, 0 being the background."""

COCO = 91


class TorchvisionDetector:
    """A detector of torchvision.

    Args:
        name: of a model of ``torchvision.models.detection``.
        weights: a file of its state, as ``torch.save(model.state_dict(), path)`` writes it; by default torchvision's weights for COCO,
            which must be in PyTorch's folder of downloads.
        classes: of the weights in a file, with the background.
        min_score: boxes with a lower score, from 0 to 1, are left out.
        download: get torchvision's weights, where they are not on this machine.
        device: on which it runs.

    Raises:
        InputError: the name or an option is wrong, or the weights are of another model.
        MissingFileError: the weights are not there.
        HubError: they should be downloaded, and cannot be.
    """

    def __init__(
        self,
        name: str = DEFAULT,
        weights: Path | None = None,
        *,
        classes: int | None = None,
        min_score: float = 0.5,
        download: bool = False,
        device: str = "cpu",
    ) -> None:
        import torch  # noqa: PLC0415  slow to import
        from torchvision.models import detection, get_model, list_models  # noqa: PLC0415  likewise

        check_scores(min_score, 0)
        known = list_models(module=detection)
        if name not in known:
            raise InputError(f"unknown detector {name!r} of torchvision{nearest(name, known)}")
        if weights is None and classes is not None:
            raise InputError("classes are those of weights in a file: name the file, too")
        path = weights or published(name, download=download)
        if not path.is_file():
            raise MissingFileError(f"no file {path}: expected the weights of {name}")
        options = {} if weights is None and "keypoint" in name else {"num_classes": classes or COCO}
        self.model: Any = get_model(name, weights=None, weights_backbone=None, **options)
        try:
            self.model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        except Exception as error:  # pickle, zip archives and modules raise what they like
            raise InputError(f"{path} does not hold weights of {name} with {classes or COCO} classes: {first_line(error)}") from error
        self.model.eval().to(device)
        self.min_score, self.device = min_score, device

    def __call__(self, frame: Frame) -> Detections:
        """The people in a frame."""
        import torch  # noqa: PLC0415  slow to import

        image = torch.from_numpy(np.ascontiguousarray(frame.image)).to(self.device).permute(2, 0, 1).float() / 255  # (3, H, W)
        with torch.inference_mode():
            found: dict[str, Tensor] = self.model([image])[0]
        scores = found["scores"].double().cpu().numpy()
        boxes = from_corners(found["boxes"].double().cpu().numpy())
        kept = (found["labels"].cpu().numpy() == PERSON) & (scores >= self.min_score) & (boxes[:, 2:] > 0).all(axis=1)
        return Detections(boxes[kept], scores[kept])


def published(name: str, *, download: bool = False) -> Path:
    """Where PyTorch keeps the weights of a detector that torchvision publishes.

    Args:
        name: of the detector.
        download: get them if they are not there.

    Raises:
        MissingFileError: they are not there and must not be downloaded.
        HubError: they cannot be downloaded.
    """
    import torch  # noqa: PLC0415  slow to import
    from torchvision.models import get_model_weights  # noqa: PLC0415  likewise

    url: str = get_model_weights(name).DEFAULT.url
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if not path.is_file() and not download:
        raise MissingFileError(
            f"the weights of torchvision's {name} are not on this machine: download {url} to {path}, allow the download, or name a file of "
            "weights, another detector or a file of boxes"
        )
    if not path.is_file():
        try:
            torch.hub.load_state_dict_from_url(url, map_location="cpu", progress=False, check_hash=True, weights_only=True)
        except OSError as error:
            raise HubError(f"{url} cannot be downloaded ({error}): download it elsewhere, and put it to {path}") from error
    return path
