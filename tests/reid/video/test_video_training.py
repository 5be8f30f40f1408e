"""A training on tracklets: its batches, its fields, its evaluation, and that it resumes as if it had never stopped."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import rga
from rga.attention.space_time import SpaceTimeAttention
from rga.datasets.spec import DataSpec
from rga.errors import InputError
from rga.images.images import DamagedImageError
from rga.ranking.evaluation import evaluate as evaluate_features
from rga.reid.datasets.samples import ReidData, Sample
from rga.reid.datasets.video.tracklet import Tracklet
from rga.reid.evaluation import CalibrationOptions, ReidOptions, calibrate, evaluate, rank
from rga.reid.model import ReidModel
from rga.reid.recipe import ReidRecipe
from rga.reid.training import ReidTraining
from rga.reid.transforms import Augmentation
from rga.reid.video.pooling import MaxOverFrames, MeanOverFrames, SpatialTemporalFusion, WeightedFrames

CPU = torch.device("cpu")
SIZE = (32, 16)
TINY = ReidRecipe().override(
    backbone="test_resnet",
    attention="none",
    weights="none",
    image_size=SIZE,
    ids_per_batch=2,
    images_per_id=2,
    frames=3,
    num_workers=0,
    random_crop=0.0,
    random_flip=0.0,
    random_erasing=0.0,
)


def write_tracklet(folder: Path, identity: int, camera: int, frames: int) -> Tracklet:
    """Frames of the network's size whose brightness counts them: frame 0 is 10, frame 1 is 20, and so on."""
    folder.mkdir(parents=True)
    for number in range(frames):
        Image.new("RGB", SIZE[::-1], (10 * (number + 1), identity, camera)).save(folder / f"{number}.png")
    return Tracklet.of(sorted(folder.iterdir()), identity, camera)


@pytest.fixture
def data(tmp_path: Path) -> ReidData:
    """Four people under two cameras, two of them to train on; tracklets of 1 to 7 frames."""
    all_ = [
        write_tracklet(tmp_path / str(person) / str(camera) / "1", person, camera, 1 + (2 * person + 3 * camera) % 7)
        for person in (1, 2, 3, 4)
        for camera in (1, 2)
    ]
    return ReidData("walks", tuple(all_[:4]), tuple(all_[4::2]), tuple(all_[5::2]), tmp_path)


