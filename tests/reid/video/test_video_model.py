"""A model of tracklets: what it takes, how it embeds, and how it is saved and loaded."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

import rga
from rga.errors import InputError
from rga.explanation.class_activation import Similarity, grad_cam
from rga.explanation.gates import ChannelGates, SpatialGates, read_gates
from rga.explanation.relations import read_relations
from rga.reid.model import ReidModel
from rga.reid.video.clips import ClipDataset
from rga.reports.explanation import possible_kinds
from rga.run_reports import cost_of_image
from rga.storage.saved_model import save_model

SIZE, WIDTH = (32, 16), 96
"""Of the images, and of the features of the backbone."""


def built(**options: Any) -> ReidModel:
    """A tiny model, in evaluation mode, whose norms have seen something."""
    model = ReidModel("test_resnet", image_size=SIZE, **{"attention": "none", "frames": 3, **options})
    with torch.no_grad():
        for _ in range(3):
            model.train()(torch.randn(4, model.frames, 3, *SIZE) if model.frames > 1 else torch.randn(4, 3, *SIZE))
    return model.eval()


def close(found: NDArray[np.float32], expected: NDArray[Any]) -> None:
    """Checks that features are the same but for rounding."""
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def images(count: int, size: tuple[int, int] = (40, 20), seed: int = 0) -> list[Image.Image]:
    generator = np.random.default_rng(seed)
    return [Image.fromarray(generator.integers(0, 256, (*size, 3), dtype=np.uint8)) for _ in range(count)]


def test_a_tracklet_is_embedded_as_the_mean_of_its_frames() -> None:
    """By the pooled feature of a mean over frames: of T of them evenly spread, of all in clips, or of one."""
    model, frames = built(feature="pooled"), images(7)
    single = model.embed(frames)
    close(model.embed_tracklets([frames]), single[[1, 3, 5]].mean(0, keepdims=True))
    close(model.embed_tracklets([frames], frames="one"), single[[3]])
    clips = [single[[0, 3, 6]].mean(0), single[[1, 1, 4]].mean(0), single[[2, 2, 5]].mean(0)]
    found = model.embed_tracklets([frames], frames="all")
    assert any(np.allclose(found[0], np.mean(each, 0), rtol=1e-4, atol=1e-5) for each in repeated(clips, single))


def repeated(clips: list[Any], single: Any) -> list[list[Any]]:
    """The clips of 7 frames, with either frame twice in those of two."""
    return [
        [clips[0], single[[1, 1, 4] if first else [1, 4, 4]].mean(0), single[[2, 2, 5] if second else [2, 5, 5]].mean(0)]
        for first in (True, False)
        for second in (True, False)
    ]


def test_tracklets_of_any_length_and_size_have_a_row_each() -> None:
    model = built(temporal_pooling="attention")
    tracklets = [images(1), [*images(1, (33, 17)), *images(1, (50, 30), 1)], images(9, seed=2)]
    found = model.embed_tracklets(tracklets, batch_size=4)
    assert found.shape == (3, model.neck.num_features)
    for number, tracklet in enumerate(tracklets):
        close(model.embed_tracklets([tracklet]), found[[number]])
    close(model.embed(tracklets[0]), found[[0]])
    assert model.embed_tracklets([]).shape == (0, model.neck.num_features)
    array = np.stack([np.asarray(each) for each in tracklets[2]])
    close(model.embed_tracklets([array]), found[[2]])
    both = [model.embed_tracklets([tracklets[2]], flip=flip, feature="pooled") for flip in (True, False)]
    mirrored = model.embed_tracklets([[each.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for each in tracklets[2]]], feature="pooled")
    close(both[0], (both[1] + mirrored) / 2)


def test_a_model_of_images_takes_tracklets_frame_by_frame() -> None:
    model, frames = built(frames=1, feature="pooled"), images(4)
    single = model.embed(frames)
    close(model.embed_tracklets([frames])[0], single[1])
    close(model.embed_tracklets([frames], frames="all")[0], single.mean(0))


@pytest.mark.parametrize("options", [{"temporal_pooling": "attention"}, {"temporal_pooling": "sta", "sta_parts": 2}])
def test_it_is_saved_and_loaded(options: dict[str, Any], tmp_path: Path) -> None:
    model = built(attention="rga-sc", attention_options={"frames": 3}, **options)
    save_model(model, tmp_path, {})
    loaded = rga.load(tmp_path)
    assert isinstance(loaded, ReidModel)
    assert (loaded.frames, loaded.together) == (3, 3)
    tracklets = [images(4), images(2)]
    close(loaded.embed_tracklets(tracklets), model.embed_tracklets(tracklets))
    width = model.embed(images(1)).shape[1]
    assert loaded.neck.num_features == width == WIDTH * (2 if options.get("temporal_pooling") == "sta" else 1)


def test_attention_over_time_lets_frames_change_one_another() -> None:
    model = built(attention="rga-s", attention_options={"frames": 3}, feature="pooled")
    for attention in rga.attached(model.backbone).values():
        for parameter in attention.parameters():
            nn.init.normal_(parameter)
    first, other = images(3), images(3, seed=5)
    maps: list[torch.Tensor] = []
    model.backbone.get_submodule("layer4").register_forward_hook(lambda _module, _inputs, out: maps.append(out.detach()))
    model.embed_tracklets([first])
    model.embed_tracklets([[first[0], *other[1:]]])
    assert not torch.allclose(maps[0][0], maps[1][0], atol=1e-5)  # the same first frame among others
    repeated_thrice = model.embed_tracklets([[first[0]] * 3])
    close(model.embed(first[:1]), repeated_thrice)


def test_wrong_tracklets_are_refused(tmp_path: Path) -> None:
    model = built()
    with pytest.raises(InputError, match="tracklet 1 has no frame: leave it out"):
        model.embed_tracklets([images(2), []])
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path, image in zip(paths, images(2), strict=True):
        image.save(path)
    for single in (paths, [str(path) for path in paths], images(2), [np.zeros((8, 4, 3), np.uint8)]):
        with pytest.raises(InputError, match=r"tracklet 0 is a single image: .*for one tracklet pass \[frames\]"):
            model.embed_tracklets(single)  # type: ignore[arg-type]
    assert model.embed_tracklets([paths]).shape == (1, WIDTH)
    with pytest.raises(FileNotFoundError, match=r"absent\.png"):
        model.embed_tracklets([[*paths, tmp_path / "absent.png"]], frames="all")
    with pytest.raises(InputError, match="the frames of a test are one of"):
        model.embed_tracklets([paths], frames="none")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"takes \(batch, frames, 3, height, width\) or images"):
        model(torch.zeros(3, *SIZE))
    over_time = built(attention="rga-s", attention_options={"frames": 3})
    with pytest.raises(InputError, match="attention over 3 frames, got tracklets of 2"):
        over_time(torch.zeros(1, 2, 3, *SIZE))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frames": 0}, "frames must be at least 1"),
        ({"frames": 1, "temporal_pooling": "max"}, "joins several frames, and the model has one"),
        ({"temporal_pooling": "median"}, "temporal_pooling is one of"),
        ({"head": "pcb"}, "head pcb looks at parts of one image, and frames is 3"),
        ({"temporal_pooling": "sta"}, "a map of 2 rows cannot be divided into 4 horizontal parts"),
        ({"sta_parts": 3}, "sta_parts=3 belongs to temporal_pooling 'sta'"),
        ({"attention": "rga-s", "attention_options": {"frames": 2}}, "the attention is over 2 frames, and the model has 3"),
        ({"backbone": "test_vit", "temporal_pooling": "sta"}, "are not those of the mean of its last map"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    named = {"backbone": "test_resnet", "attention": "none", "frames": 3, "image_size": SIZE, **options}
    if named["backbone"] != "test_resnet":
        named["image_size"] = (160, 160)
    with pytest.raises(InputError, match=message):
        ReidModel(**named)


@pytest.mark.slow
def test_a_model_with_attention_over_time_is_explained_by_what_one_image_shows() -> None:
    model, image = built(attention="rga-sc", attention_options={"frames": 3}, classes=2), images(1)[0]
    assert grad_cam(model, image, Similarity(image)).shape == SIZE
    spatial, channel = read_gates(model, image)[:2]
    assert isinstance(spatial, SpatialGates)
    assert isinstance(channel, ChannelGates)
    assert channel.maps is not None
    assert spatial.gates.shape == channel.maps.shape[1:] == (8, 4)
    with pytest.raises(InputError, match="relates the positions of 3 frames, which are not drawn on one image"):
        read_relations(model, image)
    assert possible_kinds(model) == ("channels", "grad-cam", "receptive-field")
    plain, over_time = cost_of_image(built()), cost_of_image(model)
    assert plain.macs < over_time.macs < 3 * plain.macs


def test_clips_read_each_frame_once_and_average_by_tracklet() -> None:
    model = built()
    clips = ClipDataset([images(2), images(5)], 3, "all", model.preprocessing)
    assert (len(clips), clips[0].shape, clips.owners.tolist()) == (3, (3, 3, *SIZE), [0, 1, 1])
    features = torch.tensor([[1.0], [2.0], [4.0]])
    assert clips.mean(features).tolist() == [[1.0], [3.0]]
