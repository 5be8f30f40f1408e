"""Fields of a re-ID recipe: what each does to batches, losses, evaluation and data. Those of the model are in test_model_fields."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as TF

from rga.datasets.spec import DataSpec
from rga.errors import InputError
from rga.loading import load
from rga.reid.classifier import CosineClassifier
from rga.reid.datasets.samples import ReidData, Sample
from rga.reid.losses import TripletError, batch_hard_triplet, circle, smoothed_cross_entropy, weighted_triplet
from rga.reid.losses.identity import SCORES
from rga.reid.recipe import ReidRecipe
from rga.reid.task import read
from rga.reid.training import ReidTraining
from rga.reid.transforms import draw_rectangle
from rga.training.input.reading import read_batches

CPU = torch.device("cpu")
OFF = {"random_crop": 0.0, "random_flip": 0.0, "random_erasing": 0.0}
TINY = ReidRecipe().override(
    backbone="test_resnet",
    attention="none",
    weights="none",
    image_size=(32, 16),
    ids_per_batch=3,
    images_per_id=2,
    num_workers=0,
    eval_batch_size=4,
    **OFF,
)


@pytest.fixture
def data(tmp_path: Path) -> ReidData:
    """Seven identities under two cameras, images of 32x16; five to train on."""
    generator = np.random.default_rng(0)
    samples = []
    for identity in range(1, 8):
        for number in range(4):
            path = tmp_path / f"{identity}_{number}.png"
            Image.fromarray(generator.integers(0, 256, (32, 16, 3), dtype=np.uint8)).save(path)
            samples.append(Sample(path, identity, 1 + number % 2))
    test = [sample for sample in samples if sample.identity > 5]
    return ReidData("noise", tuple(each for each in samples if each.identity <= 5), tuple(test[::4]), tuple(test[1::2]), tmp_path)


def first(data: ReidData, **fields: Any) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Pixels and rectangles of the first batch, and its images as they are in the files."""
    batch = next(ReidTraining(TINY.override(**fields), data).batches(0))
    files = [torch.from_numpy(np.array(Image.open(data.train[index].path))) for index in batch.indices]
    return batch.pixels, batch.erased, files


def test_without_augmentation_batches_hold_the_files(data: ReidData) -> None:
    pixels, erased, files = first(data)
    assert torch.equal(pixels, torch.stack(files))
    assert not erased.any()


def test_flips_and_rectangles_are_those_of_their_fields(data: ReidData) -> None:
    pixels, erased, files = first(data, random_flip=1.0)
    assert torch.equal(pixels, torch.stack(files).flip(2))
    assert not erased.any()
    pixels, erased, files = first(data, random_erasing=1.0)
    assert torch.equal(pixels, torch.stack(files))
    assert (erased[:, 2:] > 0).all()


def test_crops_are_windows_of_the_enlarged_image(data: ReidData) -> None:
    pixels, _, files = first(data, random_crop=1.0)
    for shown, file in zip(pixels, files, strict=True):
        larger = TF.resize_image(file.permute(2, 0, 1), [36, 18]).permute(1, 2, 0)
        windows = [larger[top : top + 32, left : left + 16] for top in range(5) for left in range(3)]
        assert any(torch.equal(shown, window) for window in windows)


def test_windows_of_the_padded_image_are_as_large_as_the_field_says(data: ReidData) -> None:
    pixels, _, files = first(data, padding=3)
    places = set()
    for image, file in zip(pixels, files, strict=True):
        padded = F.pad(file, (0, 0, 3, 3, 3, 3))
        fits = [(top, left) for top in range(7) for left in range(7) if torch.equal(image, padded[top : top + 32, left : left + 16])]
        assert len(fits) == 1
        places.add(fits[0])
    assert len(places) > 1


def test_colours_change_as_much_as_the_field_says(data: ReidData) -> None:
    shift = {}
    for strength in (0.05, 0.8):
        pixels, _, files = first(data, color_jitter=strength)
        shift[strength] = (pixels.float() - torch.stack(files).float()).abs().mean().item()
    assert 0 < shift[0.05] < 12 < shift[0.8]


def test_channels_have_gains_of_their_own_within_the_field(data: ReidData) -> None:
    pixels, _, files = first(data, white_balance=0.3)
    gains = []
    for shown, file in zip(pixels.float(), files, strict=True):
        dark = (file > 20) & (file < 190)  # nothing of it is cut off at 255
        for channel in range(3):
            ratios = (shown / file)[..., channel][dark[..., channel]]
            assert ratios.max() - ratios.min() < 0.06  # one gain a channel, and rounding
            gains.append(ratios.mean().item())
    assert 0.69 < min(gains) < 0.85
    assert 1.15 < max(gains) < 1.31
    assert len(set(gains)) == len(gains)


