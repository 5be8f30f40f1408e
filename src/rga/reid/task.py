"""Re-identification as a task of the training loop: its model, batches, losses and evaluation, from a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from rga.images.decoding import read_pixels
from rga.ranking.blocks import row_distances
from rga.ranking.evaluation import evaluate_distances
from rga.ranking.result import RankingResult
from rga.reid.datasets.chosen_data import chosen_data
from rga.reid.datasets.samples import ReidData, Sample, relabel
from rga.reid.embedded import embed_data
from rga.reid.losses import TripletError, batch_hard_triplet, smoothed_cross_entropy
from rga.reid.model import Feature, ReidModel
from rga.reid.recipe import ReidRecipe
from rga.reid.sampler import IdentityBatches
from rga.reid.transforms import Augmentation, erase
from rga.training.distributed import processes
from rga.training.task_training import ImageTask, initialize


class ReidBatch(NamedTuple):
    """A batch: bytes (B, H, W, 3), what is to be erased of them (B, 4), labels (B,), and the indices of both in the training split."""

    pixels: Tensor
    erased: Tensor
    labels: Tensor
    indices: Tensor


class TrainingImages(Dataset[ReidBatch]):
    """The training split as augmented images with labels; the work of the loader's processes."""

    def __init__(self, samples: Sequence[Sample], labels: Sequence[int], augmentation: Augmentation) -> None:
        self.samples = samples
        self.labels = labels
        self.augmentation = augmentation

    def __len__(self) -> int:
        """How many images."""
        return len(self.samples)

    def __getitem__(self, index: int) -> ReidBatch:
        """One augmented image, its label and its index."""
        pixels, erased = self.augmentation(read_pixels(self.samples[index].path))
        return ReidBatch(pixels, erased, torch.tensor(self.labels[index]), torch.tensor(index))


class ReidTask(ImageTask[ReidRecipe, ReidData, ReidModel, ReidBatch]):
    """A re-ID training by a recipe.

    Args:
        recipe: all choices.
        data: to train and test on.

    Raises:
        ValueError: the data have nothing to train on, or less than a batch of identities.
    """

    def __init__(self, recipe: ReidRecipe, data: ReidData) -> None:
        if not data.train:
            raise ValueError(f"dataset {data.name!r} has no training split")
        numbers = relabel(data.train)
        labels = [numbers[sample.identity] for sample in data.train]
        plan = IdentityBatches(labels, recipe.ids_per_batch, recipe.images_per_id, recipe.seed, recipe.passes)
        self.watched = f"mAP_{recipe.feature}"
        augmentation = Augmentation(
            recipe.height,
            recipe.width,
            crop=recipe.random_crop,
            flip=recipe.random_flip,
            random_erasing=recipe.random_erasing,
            color_jitter=recipe.color_jitter,
        )
        samples = TrainingImages(data.train, labels, augmentation)
        super().__init__(recipe, data, build_model(recipe, len(numbers), data), samples, plan)

    def inputs(self, batch: ReidBatch, device: torch.device) -> Tensor:
        """The images of a batch as the network sees them, (B, 3, H, W) on a device."""
        return erase(self.model.preprocessing.normalise(batch.pixels.to(device, non_blocking=True)), batch.erased)

    def losses(self, batch: ReidBatch, device: torch.device) -> dict[str, Tensor]:
        """Cross-entropy after the neck, and before it triplets, the hardest of the batch; of several processes, of the batches of all."""
        labels = batch.labels.to(device, non_blocking=True)
        pooled, neck = self.model(self.inputs(batch, device))
        parts: dict[str, Tensor] = {}
        if self.recipe.identity_weight:
            logits = self.model.logits(neck)
            parts["identity"] = self.recipe.identity_weight * smoothed_cross_entropy(logits, labels, self.recipe.label_smoothing)
        if self.recipe.triplet_weight:
            try:
                parts["triplet"] = self.recipe.triplet_weight * batch_hard_triplet(
                    processes.gather_with_gradients(pooled.float()), processes.gather_rows(labels).to(device), self.recipe.margin
                )
            except TripletError as error:
                raise TripletError(f"{error}: {self.describe(batch)}") from error
        return parts

    def describe_data(self) -> str:
        """A line for each split of the data."""
        lines = [f"{self.data.name}, fingerprint {self.fingerprint}"]
        lines += [f"  {name}: {count.images:,} images of {count.identities:,} identities" for name, count in self.data.counts.items()]
        return "\n".join(lines)

    def file_name(self, index: int) -> str:
        """The name of an image of the training split."""
        return self.data.train[index].path.name

    def evaluate(self) -> dict[str, float]:
        """mAP, R1 and mINP on the test split, by the feature before and after the neck."""
        if not self.data.query:
            return {}
        results = evaluate_model(self.model, self.data, batch_size=self.recipe.eval_batch_size, num_workers=self.recipe.num_workers)
        figures: dict[str, float] = {}
        for feature, result in results.items():
            figures |= {f"mAP_{feature}": result.mAP, f"R1_{feature}": float(result.cmc[0]), f"mINP_{feature}": result.mINP}
        return figures


def reid_task(recipe: ReidRecipe) -> ReidTask:
    """Reads a recipe's data and builds its task."""
    return ReidTask(recipe, chosen_data(recipe))


def build_model(recipe: ReidRecipe, classes: int, data: ReidData) -> ReidModel:
    """The recipe's model with its starting weights."""
    torch.manual_seed(recipe.seed)
    model = ReidModel(
        backbone=recipe.backbone,
        backbone_options=recipe.backbone_options,
        classes=classes,
        image_size=[recipe.height, recipe.width],
        attention=recipe.attention,
        attention_options=recipe.attention_options(),
        attention_after=recipe.attention_after(),
        last_stride=recipe.last_stride,
        feature=recipe.feature,
        mean=recipe.mean,
        std=recipe.std,
        trained_on={"name": data.name, "fingerprint": data.fingerprint},
    )
    return initialize(model, recipe)


def evaluate_model(
    model: ReidModel, data: ReidData, *, batch_size: int = 128, num_workers: int = 0, flip: bool = False
) -> dict[Feature, RankingResult]:
    """Embeds query and gallery and ranks them, by the feature before and after the neck (cosine distance, as the paper's code).

    Several processes embed a part each; the first ranks, and the others have nothing to return.

    Raises:
        ValueError: the data have no query and gallery.
    """
    embedded = embed_data(model, data, batch_size=batch_size, num_workers=num_workers, flip=flip)
    if not processes.first():
        return {}
    return {
        feature: evaluate_distances(row_distances(each.query, each.gallery), *each.labels, metric="cosine")
        for feature, each in embedded.items()
    }
