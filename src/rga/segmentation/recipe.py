"""All choices of a segmentation training as one value, checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rga.attention.catalog import OF_A_GRID
from rga.attention.grid import Fit
from rga.segmentation.datasets.samples import Split
from rga.segmentation.sliding import Inference
from rga.training.task_training import ImageRecipe

HeadName = Literal["fcn", "psp", "aspp", "object-context", "dual"]


@dataclass(frozen=True, kw_only=True)
class SegmentationRecipe(ImageRecipe):
    """A segmentation training: data, model, augmentation, loss, optimiser, schedule. An epoch is a pass over the training images.

    The defaults are those of the field for Cityscapes (DANet's): crops of 768, batches of 8, SGD at .01 with a poly schedule.
    """

    data: str = "cityscapes"
    """Name of the dataset: cityscapes, camvid, folder or streets."""
    root: Path = Path("data")
    """Folder of the dataset."""
    evaluate_on: Split = "val"
    """The split that chooses the best model; the last word is that of rga evaluate-segmentation."""

    output_stride: Literal[4, 8, 16, 32] = 8
    """Pixels of an image for one position of the last map; 8 and 16 dilate the backbone's last stages, 4 is HRNet's own."""
    head: HeadName = "fcn"
    """What turns the last map into scores."""
    auxiliary_weight: float = 0.4
    """Weight of the loss of a second head, on the last stage but one; 0 leaves the head out."""
    fit: Fit = "pool"
    """Attentions with weights for each position: exact on the grid of a crop's map, which must be small; or pooled to a moderate one."""
    attention_grid: int = 32
    """Rows and columns that no pooled grid exceeds."""
    height: int = 768
    """Of a crop."""
    width: int = 768
    """Of a crop."""
    resolution: float = 1.0
    """Factor by which images are resized before all else, in training and in testing; label maps have the images' own size."""
    scale: tuple[float, float] = (0.5, 2.0)
    """Smallest and largest factor by which an image is resized at random before it is cropped."""
    random_flip: float = 0.5
    """Probability of a horizontal flip."""
    color_jitter: float = 0.25
    """Strength of random brightness, contrast and saturation."""

    batch_size: int = 8
    """Crops in a batch."""
    ohem_threshold: float = 0.0
    """OHEM: train only on pixels whose true class has less than this probability; 0 trains on all."""
    ohem_min_kept: int = 100_000
    """OHEM: keep at least this many pixels of a batch."""
    test_windows: bool = False
    """Test by sliding windows of a crop's size; attention with fit exact does so in any case."""

    optimizer: Literal["adam", "adamw", "sgd"] = "sgd"
    """Adam and AdamW with PyTorch's betas; SGD with momentum .9 and Nesterov."""
    weight_decay: float = 1e-4
    """Weight decay."""
    warmup_start_lr: float = 0.0
    """Learning rate at the start of the warm-up."""
    lr: float = 0.01
    """Learning rate after the warm-up."""
    warmup_epochs: float = 0
    """Epochs of linear warm-up."""
    schedule: Literal["steps", "cosine", "poly"] = "poly"
    """After the warm-up: times a factor at milestones, half a cosine to 0, or (1 - share of the epochs)^.9."""
    lr_update: Literal["epoch", "step"] = "step"
    """When the learning rate is set anew: at the start of each epoch, or at every step."""
    epochs: int = 240
    """How many passes over the training images."""
    initial_gate: float | None = 0.95
    """Where RGA's gates start; None starts them near .5 as the paper's code does. Other attentions start as they always do."""

    def __post_init__(self) -> None:
        """Checks what can be checked without the data."""
        super().__post_init__()
        self.check_range(("height", "width", "batch_size", "attention_grid", "ohem_min_kept"), 1)
        self.check_range(("auxiliary_weight", "color_jitter"), 0)
        self.check_range(("random_flip", "ohem_threshold"), 0, 1)
        if not self.resolution > 0:
            raise ValueError(f"resolution must be above 0, got {self.resolution}")
        if not 0 < self.scale[0] <= self.scale[1]:
            raise ValueError(f"scale must be a smallest and a largest factor above 0, got {self.scale}")

    def attention_options(self) -> dict[str, Any]:
        """The options of the attention: RGA's, and the fit of those with weights for each position."""
        return {**super().attention_options(), **({"fit": self.fit} if self.attention in OF_A_GRID else {})}

    @property
    def largest_grid(self) -> tuple[int, int] | None:
        """Bounds of the attention's grids; None for exact ones."""
        return (self.attention_grid, self.attention_grid) if self.fit == "pool" else None

    @property
    def inference(self) -> Inference:
        """How images are predicted during a training."""
        return Inference(window=(self.height, self.width) if self.test_windows else None)
