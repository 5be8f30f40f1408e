"""A classification training: its batches, loss, weights, evaluation, and its recipe."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import rga
from rga.classification.datasets.samples import NOTHING, ClassificationData
from rga.classification.evaluation import ClassificationOptions, evaluate_model
from rga.classification.metrics import evaluate
from rga.classification.model import ClassificationModel
from rga.classification.recipe import ClassificationRecipe
from rga.classification.training import ClassificationTraining
from rga.training.input.loader import Replacing
from rga.training.input.random_state import drawing_from
from rga.training.loop import fit
from rga.training.run.checkpoint import LAST, load_checkpoint
from rga.training.run.log import RunLog

Precisions = Callable[[Any, Any], set[tuple[torch.dtype, bool]]]
InProcesses = Callable[[int, Callable[[], Any]], list[Any]]

CPU = torch.device("cpu")
TINY = ClassificationRecipe().override(image_size=16, padding=2, batch_size=4, epochs=1, num_workers=0, eval_batch_size=4, lr=0.05)


def test_the_loss_is_the_cross_entropy(data: ClassificationData) -> None:
    task = ClassificationTraining(TINY.override(label_smoothing=0.1), data)
    batch = next(task.batches(0))
    assert batch.images.shape == (4, 3, 16, 16)
    assert task.images(batch) == 4
    task.model.eval()  # twice the same batch, and the same statistics
    logs = F.log_softmax(task.model(batch.images), 1)
    right = logs[torch.arange(4), batch.targets]
    torch.testing.assert_close(task.losses(batch, CPU)["cross_entropy"], -(0.9 * right + 0.1 * logs.mean(1)).mean())


@pytest.mark.parametrize("more", [{}, {"mixup": 0.5}], ids=["labels", "shares"])
def test_the_loss_is_outside_of_autocast(data: ClassificationData, more: dict[str, float], precisions: Precisions) -> None:
    task = ClassificationTraining(TINY.override(**more), data)
    assert precisions(task, next(task.batches(0))) == {(torch.float32, False)}


def test_labels_are_those_of_the_images(data: ClassificationData) -> None:
    task = ClassificationTraining(TINY, data)
    batch = next(task.batches(0))
    assert batch.targets.tolist() == data.train.labels[batch.indices.numpy()].tolist()
    assert f"train/{batch.indices[0]:05}" in task.describe(batch)
    dominant = batch.images.mean((2, 3)).argmax(1)  # the colours of the data: red, green, blue
    assert dominant.tolist() == batch.targets.tolist()


@pytest.mark.parametrize("more", [{}, {"mixup": 0.4, "cutmix": 1.0, "random_erasing": 0.5}], ids=["plain", "mixed"])
def test_batches_depend_on_the_epoch_alone(data: ClassificationData, more: dict[str, float]) -> None:
    task = ClassificationTraining(TINY.override(**more), data)
    again = ClassificationTraining(TINY.override(num_workers=2, **more), data)
    before = torch.get_rng_state()
    ours = list(task.batches(3))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    assert list(again.batches(0))
    for mine, other in zip(ours, again.batches(3), strict=True):
        assert torch.equal(mine.indices, other.indices)
        assert torch.equal(mine.images, other.images)
        assert torch.equal(mine.targets, other.targets)
    (last,) = again.batches(3, start=task.steps_per_epoch - 1)
    assert torch.equal(last.images, ours[-1].images)
    assert torch.equal(last.targets, ours[-1].targets)
    assert not torch.equal(next(task.batches(4)).indices, ours[0].indices)


def test_the_loader_gets_what_concerns_it(data: ClassificationData) -> None:
    fields = {"gradient_accumulation": 2, "seed": 5, "num_workers": 1, "prefetch_factor": 3, "skip_damaged": True, "device": "cpu"}
    loader = ClassificationTraining(TINY.override(**fields), data).loader
    assert (loader.share.parts, loader.share.seed) == (2, 5)
    assert (loader.loader.num_workers, loader.loader.prefetch_factor, loader.loader.pin_memory) == (1, 3, False)
    assert isinstance(loader.loader.dataset, Replacing)
    assert loader.loader.dataset.skip_damaged


def test_memory_is_pinned_for_a_gpu_alone(data: ClassificationData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    pinned = {name: ClassificationTraining(TINY.override(device=name), data).loader.loader.pin_memory for name in ("auto", "cuda:1", "cpu")}
    assert pinned == {"auto": True, "cuda:1": True, "cpu": False}


def test_mixed_labels_are_trained_on_as_shares(data: ClassificationData) -> None:
    task = ClassificationTraining(TINY.override(mixup=0.5), data)
    batch = next(task.batches(0))
    assert batch.targets.shape == (4, 3)
    torch.testing.assert_close(batch.targets.sum(1), torch.ones(4))
    task.model.eval()  # twice the same batch, and the same statistics
    expected = -(batch.targets * F.log_softmax(task.model(batch.images), 1)).sum(1).mean()
    torch.testing.assert_close(task.losses(batch, CPU)["cross_entropy"], expected)


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_mixing_ends_after_its_last_epoch(data: ClassificationData, kind: str) -> None:
    task = ClassificationTraining(TINY.override(**{kind: 0.5, "mixup_off_epoch": 2}), data)
    plain = ClassificationTraining(TINY, data)
    for epoch in range(4):
        pairs = list(zip(task.batches(epoch), plain.batches(epoch), strict=True))
        assert all(torch.equal(batch.indices, unmixed.indices) for batch, unmixed in pairs)
        assert {batch.targets.ndim for batch, _ in pairs} == ({2} if epoch < 2 else {1})
        assert all(torch.equal(batch.images, unmixed.images) for batch, unmixed in pairs) == (epoch >= 2)


def test_a_part_of_the_batches_is_mixed(data: ClassificationData) -> None:
    """Of 100 batches at a probability of .3, 30 on average; the same ones every time."""
    task = ClassificationTraining(TINY.override(mixup=0.5, mixup_prob=0.3), data)
    batches = [batch for epoch in range(-(-100 // task.steps_per_epoch)) for batch in task.batches(epoch)][:100]
    mixed = [batch.targets.ndim == 2 for batch in batches]
    assert 18 <= sum(mixed) <= 42
    assert mixed[: task.steps_per_epoch] == [batch.targets.ndim == 2 for batch in task.batches(0)]
    assert all(task.losses(batch, CPU)["cross_entropy"].isfinite() for batch in batches[:4])
    of_another_seed = ClassificationTraining(TINY.override(mixup=0.5, mixup_prob=0.3, seed=TINY.seed + 1), data)
    assert (
        mixed
        != [batch.targets.ndim == 2 for epoch in range(-(-100 // task.steps_per_epoch)) for batch in of_another_seed.batches(epoch)][:100]
    )
    never = ClassificationTraining(TINY.override(mixup=0.5, mixup_prob=0.0), data)
    assert all(batch.targets.ndim == 1 for batch in never.batches(0))


def test_a_probability_of_one_draws_what_it_drew_before_there_was_one(data: ClassificationData) -> None:
    task = ClassificationTraining(TINY.override(mixup=0.5), data)
    batch = next(task.batches(0))
    images, labels, _ = next(task.loader.batches(0))
    assert task.mix is not None
    with drawing_from(task.recipe.seed, 0, 0, 0):
        mixed, shares = task.mix(images, labels)
    assert torch.equal(batch.images, mixed)
    assert torch.equal(batch.targets, shares)


def test_the_same_seed_gives_the_same_weights(data: ClassificationData) -> None:
    first, second, other = (ClassificationTraining(TINY.override(seed=seed), data).model.state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(first["backbone.fc.weight"], other["backbone.fc.weight"])


def test_evaluation_is_that_of_the_models_answers(data: ClassificationData) -> None:
    task = ClassificationTraining(TINY, data)
    figures = task.evaluate()
    assert set(figures) == {"top1", "calibration_error", "test_cross_entropy"}
    probabilities = task.model.probabilities([data.test.images[n] for n in range(9)])
    expected = evaluate(probabilities, data.test.labels, data.classes)
    assert (figures["top1"], figures["test_cross_entropy"]) == pytest.approx((expected.top1, expected.cross_entropy))
    assert ClassificationTraining(TINY, replace(data, test=NOTHING)).evaluate() == {}


def test_val_chooses_and_test_is_measured_once_at_the_end(data: ClassificationData, tmp_path: Path) -> None:
    both = replace(data, val=data.train.choose(np.arange(0, 21, 2)))
    task = ClassificationTraining(TINY.override(epochs=2, evaluate_every=1, ema_decay=0.5), both)
    assert "val chooses the best model; test is measured once, at the end, with the best model" in task.describe_data()
    assert set(task.evaluate()) == {"top1", "calibration_error", "val_cross_entropy"}
    with RunLog(tmp_path) as log:
        outcome = fit(task, task.optimizer(), task.schedule(), tmp_path, log, task.recipe, device=CPU)
    best = rga.load(tmp_path / "best")
    assert outcome.test == best.metrics["test"]
    assert outcome.test["test_cross_entropy"] == pytest.approx(evaluate_model(best, both).cross_entropy)
    assert evaluate_model(best, both).split == "test"
    assert best.metrics["top1"] == outcome.best == evaluate_model(best, both, ClassificationOptions("val")).top1
    assert rga.load(tmp_path / "best-ema").metrics["test"]
    kinds = [json.loads(line)["kind"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [kind for kind in kinds if kind.startswith("test")] == ["test", "test_ema"] == kinds[-2:]

    start = load_checkpoint(tmp_path / LAST, CPU)  # a run that was interrupted in the test, or is resumed when it is over
    again = ClassificationTraining(task.recipe, both)
    with RunLog(tmp_path, length=start.log) as log:
        repeated = fit(again, again.optimizer(), again.schedule(), tmp_path, log, task.recipe, device=CPU, start=start)
    assert repeated.test == outcome.test
    assert [json.loads(line)["kind"] for line in (tmp_path / "log.jsonl").read_text().splitlines()] == kinds


@pytest.mark.slow
def test_several_processes_test_a_saved_model_together(data: ClassificationData, tmp_path: Path, in_processes: InProcesses) -> None:
    task = ClassificationTraining(TINY, replace(data, val=data.train))
    ClassificationTraining(TINY.override(seed=5), replace(data, val=data.train)).save_model(tmp_path / "best", {})
    own = {name: value.clone() for name, value in task.model.state_dict().items()}
    alone = task.test_saved(tmp_path / "best")
    assert alone != task.test()
    assert all(torch.equal(value, own[name]) for name, value in task.model.state_dict().items())
    for found in in_processes(2, lambda: task.test_saved(tmp_path / "best")):
        assert found == pytest.approx(alone, rel=1e-6)
    assert task.test_saved(tmp_path / "nothing") == {}


def test_which_split_chooses_is_said(data: ClassificationData) -> None:
    assert "test chooses the best model, as there is no val" in ClassificationTraining(TINY, data).describe_data()
    alone = replace(data, val=data.test, test=NOTHING)
    assert (
        "val chooses the best model, so its figure there is too good; there is no test"
        in ClassificationTraining(TINY, alone).describe_data()
    )
    assert evaluate_model(ClassificationTraining(TINY, alone).model, alone).split == "val"
    with pytest.raises(ValueError, match=r"has no images in test: it has train \(21\), val \(9\)"):
        evaluate_model(ClassificationTraining(TINY, alone).model, alone, ClassificationOptions("test"))


@pytest.mark.slow
def test_several_processes_see_a_part_each_and_all_have_the_result(data: ClassificationData, in_processes: InProcesses) -> None:
    task = ClassificationTraining(TINY, data)
    seen: list[int] = []
    task.model.register_forward_hook(lambda _model, _args, scores: seen.append(len(scores)))

    def measure() -> tuple[dict[str, float], int]:
        seen.clear()
        return task.evaluate(), sum(seen)

    figures, count = measure()
    assert count == len(data.test)
    found = in_processes(2, measure)
    assert [number for _, number in found] == [-(-count // 2), count // 2]
    for each, _ in found:
        assert each == pytest.approx(figures, rel=1e-6)


def test_a_training_learns_and_its_model_is_loaded(data: ClassificationData, tmp_path: Path) -> None:
    torch.manual_seed(0)
    recipe = TINY.override(epochs=6, lr=0.02, attention="se")  # at .05 batches of 4 learn or not by chance
    task = ClassificationTraining(recipe, data)
    with RunLog(tmp_path) as log:
        outcome = fit(task, task.optimizer(), task.schedule(), tmp_path, log, recipe, device=CPU)
    assert outcome.metrics["top1"] > 0.8
    model = rga.load(tmp_path)
    assert isinstance(model, ClassificationModel)
    assert model.metrics["top1"] == outcome.metrics["top1"]
    assert model.trained_on == {
        "name": "colours",
        "fingerprint": data.fingerprint,
        "data": "digits",
        "weights": "none: random from the start",
    }
    assert evaluate_model(model, data).top1 == outcome.metrics["top1"]


def test_the_attention_has_its_own_learning_rate_and_weight_decay(data: ClassificationData) -> None:
    task = ClassificationTraining(TINY.override(attention_lr_scale=3.0, attention_weight_decay=0.25), data)
    *_, own = groups = task.optimizer().param_groups
    assert [(group["scale"], group["weight_decay"]) for group in groups] == [(1.0, 5e-4), (1.0, 5e-4), (3.0, 0.25)]
    assert {id(p) for p in own["params"]} == {id(p) for each in rga.attached(task.model.backbone).values() for p in each.parameters()}
    assert sum(len(group["params"]) for group in groups) == len(list(task.model.parameters()))


def test_optimiser_groups_leave_the_classifier_and_the_attention_to_the_full_learning_rate(data: ClassificationData) -> None:
    task = ClassificationTraining(TINY.override(backbone_lr_scale=0.1), data)
    backbone, others = task.optimizer().param_groups
    assert (backbone["scale"], others["scale"]) == (0.1, 1.0)
    full = {id(p) for p in others["params"]}
    assert {id(p) for p in task.model.backbone.get_submodule("fc").parameters()} <= full
    assert {id(p) for each in rga.attached(task.model.backbone).values() for p in each.parameters()} <= full
    assert full | {id(p) for p in backbone["params"]} == {id(p) for p in task.model.parameters()}
    assert len(backbone["params"]) == len(list(ClassificationTraining(TINY.override(attention="none"), data).model.parameters())) - 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"image_size": 0}, "image_size must be at least 1, got 0"),
        ({"random_erasing": 1.5}, "random_erasing must lie between 0 and 1, got 1.5"),
        ({"mixup": -1.0}, "mixup must be at least 0, got -1.0"),
        ({"mixup": 0.2, "mixup_prob": 1.5}, "mixup_prob must lie between 0 and 1, got 1.5"),
        ({"mixup": 0.2, "mixup_off_epoch": -1}, "mixup_off_epoch must be at least 0, got -1"),
        ({"mixup_prob": 0.5}, "mixup_prob and mixup_off_epoch belong to mixup and cutmix, and both are 0"),
        ({"mixup_off_epoch": 3}, "mixup_prob and mixup_off_epoch belong to mixup and cutmix, and both are 0"),
        ({"crop_pct": 0.0}, "crop_pct is a share above 0 and at most 1, got 0.0"),
        ({"scale": (0.08, 1.5)}, r"scale must be two shares above 0 and at most 1, the smaller first, got 0\."),
        ({"scale": (0.5, 0.2)}, r"scale must be two shares above 0 and at most 1, the smaller first, got 0\."),
        ({"attention": "se", "reduction": 4}, "reduction: options of RGA only, and attention is 'se'"),
        ({"epochs": 0}, "epochs must be at least 1"),
    ],
)
def test_bad_recipes_are_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TINY.override(**wrong)


def test_attention_inside_of_blocks_is_one_override_away(data: ClassificationData, tmp_path: Path) -> None:
    task = ClassificationTraining(TINY.override(attention="cbam-cs", inside_blocks=True), data)
    assert len(rga.attached(task.model.backbone)) == 9
    task.losses(next(iter(task.batches(0))), CPU)["cross_entropy"].backward()
    assert all(p.grad is not None for each in rga.attached(task.model.backbone).values() for p in each.parameters())
    task.save_model(tmp_path / "saved", {})
    image = data.test.images[0]
    assert (rga.load(tmp_path / "saved").probabilities([image]) == task.model.probabilities([image])).all()


def test_data_that_cannot_be_trained_or_tested_on_are_named(data: ClassificationData) -> None:
    with pytest.raises(ValueError, match=r"'colours' at .* has no images to train on"):
        ClassificationTraining(TINY, replace(data, train=NOTHING))
    with pytest.raises(ValueError, match="a batch of 22 cannot be drawn from 21 samples"):
        ClassificationTraining(TINY.override(batch_size=22), data)
    model = ClassificationTraining(TINY, data).model
    with pytest.raises(ValueError, match="has no images to test on"):
        evaluate_model(model, replace(data, test=NOTHING))
    with pytest.raises(ValueError, match=r"has 3 classes \(red, green, blue, ...\), dataset 'colours' has 3 \(red, green, cyan"):
        evaluate_model(model, replace(data, classes=("red", "green", "cyan")))
