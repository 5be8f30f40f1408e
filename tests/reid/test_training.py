"""A re-ID training: its batches, losses, weights, evaluation, and its recipe."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import rga
from rga.ranking.evaluation import evaluate
from rga.reid.datasets.samples import ReidData, Sample
from rga.reid.evaluation import calibrate, rank
from rga.reid.evaluation import evaluate as evaluate_reid
from rga.reid.losses import batch_hard_triplet, smoothed_cross_entropy
from rga.reid.model import ReidModel
from rga.reid.recipe import ReidRecipe
from rga.reid.training import ReidTraining

CPU = torch.device("cpu")
TINY = ReidRecipe().override(
    backbone="test_resnet",
    weights="none",
    image_size=(64, 32),
    ids_per_batch=3,
    images_per_id=2,
    epochs=1,
    num_workers=0,
    eval_batch_size=4,
)
Precisions = Callable[[Any, Any], set[tuple[torch.dtype, bool]]]


@pytest.fixture
def data(tmp_path: Path) -> ReidData:
    """Eight identities under two cameras; five to train on."""
    generator = np.random.default_rng(0)
    samples = []
    for identity in range(1, 9):
        for camera in (1, 2):
            for number in range(2):
                path = tmp_path / f"{identity}_{camera}_{number}.png"
                Image.fromarray(generator.integers(0, 256, (64, 32, 3), dtype=np.uint8)).save(path)
                samples.append(Sample(path, identity, camera))
    train = [sample for sample in samples if sample.identity <= 5]
    test = [sample for sample in samples if sample.identity > 5]
    return ReidData("noise", tuple(train), tuple(test[::2]), tuple(test[1::2]), tmp_path)


def test_losses_are_the_papers_two(data: ReidData) -> None:
    task = ReidTraining(TINY, data)
    batch = next(task.batches(0))
    assert (batch.pixels.shape, batch.pixels.dtype) == ((6, 64, 32, 3), torch.uint8)
    assert task.images(batch) == 6
    parts = task.losses(batch, CPU)
    images = task.inputs(batch, CPU)
    assert images.shape == (6, 3, 64, 32)
    assert images.is_contiguous()
    pooled, neck, learnt = task.model(images)
    logits = learnt.logits["global"]
    assert task.model.classifier is not None
    torch.testing.assert_close(logits, task.model.classifier(neck))
    torch.testing.assert_close(parts["identity"], smoothed_cross_entropy(logits, batch.labels))
    torch.testing.assert_close(parts["triplet"], batch_hard_triplet(pooled, batch.labels, 0.3))
    assert set(ReidTraining(TINY.override(triplet_weight=0.0), data).losses(batch, CPU)) == {"identity"}
    alone = ReidTraining(TINY.override(identity_weight=0.0), data)
    assert set(alone.losses(batch, CPU)) == {"triplet"}
    sum(alone.losses(batch, CPU).values(), torch.zeros(())).backward()
    assert all(parameter.grad is not None for parameter in alone.model.parameters() if parameter.requires_grad)  # none waits for one


def test_losses_are_outside_of_autocast(data: ReidData, precisions: Precisions) -> None:
    task = ReidTraining(TINY, data)
    batch = next(task.batches(0))
    seen: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
    task.model.register_forward_hook(lambda _model, _args, output: seen.append(output))
    assert precisions(task, batch) == {(torch.float32, False)}
    pooled, *_ = seen[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        triplet = task.losses(batch, CPU)["triplet"]
    assert pooled.dtype == torch.bfloat16
    torch.testing.assert_close(triplet, batch_hard_triplet(seen[1][0].double(), batch.labels).float())


def test_labels_are_the_identities_of_the_files(data: ReidData) -> None:
    task = ReidTraining(TINY, data)
    batch = next(task.batches(0))
    for index, label in zip(batch.indices.tolist(), batch.labels.tolist(), strict=True):
        assert data.train[index].identity == label + 1
    assert data.train[batch.indices[0]].path.name in task.describe(batch)


def test_what_is_erased_is_0_and_all_else_the_image(data: ReidData) -> None:
    task = ReidTraining(TINY.override(random_erasing=1.0), data)
    batch = next(task.batches(0))
    images = task.inputs(batch, CPU)
    for image, pixels, (top, left, rows, columns) in zip(images, batch.pixels, batch.erased.tolist(), strict=True):
        assert rows
        assert columns
        expected = (pixels.permute(2, 0, 1) / 255 - 0.5) / 0.5  # those of test_resnet
        expected[:, top : top + rows, left : left + columns] = 0
        torch.testing.assert_close(image, expected)


def test_batches_depend_on_the_epoch_alone(data: ReidData) -> None:
    task, again = ReidTraining(TINY, data), ReidTraining(TINY, data)
    list(task.batches(0))
    ours = [batch.indices.tolist() for batch in task.batches(3)]
    assert ours == [batch.indices.tolist() for batch in again.batches(3)]


def test_the_same_seed_gives_the_same_weights(data: ReidData) -> None:
    first, second, other = (ReidTraining(TINY.override(seed=seed), data).model.state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(first["classifier.weight"], other["classifier.weight"])


def test_the_layout_in_memory_changes_no_loss_and_no_saved_weight(data: ReidData, tmp_path: Path) -> None:
    plain, beside = ReidTraining(TINY, data), ReidTraining(TINY.override(channels_last=True), data)
    kernels = [weight for weight in beside.model.backbone.parameters() if weight.ndim == 4 and weight.shape[1] > 1]
    assert kernels
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in kernels)
    batch = next(plain.batches(0))
    torch.testing.assert_close(beside.losses(batch, CPU), plain.losses(batch, CPU), rtol=1e-3, atol=1e-3)  # other kernels, other rounding
    beside.save_model(tmp_path / "saved", {})
    for name, value in ReidModel.from_pretrained(tmp_path / "saved").state_dict().items():
        torch.testing.assert_close(value, beside.model.state_dict()[name], rtol=0, atol=0)


def test_evaluation_is_the_ranking_of_both_features(data: ReidData) -> None:
    task = ReidTraining(TINY, data)
    figures = task.evaluate()
    assert set(figures) == {f"{metric}_{feature}" for metric in ("mAP", "R1", "mINP") for feature in ("pooled", "neck")}
    sides = {}
    for name, samples in (("query", data.query), ("gallery", data.gallery)):
        sides[name] = (
            task.model.embed([sample.path for sample in samples], feature="neck"),
            np.array([sample.identity for sample in samples]),
            np.array([sample.camera for sample in samples]),
        )
    assert figures["mAP_neck"] == pytest.approx(evaluate(*sides["query"], *sides["gallery"]).mAP)


def test_without_cameras_the_result_says_so(data: ReidData) -> None:
    query, gallery = (tuple(replace(sample, camera=None) for sample in samples) for samples in (data.query, data.gallery))
    results = rank(ReidTraining(TINY, data).model, replace(data, query=query, gallery=gallery))
    assert {result.camera_rule for result in results.values()} == {"not applied: no camera ids"}


def test_without_cameras_no_query_finds_itself(data: ReidData) -> None:
    model = ReidTraining(TINY, data).model
    everybody = tuple(replace(sample, camera=None) for sample in (*data.query, *data.gallery))
    each = rank(model, replace(data, query=everybody, gallery=everybody))
    for result in each.values():
        assert result.queries_in_gallery == len(everybody)
        assert result.cmc[0] < 1


def test_a_test_in_which_nothing_can_be_found_is_refused_before_the_training(data: ReidData, monkeypatch: pytest.MonkeyPatch) -> None:
    query, gallery = (tuple(replace(sample, camera=1) for sample in side) for side in (data.query, data.gallery))
    one_camera = replace(data, query=query, gallery=gallery)
    with pytest.raises(ValueError, match=r"none of the 6 queries of 'noise' has anything to find: .*own cameras alone"):
        ReidTraining(TINY, one_camera)
    model = ReidTraining(TINY, data).model
    monkeypatch.setattr(ReidModel, "embed_both", None)
    for measure in (rank, evaluate_reid, calibrate):
        with pytest.raises(ValueError, match="none of the 6 queries of 'noise' has anything to find"):
            measure(model, one_camera)


def test_what_makes_figures_misleading_is_said_before_the_training(data: ReidData) -> None:
    assert "note" not in ReidTraining(TINY, data).describe_data()
    lost = replace(data, gallery=tuple(sample for sample in data.gallery if sample.identity != 6))
    assert "note: 2 of 6 queries have nothing to find and do not count: 6_1_0.png, 6_2_0.png" in ReidTraining(TINY, lost).describe_data()
    both = replace(data, train=(*data.train, *(sample for sample in data.gallery if sample.identity == 7)))
    assert "note: 1 identity is trained on and tested on: 7" in ReidTraining(TINY, both).describe_data()
    query, gallery = (tuple(replace(sample, camera=None) for sample in side) for side in (data.query, data.gallery))
    blind = ReidTraining(TINY, replace(data, query=query, gallery=gallery))
    assert "note: the cameras are not known: images by the query's own camera" in blind.describe_data()


def test_optimiser_groups(data: ReidData) -> None:
    for name, kind in (("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)):
        task = ReidTraining(TINY.override(optimizer=name, backbone_lr_scale=0.1), data)
        optimizer = task.optimizer()
        assert type(optimizer) is kind
        backbone, others = optimizer.param_groups
        assert (backbone["scale"], others["scale"]) == (0.1, 1.0)
        learning = [p for p in task.model.parameters() if p.requires_grad]
        assert {id(p) for group in (backbone, others) for p in group["params"]} == {id(p) for p in learning}
        attention = {id(p) for each in rga.attached(task.model.backbone).values() for p in each.parameters()}
        assert attention <= {id(p) for p in others["params"]}
        assert id(task.model.neck.bias) not in {id(p) for p in others["params"]}
        apart = ReidTraining(TINY.override(optimizer=name, attention_lr_scale=3.0, attention_weight_decay=0.25), data)
        *_, own = groups = apart.optimizer().param_groups
        assert [(group["scale"], group["weight_decay"]) for group in groups] == [(1.0, 5e-4), (1.0, 5e-4), (3.0, 0.25)]
        assert {id(p) for p in own["params"]} == {id(p) for each in rga.attached(apart.model.backbone).values() for p in each.parameters()}
        assert sum(len(group["params"]) for group in groups) == len(learning)
    plain = ReidTraining(TINY.override(attention="none"), data)
    assert len(plain.optimizer().param_groups[0]["params"]) == len(list(plain.model.backbone.parameters()))
    assert len(ReidTraining(TINY.override(attention="none", attention_lr_scale=3.0), data).optimizer().param_groups) == 2


def test_layers_norms_and_biases_learn_as_the_fields_say(data: ReidData) -> None:
    task = ReidTraining(TINY.override(layer_lr_decay=0.5, decay_norms=False, attention_lr_scale=3.0), data)
    names = {id(parameter): name for name, parameter in task.model.named_parameters()}
    found = {names[id(p)]: (group["scale"], group["weight_decay"]) for group in task.optimizer().param_groups for p in group["params"]}
    assert found["classifier.weight"] == (1.0, 5e-4)
    assert found["neck.weight"] == (1.0, 0.0)
    scales = [scale for name, (scale, _) in found.items() if name.startswith("backbone.") and ".attention." not in name]
    assert scales == sorted(scales)  # in the order of the layers
    assert (scales[-1], scales[0]) == (0.5, 0.5 ** len(set(scales)))
    for name, (scale, decay) in found.items():
        assert decay == (0.0 if dict(task.model.named_parameters())[name].ndim == 1 else 5e-4)
        assert scale == 3.0 or ".attention." not in name


def test_schedules(data: ReidData) -> None:
    paper = ReidTraining(TINY, data).schedule()
    assert paper(20) == pytest.approx(8e-4)
    assert paper(80) == pytest.approx(4e-4)
    assert ReidTraining(TINY.override(schedule="cosine", warmup_epochs=0), data).schedule()(1) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"image_size": (0, 32)}, "image_size must be at least 1 by 1, got 0 32"),
        ({"random_erasing": 1.5}, "random_erasing must lie between 0 and 1"),
        ({"lr": -1.0}, "lr must be at least 0, got -1.0"),
        (
            {"identity_weight": 0.0, "triplet_weight": 0.0},
            "identity_weight, triplet_weight and circle_weight must not all be 0: nothing would be trained",
        ),
        ({"triplet_mining": "weighted"}, "triplet_mining weighted has the soft margin alone: margin must be none, got 0.3"),
        ({"identity_scale": 0.0}, "identity_scale must be above 0, got 0.0"),
        ({"triplet_weight": 0.0, "circle_weight": 1.0, "ids_per_batch": 1}, "triplets need at least 2 identities with 2 images in a batch"),
        ({"images_per_id": 1}, "triplets need at least 2 identities with 2 images in a batch, got 3 with 1"),
        ({"attention": "se", "reduction": 4}, "reduction: options of RGA only, and attention is 'se'"),
    ],
)
def test_bad_recipes_are_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TINY.override(**wrong)


def test_data_without_training_split_or_with_too_few_identities_are_named(data: ReidData) -> None:
    with pytest.raises(ValueError, match="has no training split"):
        ReidTraining(TINY, replace(data, train=()))
    with pytest.raises(ValueError, match="16 identities cannot be drawn from 5"):
        ReidTraining(TINY.override(ids_per_batch=16), data)


@pytest.mark.parametrize(
    "row",
    [
        {"attention": "none"}, {"attention": "rga-s"}, {"attention": "rga-c"}, {"attention": "rga-parallel"}, {"attention": "rga-cs"},
        {"attention": "rga-s", "relation": False}, {"attention": "rga-c", "original": False},
        {"embedding": "none"}, {"embedding": "symmetric"}, {"attention": "cbam-cs"}, {"attention": "fc-s"},
        {"attention": "non-local"}, {"attention": "simple-non-local"}, {"attention": "se"},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.slow
def test_rows_of_the_papers_tables_are_one_override_away(data: ReidData, row: dict[str, object]) -> None:
    task = ReidTraining(TINY.override(**row), data)
    loss = sum(task.losses(next(task.batches(0)), CPU).values())
    assert isinstance(loss, torch.Tensor)
    loss.backward()
    assert (loss.dtype, bool(loss.isfinite())) == (torch.float32, True)
