"""The model: attention is always in it, images of any kind, what is saved is what is loaded."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from timm.models.resnet import ResNet

import rga
from rga.attachment import attached
from rga.detection.datasets.categories import Categories
from rga.detection.model import DetectionModel
from rga.detection.network.sizes import inside
from rga.detection.network.stages import first_stages, leaves, stage_maps
from rga.errors import InputError
from rga.images.images import DamagedImageError
from rga.images.inputs import NotAnImageError
from rga.storage.saved_model import save_model

TWO = Categories(("cat", "brush"), (2, 90)).to_dict()
POOL: dict[str, Any] = {"attention_options": {"fit": "pool"}, "largest_grid": (8, 8)}


def tiny(**options: Any) -> DetectionModel:
    torch.manual_seed(0)
    chosen = {"image_size": (64, 96), "pyramid_channels": 8, "head_width": 8, "rois_per_image": 16, "anchor_sizes": (8, 16, 32, 64, 128)}
    return DetectionModel("test_resnet", classes=TWO, **{**chosen, **POOL, **options}).eval()


def test_each_attention_is_called_once_and_changes_the_maps() -> None:
    model = tiny()
    calls = dict.fromkeys(attached(model.backbone), 0)
    assert list(calls) == ["layer1", "layer2", "layer3", "layer4"]

    def count(stage: str) -> Any:
        def hook(*_: object) -> None:
            calls[stage] += 1

        return hook

    for stage, attention in attached(model.backbone).items():
        attention.register_forward_hook(count(stage))
    model.detect(np.zeros((40, 60, 3), np.uint8))
    assert set(calls.values()) == {1}
    images = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        before = stage_maps(model.backbone, model.indices, images)
        rga.detach(model.backbone)
        after = stage_maps(model.backbone, model.indices, images)
    assert [tuple(each.shape[1:]) for each in after] == [(32, 16, 24), (48, 8, 12), (192, 4, 6), (96, 2, 3)]
    assert not any(torch.allclose(one, other) for one, other in zip(before, after, strict=True))


def test_attention_that_would_be_passed_by_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        ResNet, "forward_intermediates", lambda self, images, **_: [self.layer1.eval()[0](self.maxpool(self.conv1(images)))] * 4
    )
    with pytest.raises(InputError, match="attention after 'layer1' of the backbone 'test_resnet' would be called 0 times"):
        tiny()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"attention_options": {"fit": "exact"}, "largest_grid": None, "image_size": (800, 1333)},
            "the map of layer1 has 200x336 for images of 800x1344",
        ),
        ({"backbone_options": {"output_stride": 8}}, "output_stride is no option of a detector's backbone"),
        ({"task": "reid"}, "this is a model for detection, not for 'reid'"),
        ({"classes": {"names": ["a", "a"], "ids": [1, 2]}}, "every category needs a name of its own"),
        ({"classes": {"names": ["a"]}}, "categories are stored as names and ids"),
        ({"attention": "rga"}, "unknown attention 'rga'"),
    ],
)
def test_what_cannot_be_built_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        tiny(**options) if "classes" not in options else DetectionModel("test_resnet", **options)


def test_backbones_without_the_maps_are_refused() -> None:
    with pytest.raises(
        InputError, match=r"backbone 'vit_tiny_patch16_224' does not give out maps at strides 4, 8, 16 and 32: choose a CNN"
    ):
        DetectionModel("vit_tiny_patch16_224", classes=TWO, image_size=(64, 96), attention="none")


def test_images_of_any_kind_and_size_give_boxes_and_masks_in_their_own_pixels(tmp_path: Path) -> None:
    model = tiny()
    Image.new("L", (31, 90), 90).save(tmp_path / "grey.png")
    Image.new("RGBA", (50, 40), (90, 90, 90, 255)).save(tmp_path / "alpha.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (60, 20)).save(tmp_path / "turned.jpg", exif=exif)
    images: list[Any] = [
        tmp_path / "grey.png",
        str(tmp_path / "alpha.png"),
        tmp_path / "turned.jpg",
        np.zeros((1, 300, 3), np.uint8),
        torch.rand(3, 500, 20),
    ]
    found = model.detect(images, min_score=0.0)
    for each, (height, width) in zip(found, ((90, 31), (40, 50), (60, 20), (1, 300), (500, 20)), strict=True):
        assert len(each)
        assert each.masks.shape == (len(each), height, width)
        assert (each.boxes >= 0).all()
        assert (each.boxes <= [[width + 1e-3, height + 1e-3] * 2]).all()
        assert set(each.labels) <= {0, 1}
        assert (np.diff(each.scores) <= 0).all()
    assert len(model.detect(images[3], min_score=1.0)[0]) == 0
    assert model.detect([]) == []
    alone = model.detect(images[0], min_score=0.0)[0]  # whatever it was looked at with
    np.testing.assert_array_equal(alone.boxes, found[0].boxes)
    (tmp_path / "damaged.png").write_bytes(b"none")
    with pytest.raises(DamagedImageError):
        model.detect(tmp_path / "damaged.png")
    damaged: list[int] = []
    assert len(model.detect([tmp_path / "damaged.png", images[0]], on_damaged=lambda index, _: damaged.append(index))) == 1
    assert damaged == [0]
    with pytest.raises(InputError, match="min_score lies between 0 and 1"):
        model.detect(images[0], min_score=1.5)
    with pytest.raises(NotAnImageError):
        model.detect(b"bytes")  # type: ignore[arg-type]


def test_exact_attention_sees_all_images_at_one_size() -> None:
    model = tiny(attention_options={"fit": "exact"}, largest_grid=None, image_size=(60, 96))
    for size, shown in (((40, 60), (60, 90)), ((90, 31), (60, 21)), ((10, 300), (3, 96))):
        image = Image.fromarray(np.full((*size, 3), 200, np.uint8))
        assert model.resized(image).shape == (3, *shown)
        seen = model.input_of(image)
        assert seen.shape == (1, 3, 64, 96)
        assert (seen[0, 0, : shown[0], : shown[1]] > 0.5).all()
        assert not seen[:, :, shown[0] :].any()  # padded with zeros
        assert not seen[..., shown[1] :].any()
        assert model.detect(image, min_score=0.0)[0].masks.shape[1:] == size
    with pytest.raises(InputError, match=r"a scale of 1\.5 would leave it"):
        inside((4, 4), (8, 8), 1.5)


def test_in_training_mode_it_gives_torchvisions_losses_also_without_objects() -> None:
    model = tiny().train()
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64), "masks": torch.zeros(0, 64, 96, dtype=torch.uint8)}
    one = {"boxes": torch.tensor([[4.0, 4, 40, 50]]), "labels": torch.tensor([2]), "masks": torch.ones(1, 64, 96, dtype=torch.uint8)}
    for targets in ([empty, one], [empty, empty]):
        losses = model(torch.rand(2, 3, 64, 96), [(64, 96), (50, 70)], targets)
        assert isinstance(losses, dict)
        assert set(losses) == {"loss_classifier", "loss_box_reg", "loss_mask", "loss_objectness", "loss_rpn_box_reg"}
        assert all(torch.isfinite(each) for each in losses.values())
        torch.stack(list(losses.values())).sum().backward()
    with pytest.raises(InputError, match="needs targets: pass them, or call eval"):
        model(torch.rand(2, 3, 64, 96))


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    model = tiny()
    save_model(model, tmp_path / "saved", {"mask_AP": 0.5})
    assert "object detection with masks" in (tmp_path / "saved/README.md").read_text()
    loaded = rga.load(tmp_path / "saved")
    assert isinstance(loaded, DetectionModel)
    assert loaded.classes.ids == (2, 90)
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    ours, theirs = (each.detect(image, min_score=0.0)[0] for each in (model, loaded))
    np.testing.assert_array_equal(ours.boxes, theirs.boxes)
    with pytest.raises(InputError, match="a detection model gives lists of objects"):
        rga.export(loaded, tmp_path / "model.onnx")


def test_the_first_parts_of_a_backbone_are_stem_and_stages() -> None:
    model = tiny()
    names = {id(module): name for name, module in leaves(model.backbone)}
    parts = [{names[id(module)].split(".")[0] for module in first_stages(model.backbone, model.indices, count)} for count in range(6)]
    assert parts == [
        set(),
        {"conv1", "bn1"},
        *({"conv1", "bn1", *(f"layer{stage}" for stage in range(1, last + 1))} for last in range(1, 5)),
    ]