def test_images_are_grey_or_blurred_as_often_as_the_fields_say(data: ReidData) -> None:
    pixels, _, _ = first(data, random_grayscale=1.0)
    assert torch.equal(pixels[..., 0], pixels[..., 1])
    assert torch.equal(pixels[..., 0], pixels[..., 2])
    pixels, _, files = first(data, random_blur=1.0)
    contrasts = [shown.float().std() / file.float().std() for shown, file in zip(pixels, files, strict=True)]
    assert min(contrasts) < 0.5  # of noise, the more is left the less it is blurred
    assert all(0 < contrast <= 1 for contrast in contrasts)
    grey = [torch.equal(shown[..., 0], shown[..., 1]) for shown in first(data, random_grayscale=0.5)[0]]
    assert 0 < sum(grey) < len(grey)


def test_batches_are_p_times_k_and_an_epoch_is_its_passes(data: ReidData) -> None:
    for ids, images, passes in ((3, 2, 1), (2, 3, 1), (2, 2, 3)):
        task = ReidTraining(TINY.override(ids_per_batch=ids, images_per_id=images, passes_per_epoch=passes), data)
        batches = list(task.batches(0))
        assert len(batches) == task.steps_per_epoch == passes * (5 // ids)
        for batch in batches:
            assert [len(batch.labels), len(batch.labels.unique())] == [ids * images, ids]
            assert (batch.labels.unique(return_counts=True)[1] == images).all()
    orders = [[batch.indices.tolist() for batch in ReidTraining(TINY.override(seed=seed), data).batches(0)] for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


def test_losses_are_weighted_as_the_fields_say(data: ReidData) -> None:
    fields = {"identity_weight": 0.25, "label_smoothing": 0.4, "triplet_weight": 3.0, "margin": 0.9}
    task = ReidTraining(TINY.override(**fields), data)
    batch = next(task.batches(0))
    pooled, _, learnt = task.model(task.inputs(batch, CPU))
    logits = learnt.logits["global"]
    parts = task.losses(batch, CPU)
    torch.testing.assert_close(parts["identity"], 0.25 * smoothed_cross_entropy(logits, batch.labels, 0.4))
    torch.testing.assert_close(parts["triplet"], 3 * batch_hard_triplet(pooled, batch.labels, 0.9))
    soft = ReidTraining(TINY.override(margin=None), data).losses(batch, CPU)["triplet"]
    torch.testing.assert_close(soft, batch_hard_triplet(pooled, batch.labels, None))
    assert not torch.isclose(soft, parts["triplet"] / 3)
    weighted = ReidTraining(TINY.override(margin=None, triplet_mining="weighted"), data).losses(batch, CPU)["triplet"]
    torch.testing.assert_close(weighted, weighted_triplet(pooled, batch.labels))
    assert not torch.isclose(weighted, soft)


@pytest.mark.parametrize("loss", ["arcface", "cosface", "circle"])
def test_scores_have_the_margin_of_the_fields(data: ReidData, loss: Any) -> None:
    task = ReidTraining(TINY.override(identity_loss=loss, identity_scale=8.0, identity_margin=0.2, triplet_weight=0.0), data)
    batch = next(task.batches(0))
    _, neck, learnt = task.model(task.inputs(batch, CPU))
    cosines = learnt.logits["global"]
    assert isinstance(task.model.classifier, CosineClassifier)
    torch.testing.assert_close(cosines, F.normalize(neck) @ F.normalize(task.model.classifier.weight).T)
    scores = SCORES[loss](cosines, batch.labels, 8.0, 0.2)
    torch.testing.assert_close(task.losses(batch, CPU)["identity"], smoothed_cross_entropy(scores, batch.labels, 0.1))
    assert type(ReidTraining(TINY, data).model.classifier) is torch.nn.Linear


def test_pairs_and_centres_are_those_of_the_fields(data: ReidData) -> None:
    fields = {"circle_weight": 2.0, "circle_scale": 8.0, "circle_margin": 0.1, "center_weight": 0.25, "center_lr": 0.5}
    task = ReidTraining(TINY.override(triplet_weight=0.0, **fields), data)
    batch = next(task.batches(0))
    pooled, _, _ = task.model(task.inputs(batch, CPU))
    parts = task.losses(batch, CPU)
    assert parts.keys() == {"identity", "circle", "center"}
    torch.testing.assert_close(parts["circle"], 2 * circle(pooled, batch.labels, 8.0, 0.1))
    (centers,) = task.criterion.parameters()
    assert centers.shape == (5, pooled.shape[1])
    torch.testing.assert_close(parts["center"], 0.25 * (pooled - centers[batch.labels]).square().sum(1).mean())
    assert task.criterion_lr * 0.25 == 0.5  # times gradients of the weighted loss, as "Bag of Tricks" has it
    other = ReidTraining(TINY.override(seed=1, **fields), data)
    assert not torch.equal(centers, next(other.criterion.parameters()))
    assert not list(ReidTraining(TINY, data).criterion.parameters())


def test_images_are_changed_by_the_policy_of_the_fields(data: ReidData, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []

    class Policy(torch.nn.Module):
        def __init__(self, *given: Any, fill: Any) -> None:
            super().__init__()
            self.given = (*given, tuple(fill))

        def forward(self, image: Tensor) -> Tensor:
            calls.append(self.given)
            return 255 - image

    monkeypatch.setattr("rga.reid.transforms.v2.RandAugment", Policy)
    monkeypatch.setattr("rga.reid.transforms.v2.AutoAugment", Policy)
    for name, given in (("randaugment", (3, 20)), ("autoaugment", (v2.AutoAugmentPolicy.IMAGENET,))):
        calls.clear()
        pixels, _, files = first(data, auto_augment=name, auto_augment_prob=1.0, rand_augment_ops=3, rand_augment_magnitude=20)
        assert torch.equal(pixels, 255 - torch.stack(files))
        assert calls == [(*given, (128, 128, 128))] * 6
        pixels, _, files = first(data, auto_augment=name, auto_augment_prob=0.5)
        changed = [not torch.equal(shown, file) for shown, file in zip(pixels, files, strict=True)]
        assert 0 < sum(changed) < 6
    pixels, _, files = first(data, auto_augment="none", auto_augment_prob=1.0)
    assert torch.equal(pixels, torch.stack(files))


@pytest.mark.parametrize("name", ["randaugment", "autoaugment"])
def test_policies_follow_from_the_key_of_an_image_and_keep_its_form(data: ReidData, name: str) -> None:
    found = [first(data, auto_augment=name, auto_augment_prob=1.0, seed=seed) for seed in (0, 0, 1)]
    assert all(pixels.dtype == torch.uint8 and pixels.shape == (6, 32, 16, 3) for pixels, _, _ in found)
    assert torch.equal(found[0][0], found[1][0])
    assert not torch.equal(found[0][0], found[2][0])
    assert not torch.equal(found[0][0], torch.stack(found[0][2]))


def test_datasets_have_equal_parts_in_batches_if_the_field_says_so(data: ReidData) -> None:
    two = tuple(replace(sample, domain=int(sample.identity > 3)) for sample in data.train)
    elsewhere = {"also_train": (DataSpec("folder", data.root),), "ids_per_batch": 4}
    balanced = ReidTraining(TINY.override(domain_balanced=True, **elsewhere), replace(data, train=two))
    for epoch in range(4):
        for batch in balanced.batches(epoch):
            assert (batch.labels >= 3).tolist() == [False, False, True, True] * 2  # two images of each identity
    plain = ReidTraining(TINY.override(**elsewhere), replace(data, train=two))
    assert {int((batch.labels >= 3).sum()) for epoch in range(8) for batch in plain.batches(epoch)} == {2, 4}
    with pytest.raises(InputError, match="domain_balanced shares batches among several datasets: name more with also_train"):
        TINY.override(domain_balanced=True)


def test_the_evaluation_goes_by_its_fields(data: ReidData, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def spy(images: Any, size: int, num_workers: int, *more: Any) -> Any:
        asked.append((size, num_workers))
        return plain(images, size, 0, *more)

    plain = read_batches
    monkeypatch.setattr("rga.reid.model.read_batches", spy)
    task = ReidTraining(TINY.override(eval_batch_size=3, num_workers=1), data)
    task.evaluate()
    assert set(asked) == {(3, 1)}
    assert task.watched == "mAP_neck"
    assert ReidTraining(TINY.override(feature="pooled"), data).watched == "mAP_pooled"


def folder(root: Path, people: int) -> DataSpec:
    """A dataset of so many people with four images each, by two cameras."""
    generator = np.random.default_rng(people)
    for person in range(people):
        (root / f"p{person}").mkdir(parents=True)
        for number in range(4):
            Image.fromarray(generator.integers(0, 256, (8, 4, 3), dtype=np.uint8)).save(root / f"p{person}" / f"c{number % 2}_{number}.png")
    return DataSpec("folder", root, {"camera": r"c(\d)", "test_fraction": "0.5"})


def test_data_are_read_joined_and_held_out_as_the_fields_say(tmp_path: Path) -> None:
    one, two = folder(tmp_path / "one", 8), folder(tmp_path / "two", 6)
    alone = read(TINY.override(data=one))
    other = read(TINY.override(data=two))
    people = len({sample.identity for sample in alone.train})
    more = len({sample.identity for sample in other.train})
    both = read(TINY.override(data=one, also_train=(two,)))
    assert both.name == f"{alone.name}+{other.name}"
    assert len({sample.identity for sample in both.train}) == people + more
    assert [sample.path for sample in both.query] == [sample.path for sample in alone.query]
    elsewhere = read(TINY.override(data=one, test_data=two))
    assert elsewhere.name == f"{alone.name} on {other.name}"
    assert [sample.path for sample in elsewhere.train] == [sample.path for sample in alone.train]
    assert [sample.path for sample in elsewhere.gallery] == [sample.path for sample in other.gallery]
    held = [read(TINY.override(data=one, hold_out=2, seed=seed)) for seed in range(6)]
    assert {len({sample.identity for sample in each.train}) for each in held} == {people - 2}
    assert {len({sample.identity for sample in each.query}) for each in held} == {2}
    assert len({each.query for each in held}) > 1
    assert held[3] == read(TINY.override(data=one, hold_out=2, seed=3))
    said = f"hold_out 2 tests on training identities, and test_data {two} on another dataset: choose one"
    with pytest.raises(InputError, match=re.escape(said)):
        TINY.override(data=one, hold_out=2, test_data=two)


def test_what_a_training_says_of_itself(data: ReidData) -> None:
    task = ReidTraining(TINY.override(mean=(0.25, 0.5, 0.75), std=(0.125, 0.25, 0.5)), data)
    assert task.describe_data().splitlines() == [
        f"noise, fingerprint {data.fingerprint}",
        "  train: 20 images of 5 identities",
        "  query: 2 images of 2 identities",
        "  gallery: 4 images of 2 identities",
    ]
    assert task.describe_start() == {"weights": "none: random from the start", "mean": "0.25 0.5 0.75", "std": "0.125 0.25 0.5"}
    batch = next(task.batches(0))
    assert task.describe(batch) == ", ".join(data.train[index].path.name for index in batch.indices)
    assert (task.images(batch), task.fingerprint) == (6, data.fingerprint)


def test_what_a_training_is_watched_by_and_saves(data: ReidData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Result:
        mAP, cmc, mINP = 0.5, np.array([0.25, 1.0]), 0.125  # noqa: N815

    monkeypatch.setattr("rga.reid.training.rank", lambda *_, **__: {"pooled": Result, "neck": Result})
    task = ReidTraining(TINY, data)
    figures = {
        f"{name}_{feature}": value for feature in ("pooled", "neck") for name, value in (("mAP", 0.5), ("R1", 0.25), ("mINP", 0.125))
    }
    assert task.evaluate() == figures
    task.save_model(tmp_path / "saved", {"mAP_neck": 0.5})
    saved = load(tmp_path / "saved")
    assert saved.metrics == {"data": "noise", "fingerprint": data.fingerprint, "mAP_neck": 0.5}
    untested = ReidData("noise", data.train, (), (), data.root)
    assert ReidTraining(TINY, untested).evaluate() == {}


def test_a_batch_without_triplets_is_named(data: ReidData, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> Tensor:
        raise TripletError("no positives")

    monkeypatch.setattr("rga.reid.losses.criterion.batch_hard_triplet", fails)
    task = ReidTraining(TINY, data)
    batch = next(task.batches(0))
    with pytest.raises(TripletError, match=f"^no positives: {task.describe(batch)}$"):
        task.losses(batch, CPU)


def test_nothing_is_erased_where_no_rectangle_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rga.reid.transforms.AREAS", (1.0, 1.0))
    monkeypatch.setattr("rga.reid.transforms.ASPECTS", (1.0, 1.0))
    assert draw_rectangle(8, 8) == (0, 0, 0, 0)
    monkeypatch.setattr("rga.reid.transforms.AREAS", (0.25, 0.25))
    assert draw_rectangle(8, 8)[2:] == (4, 4)
