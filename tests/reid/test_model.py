"""The re-ID model: its parts, last stride, weights, embedding, saving."""

import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torch import nn

import rga
from rga.attachment.stages import find_stages
from rga.backbones.last_stride import keep_last_resolution
from rga.images.images import DamagedImageError
from rga.reid.model import ReidModel
from rga.storage.saved_model import save_model

SIZE = (64, 32)


def small(**options: object) -> ReidModel:
    return ReidModel(**{"backbone": "test_resnet", "classes": 5, "image_size": SIZE, **options}).eval()  # type: ignore[arg-type]


def test_the_papers_network() -> None:
    """Its golden outputs are checked in tests/attention; here its parts: last stride 1, frozen neck bias, classifier without bias."""
    model = ReidModel(backbone="resnet50", classes=751)
    assert sum(p.numel() for p in model.parameters()) == 31_364_272
    assert model.backbone.get_submodule("layer4.attention.spatial").grid == (16, 8)
    assert not model.neck.bias.requires_grad
    assert model.classifier is not None
    assert model.classifier.bias is None
    assert model.classifier.weight.std().item() == pytest.approx(0.001, rel=0.05)
    assert set(rga.to_reference(model.state_dict())[1]) == set()


def test_neck_and_classifier_follow_the_pooled_feature() -> None:
    model = small()
    x = torch.rand(3, 3, *SIZE)
    pooled, neck, learnt = model.eval()(x)
    torch.testing.assert_close(neck, model.neck(pooled))
    assert learnt is None  # of the training identities, which a test does not have
    pooled, neck, learnt = model.train()(x)
    assert model.classifier is not None
    assert learnt.features == {"global": pooled}
    torch.testing.assert_close(learnt.logits, {"global": neck @ model.classifier.weight.T})
    assert small(classes=0).train()(x)[2] is None


@pytest.mark.parametrize(
    "backbone",
    [
        *("resnet18", "efficientnet_lite0", "vgg11_bn"),
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("regnetx_002", "resnet50d", "mobilenetv3_small_100", "densenet121")),
    ],
)
def test_last_stride_one_keeps_the_resolution(backbone: str) -> None:
    with torch.device("meta"):
        model: nn.Module = timm.create_model(backbone, num_classes=0)
        before = find_stages(model, (256, 128))
        keep_last_resolution(model, (256, 128))
        after = find_stages(model, (256, 128))
    assert [stage.grid for stage in after] == [*(stage.grid for stage in before[:-1]), before[-2].grid]
    assert [stage.channels for stage in after] == [stage.channels for stage in before]
    with torch.device("meta"):
        keep_last_resolution(model, (256, 128))  # once more changes nothing
    assert find_stages(model, (256, 128)) == after


def test_last_stride_one_is_not_dilation() -> None:
    model: nn.Module = timm.create_model("resnet50", num_classes=0)
    keep_last_resolution(model, (64, 32))
    assert {module.dilation for module in model.modules() if isinstance(module, nn.Conv2d)} == {(1, 1)}


def test_a_stage_that_cannot_be_kept_is_an_error() -> None:
    class Slices(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[..., ::2, ::2]

    model = nn.Sequential(*(nn.Sequential(nn.Conv2d(3, 3, 1), Slices()) for _ in range(5)))
    with pytest.raises(ValueError, match=r"could not be set to 1: pass last_stride=2"):
        keep_last_resolution(model, (64, 64))
    with pytest.raises(ValueError, match="last_stride is 1 or 2"):
        small(last_stride=3)


def write_images(folder: Path) -> list[Path]:
    """One image in each of several modes, sizes and formats."""
    generator = np.random.default_rng(0)
    made = []
    for number, (mode, size, ending) in enumerate(
        [
            ("RGB", (32, 64), "png"),
            ("L", (50, 90), "jpg"),
            ("RGBA", (20, 33), "png"),
            ("P", (64, 64), "png"),
            ("I;16", (30, 60), "png"),
            ("1", (9, 9), "png"),
        ]
    ):
        path = folder / f"{number}.{ending}"
        pixels = generator.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        image = Image.fromarray(pixels)
        image = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257) if mode == "I;16" else image.convert(mode)
        image.save(path)
        made.append(path)
    return made


