"""The segmentation model: maps, heads, attention, sizes, saving."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import rga
from rga.attention.grid import GridMismatchError
from rga.attention.modules import SpatialRelationAttention
from rga.segmentation.datasets.classes import numbered, spread_colours
from rga.segmentation.inference import Inference
from rga.segmentation.model import SegmentationModel
from rga.segmentation.network.heads import HEADS

CLASSES = numbered(("road", "sky", "car"), spread_colours(3)).to_dict()


def build(**options: Any) -> SegmentationModel:
    """A small model."""
    return SegmentationModel(**{"backbone": "resnet10t", "classes": CLASSES, "image_size": (64, 96), "attention": "none", **options})


@pytest.mark.parametrize(("stride", "size"), [(8, (8, 12)), (16, (4, 6)), (32, (2, 3))])
def test_the_output_stride_is_that_of_the_last_map(stride: int, size: tuple[int, int]) -> None:
    model = build(output_stride=stride)
    scores, auxiliary = model(torch.rand(2, 3, 64, 96))
    assert scores.shape == (2, 3, *size)
    assert auxiliary is not None
    assert auxiliary.shape[:2] == (2, 3)
    assert model.eval()(torch.rand(1, 3, 64, 96))[1] is None
    assert build(auxiliary=False, output_stride=stride)(torch.rand(2, 3, 64, 96))[1] is None


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("backbone", ["resnet10t", pytest.param("tf_efficientnet_lite0", marks=pytest.mark.slow)])
def test_heads_on_backbones(head: str, backbone: str) -> None:
    scores, _ = build(head=head, backbone=backbone, output_stride=16, attention="rga-sc")(torch.rand(2, 3, 64, 96))
    assert scores.shape == (2, 3, 4, 6)
    scores.sum().backward()


def test_what_comes_after_the_last_stage_is_left_out() -> None:
    names = [name for name, _ in build(backbone="tf_efficientnet_lite0").backbone.named_parameters()]
    assert not [name for name in names if name.startswith(("conv_head", "bn2", "classifier"))]


@pytest.mark.parametrize(
    "attention",
    [
        "rga-sc",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("rga-cs", "rga-parallel", "se", "cbam-cs", "non-local", "dual", "fc-s", "gc")
        ),
    ],
)
def test_any_attention_after_any_stage(attention: str) -> None:
    model = build(attention=attention, attention_after=["layer2", "layer4"])
    assert list(rga.attached(model.backbone)) == ["layer2", "layer4"]
    scores, auxiliary = model(torch.rand(2, 3, 64, 96))
    (scores.sum() + auxiliary.sum()).backward()
    assert all(p.grad is not None for each in rga.attached(model.backbone).values() for p in each.parameters())


def test_attention_reaches_the_head_and_the_auxiliary_head() -> None:
    model = build(attention="rga-s").eval()
    attention = model.backbone.get_submodule("layer3.attention")
    images = torch.rand(1, 3, 64, 96)
    before, last = model.maps(images)
    attention.register_forward_hook(lambda _module, _args, output: output * 0)
    changed, after = model.maps(images)
    assert before.abs().sum() > 0
    assert changed.abs().sum() == 0
    assert not torch.equal(last, after)


def test_an_exact_grid_takes_windows_of_one_size_and_a_pooled_one_any_size() -> None:
    image = np.random.default_rng(0).integers(0, 256, (80, 150, 3), dtype=np.uint8)
    exact = build(attention="rga-sc")
    assert exact.fixed_size == (64, 96)
    assert exact.segment([image])[0].labels.shape == (80, 150)
    with pytest.raises(GridMismatchError, match="built for a 16x24 grid"):
        exact.segment([image], inference=Inference(window=(64, 64)))
    pooled = build(attention="rga-sc", attention_options={"fit": "pool"})
    assert pooled.fixed_size is None
    assert pooled.segment([image])[0].labels.shape == (80, 150)
    assert build().fixed_size is None


def test_the_largest_grid_limits_the_weights() -> None:
    model = build(attention="rga-s", attention_options={"fit": "pool"}, largest_grid=(10, 10))
    modules = [module for module in model.modules() if isinstance(module, SpatialRelationAttention)]
    assert [module.grid for module in modules] == [(10, 10), (8, 10), (8, 10), (8, 10)]
    model(torch.rand(2, 3, 64, 96))


def test_segment_takes_whatever_shows_an_image(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    Image.fromarray(array).save(tmp_path / "image.png")
    model = build()
    found = model.segment([array, Image.fromarray(array), tmp_path / "image.png", str(tmp_path / "image.png")])
    assert model.training
    assert all((each.labels == found[0].labels).all() for each in found)
    assert found[0].labels.dtype == np.uint8
    assert found[0].confidence.min() >= 1 / 3 - 1e-6
    assert found[0].confidence.max() <= 1
    assert model.segment([Image.new("L", (33, 21))])[0].labels.shape == (21, 33)
    assert model.segment([]) == []


def test_labels_are_the_likeliest_classes_and_the_resolution_is_respected() -> None:
    model = build(resolution=0.5).eval()
    image = torch.rand(3, 64, 96)
    found = model.probabilities(image)
    halved = torch.nn.functional.interpolate(image[None], size=(32, 48), mode="bilinear", antialias=True)
    with torch.no_grad():
        scores = torch.nn.functional.interpolate(model(halved)[0], size=(32, 48), mode="bilinear").softmax(1)
    expected = torch.nn.functional.interpolate(scores, size=(64, 96), mode="bilinear")[0]
    torch.testing.assert_close(found, expected)


def test_saved_and_read_back(tmp_path: Path) -> None:
    model = build(
        attention="rga-sc", attention_options={"fit": "pool"}, largest_grid=[8, 8], head="dual", trained_on={"name": "streets"}
    ).eval()
    model.save_pretrained(tmp_path / "saved")
    back = SegmentationModel.from_pretrained(tmp_path / "saved").eval()
    assert back.classes == model.classes
    assert back.trained_on == {"name": "streets"}
    images = torch.rand(1, 3, 64, 96)
    torch.testing.assert_close(back(images)[0], model(images)[0], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"output_stride": 4}, "output_stride is 8, 16 or 32, got 4"),
        ({"backbone": "resnet51"}, "unknown backbone 'resnet51'"),
        ({"backbone": "cifar-resnet20"}, "cannot be dilated to an output stride of 8"),
        ({"backbone": "cifar-resnet20", "output_stride": 32}, "does not give out the maps of its stages"),
        ({"head": "unet"}, "unknown head 'unet'"),
        ({"attention": "rga"}, "unknown attention 'rga'"),
        ({"classes": {}}, "classes are stored as"),
        ({"task": "reid"}, "this is a model for segmentation, not for 'reid'"),
    ],
)
def test_what_cannot_be_built_is_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**wrong)
