"""A re-ID training: its model, batches, losses and evaluation, from a recipe."""

from __future__ import annotations

import torch
from torch import Tensor

from rga.errors import InputError
from rga.images.tensors import normalise
from rga.reid.batches import ReidBatch, TrainingImages, TrainingTracklets
from rga.reid.datasets.check import cautions, check_findable
from rga.reid.datasets.samples import ReidData, relabel
from rga.reid.evaluation import rank
from rga.reid.heads.rpp import Refinement
from rga.reid.losses import TripletError
from rga.reid.losses.criterion import ReidCriterion
from rga.reid.model import ReidModel
from rga.reid.recipe import ReidRecipe, VideoRecipe
from rga.reid.sampler import DomainBatches, IdentityBatches
from rga.reid.transforms import Augmentation, erase, policy
from rga.reid.video.pooling import PARTS
from rga.training.image_training import ImageTraining, start_model, trained_on


class ReidTraining(ImageTraining[ReidRecipe, ReidData, ReidModel, ReidBatch]):
    """A re-ID training by a recipe.

    Args:
        recipe: all choices.
        data: to train and test on.
        load_weights: load the backbone's initial weights; a run that continues has its weights in a checkpoint.

    Raises:
        InputError: the data have nothing to train on, less than a batch of identities, or a test in which no query has anything to find.
    """

    def __init__(self, recipe: ReidRecipe, data: ReidData, *, load_weights: bool = True) -> None:
        if not data.train:
            raise InputError(f"dataset {data.name!r} has no training split")
        check_findable(data)
        check_video(recipe, data)
        numbers = relabel(data.train)
        labels = [numbers[sample.identity] for sample in data.train]
        batches, chosen = recipe.batches, recipe.augmentation
        sizes = batches.ids_per_batch, batches.images_per_id, recipe.seed, batches.passes_per_epoch
        domains = [sample.domain for sample in data.train]
        plan = DomainBatches(labels, domains, *sizes) if batches.domain_balanced else IdentityBatches(labels, *sizes)
        at_once = batches.ids_per_batch // recipe.optimization.gradient_accumulation
        if recipe.loss.pairs and at_once < 2:
            raise InputError(
                f"triplets need 2 identities at a time: {batches.ids_per_batch} (ids_per_batch) in "
                f"{recipe.optimization.gradient_accumulation} parts (gradient_accumulation) leave {at_once}"
            )
        self.watched = f"mAP_{recipe.model.feature}"
        augmentation = Augmentation(
            *recipe.model.image_size,
            crop=chosen.random_crop,
            padding=chosen.padding,
            flip=chosen.random_flip,
            random_erasing=chosen.random_erasing,
            color_jitter=chosen.color_jitter,
            white_balance=chosen.white_balance,
            grayscale=chosen.random_grayscale,
            blur=chosen.random_blur,
            policy=policy(chosen.auto_augment, chosen.auto_augment_prob, chosen.rand_augment_ops, chosen.rand_augment_magnitude),
        )
        frames = recipe.video.frames if data.is_video else 1
        samples = (
            TrainingTracklets(data.train, labels, augmentation, frames)
            if data.is_video
            else TrainingImages(data.train, labels, augmentation)
        )
        model = build_model(recipe, len(numbers), data, load_weights=load_weights)
        super().__init__(recipe, data, model, samples, plan)
        self.criterion = ReidCriterion(recipe.loss, len(numbers), self.model.compared, recipe.seed)
        self.criterion_lr = recipe.loss.center_step
        stages = recipe.model.refine_after, recipe.model.refine_alone
        self.refinement = Refinement(self.model, self.model.backbone, self.model.head, *stages)

    def begin_epoch(self, epoch: int) -> bool:
        """Freezes what does not learn in an epoch: the backbone in the first ones, and with RPP what its stage leaves alone."""
        changed = super().begin_epoch(epoch)
        return self.refinement.begin_epoch(epoch) or changed

    def inputs(self, batch: ReidBatch, device: torch.device) -> Tensor:
        """The images of a batch as the network sees them, on a device: (B, 3, H, W), or tracklets (B, T, 3, H, W)."""
        pixels = batch.pixels.to(device, non_blocking=True)
        if not self.data.is_video:
            return erase(normalise(self.model.preprocessing, pixels), batch.erased)
        sizes = pixels.shape[:2]
        frames = erase(normalise(self.model.preprocessing, pixels.flatten(0, 1)), batch.erased.repeat_interleave(sizes[1], 0))
        tracklets: Tensor = frames.unflatten(0, sizes)  # (B*T, 3, H, W) -> (B, T, 3, H, W)
        return tracklets if self.model.frames > 1 else frames

    def losses(self, batch: ReidBatch, device: torch.device) -> dict[str, Tensor]:
        """Cross-entropy on the logits, and triplets, pairs and centres on the features; of several processes, over the batches of all."""
        *_, learnt = self.network(self.inputs(batch, device))
        try:
            parts: dict[str, Tensor] = self.criterion(learnt, batch.labels)
        except TripletError as error:
            raise TripletError(f"{error}: {self.describe(batch)}") from error
        return parts

    def images(self, batch: ReidBatch) -> int:
        """Images in a batch; of tracklets their frames."""
        return len(batch.pixels.flatten(0, -4))

    def describe_data(self) -> str:
        """A line for each split of the data."""
        lines = [f"{self.data.name}, fingerprint {self.fingerprint}"]
        lines += [
            f"  {name}: {count.images:,} {self.data.unit} of {count.identities:,} identities" for name, count in self.data.counts.items()
        ]
        named = (self.recipe.evaluation.test_data, self.recipe.data, *self.recipe.also_train)
        specs = [spec for spec in named if spec is not None]
        lines += [f"note: {spec} is read as {full}" for spec, full in zip(specs, self.recipe.datasets(), strict=True) if spec != full]
        lines += [f"note: {text}" for text in cautions(self.data)]
        return "\n".join(lines)

    def file_name(self, index: int) -> str:
        """The name of an image of the training split."""
        return self.data.train[index].path.name

    def evaluate(self) -> dict[str, float]:
        """mAP, R1 and mINP on the test split, by the feature before and after the neck."""
        if not self.data.query:
            return {}
        batch_size, num_workers = self.recipe.evaluation.eval_batch_size, self.recipe.loader.num_workers
        seen = self.recipe.video.test_frames
        results = rank(self.model, self.data, batch_size=batch_size, num_workers=num_workers, frames=seen)
        figures: dict[str, float] = {}
        for feature, result in results.items():
            figures |= {f"mAP_{feature}": result.mAP, f"R1_{feature}": float(result.cmc[0]), f"mINP_{feature}": result.mINP}
        return figures