def test_batches_hold_clips_of_as_many_frames_as_the_field_says(data: ReidData) -> None:
    for frames in (1, 3, 4):
        task = ReidTraining(TINY.override(frames=frames), data)
        batch = next(task.batches(0))
        assert batch.pixels.shape == (4, frames, *SIZE, 3)
        assert task.images(batch) == 4 * frames
        for clip, index in zip(batch.pixels, batch.indices.tolist(), strict=True):
            seen = [int(frame[0, 0, 0]) // 10 - 1 for frame in clip]
            count = len(data.train[index].files)
            assert seen == sorted(seen)
            for part, frame in enumerate(seen):
                assert int(part * count / frames) <= frame <= (part + 1) * count / frames
            assert {(int(frame[0, 0, 1]), int(frame[0, 0, 2])) for frame in clip} == {
                (data.train[index].identity, data.train[index].camera)
            }
        assert (task.model.frames, task.describe_data().splitlines()[1]) == (frames, "  train: 4 tracklets of 2 identities")
    epochs = [[batch.pixels for batch in ReidTraining(TINY, data).batches(epoch)] for epoch in (0, 0, 1)]
    assert all(torch.equal(first, again) for first, again in zip(epochs[0], epochs[1], strict=True))
    assert not all(torch.equal(first, other) for first, other in zip(epochs[0], epochs[2], strict=True))


def test_frames_of_a_clip_are_augmented_in_the_same_way() -> None:
    augmentation = Augmentation(*SIZE, color_jitter=0.4, white_balance=0.3, grayscale=0.3, blur=0.5)
    image = torch.randint(0, 256, (40, 20, 3), dtype=torch.uint8)
    for seed in range(12):
        torch.manual_seed(seed)
        clip, rectangle = augmentation(image.expand(4, -1, -1, -1))
        torch.manual_seed(seed)
        alone, expected = augmentation(image)
        assert torch.equal(rectangle, expected)
        assert all(torch.equal(frame, alone) for frame in clip)


def test_a_rectangle_is_erased_of_all_frames(data: ReidData) -> None:
    task = ReidTraining(TINY.override(random_erasing=1.0), data)
    batch = next(task.batches(0))
    tracklets = task.inputs(batch, CPU)
    assert tracklets.shape == (4, 3, 3, *SIZE)
    for tracklet, (top, left, rows, columns) in zip(tracklets, batch.erased.tolist(), strict=True):
        assert rows
        erased = torch.zeros(SIZE, dtype=torch.bool)
        erased[top : top + rows, left : left + columns] = True
        assert not tracklet[..., erased].any()
        assert tracklet[..., ~erased].abs().sum((1, 2)).min() > 0


def test_frames_of_other_sizes_are_resized_to_the_first(data: ReidData) -> None:
    for tracklet in data.train:
        for number, path in enumerate(tracklet.files[1:]):
            Image.open(path).resize((9 + number, 50)).save(path)
    batch = next(ReidTraining(TINY, data).batches(0))
    assert batch.pixels.shape == (4, 3, *SIZE, 3)
    assert {int(frame.amin(0).amin(0)[1]) for clip in batch.pixels for frame in clip} == {1, 2}


def test_features_of_frames_become_one_as_the_fields_say(data: ReidData) -> None:
    kinds = {"mean": MeanOverFrames, "max": MaxOverFrames, "attention": WeightedFrames, "sta": SpatialTemporalFusion}
    for temporal_pooling, kind in kinds.items():
        task = ReidTraining(TINY.override(temporal_pooling=temporal_pooling, image_size=(64, 32)), data)
        assert type(task.model.temporal) is kind
        assert task.model.temporal is not None
        groups = task.optimizer().param_groups
        assert {id(p) for p in task.model.temporal.parameters()} <= {id(p) for p in groups[-1]["params"]}
    model = ReidTraining(TINY.override(temporal_pooling="sta", sta_parts=2), data).model
    assert isinstance(model.temporal, SpatialTemporalFusion)
    assert model.temporal.parts == 2


def test_rga_is_over_time_if_the_field_says_so(data: ReidData) -> None:
    for space_time, together in ((False, 1), (True, 3)):
        model = ReidTraining(TINY.override(attention="rga-sc", space_time=space_time), data).model
        frames = [getattr(part, "frames", 1) for each in rga.attached(model.backbone).values() for part in each.children()]
        assert (set(frames), model.together) == ({together}, together)
        assert any(isinstance(part, SpaceTimeAttention) for part in model.modules()) == space_time


def test_the_evaluation_sees_the_frames_of_the_field(data: ReidData, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    plain = ReidModel.embed_both_of_tracklets

    def spy(self: ReidModel, tracklets: Any, frames: Any, *others: Any) -> Any:
        seen.append(frames)
        return plain(self, tracklets, frames, *others)

    monkeypatch.setattr(ReidModel, "embed_both_of_tracklets", spy)
    for test_frames in ("spread", "all", "one"):
        task = ReidTraining(TINY.override(test_frames=test_frames), data)
        figures = task.evaluate()
        assert figures["mAP_neck"] == rank(task.model, data, frames=test_frames)["neck"].mAP
    assert seen == ["spread", "spread", "all", "all", "one", "one"]


def test_an_evaluation_is_the_ranking_of_tracklets_with_the_camera_rule(data: ReidData) -> None:
    model = ReidTraining(TINY, data).model
    own = replace(data, gallery=(*data.gallery, write_tracklet(data.root / "again", 3, 1, 2)))  # by the camera of its query
    for frames in ("spread", "all", "one"):
        result = evaluate(model, own, ReidOptions(frames=frames, feature="neck"))

        def features(samples: Sequence[Sample], frames: Any = frames) -> Any:
            return model.embed_tracklets([each.files for each in samples], frames=frames)

        expected = evaluate_features(features(own.query), [3, 4], [1, 1], features(own.gallery), [3, 4, 3], [2, 2, 1])
        assert result.results["neck"].mAP == pytest.approx(expected.mAP)
        assert result.options.label == {"spread": "", "all": "frames-all", "one": "frames-one"}[frames]


def test_what_does_not_go_together_is_refused(data: ReidData, tmp_path: Path) -> None:
    for fields, message in (
        ({"sta_parts": 2}, "sta_parts belongs to temporal_pooling sta"),
        ({"frames": 1, "space_time": True}, "join several frames, and frames is 1"),
        ({"frames": 1, "temporal_pooling": "max"}, "join several frames, and frames is 1"),
        ({"frames": 0}, "frames must be at least 1"),
        ({"space_time": True}, "space_time is of RGA with fit exact or pool, and attention is none"),
        ({"space_time": True, "attention": "rga-s", "fit": "spectral"}, "space_time is of RGA .* and fit is spectral"),
    ):
        with pytest.raises(InputError, match=message):
            TINY.override(**fields)
    images = ReidData("photos", tuple(Sample(path, each.identity, 1) for each in data.train for path in each.files), (), (), data.root)
    with pytest.raises(InputError, match="temporal_pooling: options of tracklets, and 'photos' has images"):
        ReidTraining(TINY.override(frames=8, temporal_pooling="max"), images)
    assert ReidTraining(TINY.override(frames=8), images).model.temporal is None
    model = ReidTraining(TINY, data).model
    query, gallery = (tuple(Sample(each.path, each.identity, each.camera) for each in side) for side in (data.query, data.gallery))
    with pytest.raises(InputError, match="frames=all is an option of tracklets, and the data are images"):
        evaluate(model, ReidData("photos", (), query, gallery, data.root), ReidOptions(frames="all"))


def test_a_missing_and_a_damaged_frame_are_named(data: ReidData) -> None:
    one = next(tracklet for tracklet in data.train if len(tracklet.files) == 1)
    task = ReidTraining(TINY, data)
    contents = one.path.read_bytes()
    one.path.write_bytes(contents[:30])
    with pytest.raises(DamagedImageError, match=one.path.name):
        list(task.batches(0))
    skipping = ReidTraining(TINY.override(skip_damaged=True), data)
    assert all(one.path not in {data.train[i].path for i in batch.indices} or batch.pixels.any() for batch in skipping.batches(0))
    one.path.unlink()
    with pytest.raises(FileNotFoundError, match=one.path.name):
        list(task.batches(0))


def test_a_training_resumes_as_if_it_had_never_stopped_and_its_model_loads(tmp_path: Path) -> None:
    """From the command's functions: train, stop after some steps, resume, evaluate, load."""
    root = tmp_path / "tracklets"
    for person in range(1, 9):
        for camera in (1, 2):
            write_tracklet(root / f"p{person}" / str(camera) / "1", person, camera, 4)
    recipe = TINY.override(
        data=DataSpec("tracklets", root), temporal_pooling="attention", epochs=2, random_flip=0.5, evaluate_every=1, warmup_epochs=0
    )
    whole = rga.train(recipe, output=tmp_path / "whole")
    rga.train(recipe.override(max_steps=3), output=tmp_path / "stopped")
    resumed = rga.resume(tmp_path / "stopped", changes={"max_steps": "4"})
    assert resumed.step == whole.step == 4
    first, second = (rga.load(tmp_path / name / "last") for name in ("whole", "stopped"))
    for (name, ours), theirs in zip(first.state_dict().items(), second.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs), name
    assert isinstance(first.temporal, WeightedFrames)
    measured = rga.evaluate(tmp_path / "whole", frames="all", folder=tmp_path / "found")
    assert measured.path is not None
    assert measured.path.name.endswith("frames-all.json")
    rows = first.embed_tracklets([sorted((root / "p1" / "1" / "1").iterdir())])
    assert rows.shape == (1, 96)
    assert np.isfinite(rows).all()


@pytest.mark.parametrize(
    ("frames", "options", "kept"),
    [(3, {}, "spread"), (3, {"frames": "all"}, "all"), (3, {"frames": "one"}, "one"), (1, {}, "one"), (1, {"frames": "all"}, "all")],
)
def test_a_threshold_knows_the_frames_that_it_is_for(data: ReidData, frames: int, options: dict[str, Any], kept: str) -> None:
    model = ReidModel("test_resnet", image_size=SIZE, attention="none", frames=frames).eval()
    found = calibrate(model, data, CalibrationOptions(false_alarms=0.5, **options))
    expected = evaluate(model, data, ReidOptions(**options))
    assert found.threshold.frames == kept
    assert found.ranking(data).results[model.feature].mAP == expected.results[model.feature].mAP
