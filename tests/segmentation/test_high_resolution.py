"""HRNet as a backbone: its branches, their places, and a training."""

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from rga.datasets.spec import DataSpec
from rga.segmentation.datasets.cityscapes import read_generated
from rga.segmentation.datasets.classes import numbered, spread_colours
from rga.segmentation.model import SegmentationModel
from rga.segmentation.network.high_resolution import HighResolutionBackbone, resized
from rga.segmentation.recipe import SegmentationRecipe
from rga.segmentation.training import SegmentationTraining
from rga.synthetic.streets.streets import StreetOptions, make_streets

CLASSES = numbered(("road", "sky", "car"), spread_colours(3)).to_dict()


@pytest.mark.parametrize("output_stride", [4, 8, 16, 32])
def test_all_branches_lie_on_the_output_stride(output_stride: int) -> None:
    torch.manual_seed(0)
    backbone = HighResolutionBackbone("hrnet_w18_small", output_stride, {}).eval()
    features = timm.create_model("hrnet_w18_small", features_only=True, feature_location="", out_indices=(1, 2, 3, 4)).eval()
    features.load_state_dict(backbone.state_dict())
    images = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        found, branches = backbone(images), features(images)
    size = (64 // output_stride, 96 // output_stride)
    assert found.shape == (2, 16 + 32 + 64 + 128, *size)
    for part, branch in zip(found.split([16, 32, 64, 128], 1), branches, strict=True):
        finer = branch.shape[2] // size[0]
        torch.testing.assert_close(part, F.avg_pool2d(branch, finer) if finer > 1 else F.interpolate(branch, size, mode="bilinear"))


def test_a_branch_that_fits_stays_as_it_is() -> None:
    branch = torch.rand(1, 2, 3, 4)
    assert resized(branch, (3, 4)) is branch


@pytest.mark.slow
@pytest.mark.parametrize("output_stride", [4, 16])
def test_attention_reaches_every_branch_at_every_size(output_stride: int) -> None:
    model = SegmentationModel("hrnet_w18_small", classes=CLASSES, image_size=(50, 90), output_stride=output_stride, attention="rga-sc")
    scores, auxiliary = model(torch.randn(2, 3, 50, 90))
    assert scores.shape == auxiliary.shape == (2, 3, -(-50 // output_stride), -(-90 // output_stride))
    (scores.square().sum() + auxiliary.square().sum()).backward()
    assert [key for key, parameter in model.named_parameters() if parameter.grad is None] == []
    assert model.eval().probabilities(torch.randn(3, 33, 100)).shape == (3, 33, 100)


@pytest.mark.slow
def test_attention_goes_into_the_blocks_too() -> None:
    model = SegmentationModel("hrnet_w18_small", classes=CLASSES, image_size=(64, 64), attention="se", attention_after="blocks")
    model(torch.randn(2, 3, 64, 64))[0].sum().backward()
    with pytest.raises(ValueError, match="'stage4' returns no map"):
        SegmentationModel("hrnet_w18_small", classes=CLASSES, image_size=(64, 64), attention="se", attention_after=["stage4"])


@pytest.mark.parametrize("name", ["hrnet_w18_small", "mobilenetv3_small_050"])
@pytest.mark.slow
def test_trained_from_published_weights(name: str, tmp_path: Path) -> None:
    torch.manual_seed(5)
    published = timm.create_model(name).state_dict()
    save_file(published, tmp_path / "weights.safetensors")
    root = make_streets(tmp_path / "streets", StreetOptions(train=2, val=1, test=0, height=48, width=96))
    recipe = SegmentationRecipe().override(
        data=DataSpec("streets"),
        backbone=name,
        weights=str(tmp_path / "weights.safetensors"),
        crop_size=(41, 50),
        batch_size=2,
        largest_grid=4,
        num_workers=0,
    )
    for activation_checkpointing in (False, True):
        changed = recipe.override(activation_checkpointing=activation_checkpointing, channels_last=activation_checkpointing)
        task = SegmentationTraining(changed, read_generated(root))
        state = task.model.backbone.state_dict()
        assert all(torch.equal(state[key], published[key]) for key in state if key in published)
        loss = sum(task.losses(next(iter(task.batches(0))), torch.device("cpu")).values())
        assert isinstance(loss, torch.Tensor)
        loss.backward()
        assert (loss.dtype, bool(loss.isfinite())) == (torch.float32, True)
        assert set(task.evaluate()) == {"mIoU", "pixel_accuracy", "mean_accuracy"}
    task.save_model(tmp_path / "saved", {})
    back = SegmentationModel.from_pretrained(tmp_path / "saved").eval()
    image = torch.randn(3, 45, 77)
    torch.testing.assert_close(back.probabilities(image), task.model.eval().probabilities(image))