def check_video(recipe: ReidRecipe, data: ReidData) -> None:
    """Raises an InputError if a recipe for tracklets is to be trained on images."""
    if not data.is_video and recipe.video != VideoRecipe():
        changed = [name for name, value in vars(recipe.video).items() if value != getattr(VideoRecipe, name)]
        raise InputError(
            f"{', '.join(changed)}: options of tracklets, and {data.name!r} has images: name a dataset of tracklets, such as mars:DIR or "
            "tracklets:DIR, or leave them out"
        )


def build_model(recipe: ReidRecipe, classes: int, data: ReidData, *, load_weights: bool = True) -> ReidModel:
    """The recipe's model with its initial weights, or without them where they come from a checkpoint."""
    torch.manual_seed(recipe.seed)
    chosen, video = recipe.model, recipe.video
    frames = video.frames if data.is_video else 1
    over_time = {"frames": frames} if data.is_video and video.space_time else {}
    model = ReidModel(
        backbone=chosen.backbone,
        backbone_options=chosen.backbone_options,
        classes=classes,
        image_size=list(chosen.image_size),
        attention=chosen.attention,
        attention_options={**chosen.attention_options(), **over_time},
        attention_after=chosen.attention_after(),
        last_stride=chosen.last_stride,
        pooling=chosen.pooling,
        head=chosen.head,
        parts=chosen.parts or None,
        non_local=chosen.non_local,
        feature=chosen.feature,
        classifier="linear" if recipe.loss.identity_loss == "softmax" else "cosine",
        frames=frames,
        temporal_pooling=video.temporal_pooling if data.is_video else "mean",
        sta_parts=video.sta_parts if data.is_video else PARTS,
        mean=chosen.mean,
        std=chosen.std,
        trained_on=trained_on(recipe, data),
    )
    if not recipe.loss.identity_weight and model.head is None:  # nothing would train them
        for parameter in (*model.neck.parameters(), *(() if model.classifier is None else model.classifier.parameters())):
            parameter.requires_grad_(False)
    return start_model(model, chosen, recipe.machine, load_weights=load_weights)