def test_embed_takes_any_mode_size_and_kind(tmp_path: Path) -> None:
    model = small()
    paths = write_images(tmp_path)
    features = model.embed(paths, batch_size=4)
    assert features.shape == (len(paths), model.neck.num_features)
    assert features.dtype == np.float32
    images = [Image.open(path) for path in paths]
    np.testing.assert_allclose(model.embed(images, batch_size=2), features, atol=1e-5)
    np.testing.assert_allclose(model.embed([str(paths[0])]), features[:1], atol=1e-5)
    np.testing.assert_allclose(model.embed([np.asarray(images[0])]), features[:1], atol=1e-5)
    assert model.embed([]).shape == (0, model.neck.num_features)


def test_embed_is_the_network_on_the_preprocessed_image(tmp_path: Path) -> None:
    model = small(mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    pixels = np.random.default_rng(1).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    x = (torch.from_numpy(pixels).float() / 255 - torch.tensor([0.5, 0.4, 0.3])) / torch.tensor([0.2, 0.3, 0.4])
    pooled, neck, _ = model(x.permute(2, 0, 1)[None])
    np.testing.assert_allclose(model.embed([pixels]), neck.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(model.embed([pixels], feature="pooled"), pooled.detach().numpy(), atol=1e-5)
    mirrored = model.embed([np.ascontiguousarray(pixels[:, ::-1])])
    np.testing.assert_allclose(model.embed([pixels], flip=True), (neck.detach().numpy() + mirrored) / 2, atol=1e-5)


def test_embedding_leaves_the_mode_and_uses_evaluation() -> None:
    model = small().train()
    blank = Image.new("RGB", (32, 64))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.embed([blank, blank])
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_damaged_images_are_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.jpg"
    whole = tmp_path / "whole.jpg"
    Image.new("RGB", (64, 128), "red").save(whole)
    path.write_bytes(whole.read_bytes()[:200])
    with pytest.raises(DamagedImageError, match=r"broken\.jpg cannot be read as an image"):
        small().embed([whole, path])
    (tmp_path / "text.jpg").write_text("no image")
    with pytest.raises(DamagedImageError, match=r"text\.jpg"):
        small().embed([tmp_path / "text.jpg"])
    with pytest.raises(FileNotFoundError):
        small().embed([tmp_path / "nowhere.jpg"])
    with pytest.raises(TypeError, match="an image is a PIL image, a path or an array"):
        small().embed([3])  # type: ignore[list-item]


def test_save_and_load(tmp_path: Path) -> None:
    model = small(attention_options={"initial_gate": 0.9}, feature="pooled", trained_on={"name": "people", "fingerprint": "abc"})
    save_model(model, tmp_path / "run" / "best", {"mAP_pooled": 0.5})
    assert {path.name for path in (tmp_path / "run" / "best").iterdir()} >= {"config.json", "model.safetensors"}
    for folder in (tmp_path / "run", tmp_path / "run" / "best"):
        loaded = rga.load(folder)
        assert not loaded.training
        assert loaded.trained_on == {"name": "people", "fingerprint": "abc"}
        assert loaded.metrics == {"mAP_pooled": 0.5}
        assert loaded.preprocessing == model.preprocessing
        image = np.random.default_rng(1).integers(0, 256, (90, 40, 3), dtype=np.uint8)
        np.testing.assert_array_equal(loaded.embed([image]), model.embed([image]))


def test_what_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no model in the folder"):
        rga.load(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"task": "juggling", "backbone": "resnet18"}))
    with pytest.raises(ValueError, match="unknown task 'juggling'"):
        rga.load(tmp_path)


def test_features_of_no_images_are_none_of_either_kind() -> None:
    model = ReidModel("test_resnet", attention="none", image_size=(32, 16))
    for feature in ("pooled", "neck"):
        found = model.embed([], feature=feature)
        assert (found.shape, found.dtype.name) == ((0, model.neck.num_features), "float32")
    model.feature = "pooled"
    assert model.neck.running_mean is not None
    model.neck.running_mean += 1
    images = [Image.new("RGB", (5, 9), (200, 100, 50)), Image.new("RGB", (16, 32), (20, 10, 250))]
    pooled = model.embed(images, batch_size=1)
    both = model.embed_both(images, 2, 0, False, None)
    np.testing.assert_allclose(pooled, torch.cat(both["pooled"]).numpy(), atol=1e-5)
    assert not np.allclose(pooled, torch.cat(both["neck"]).numpy())
    assert model.training
