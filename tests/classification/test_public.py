"""Public weights for CIFAR-10: their names, and what they reach on the JPEG copy of the test set."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import rga
from rga.backbones.catalog import create_backbone
from rga.classification.datasets.zips import read_zips
from rga.classification.evaluation import evaluate_model
from rga.classification.model import ClassificationModel
from rga.classification.public import read_public_cifar
from rga.reid.model import ReidModel

SHARED = Path(os.environ.get("RGA_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
NOISE = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)


def public(depth: int) -> dict[str, Tensor]:
    """Weights under the public names."""
    torch.manual_seed(depth)
    own = create_backbone(f"cifar-resnet{depth}", num_classes=10).state_dict()
    return {f"module.{name.replace('fc.', 'linear.')}": value for name, value in own.items() if "num_batches" not in name}


@pytest.mark.parametrize("depth", [20, 32])
def test_every_weight_is_used_under_our_name(depth: int, tmp_path: Path) -> None:
    state = public(depth)
    torch.save({"state_dict": state, "best_prec1": 92.6}, tmp_path / "public.th")
    model = rga.load(tmp_path / "public.th", ClassificationModel)
    assert not model.training
    own = model.backbone.state_dict()
    assert len([name for name in own if "num_batches" not in name]) == len(state)
    for name, value in state.items():
        assert torch.equal(own[name.removeprefix("module.").replace("linear.", "fc.")], value)
    mean, std = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    shown = (torch.from_numpy(NOISE).permute(0, 3, 1, 2) / 255 - mean) / std
    with torch.no_grad():
        np.testing.assert_allclose(model.probabilities(list(NOISE)), model.backbone(shown).softmax(1).numpy(), rtol=1e-4)
    assert model.classes[3] == "cat"


def test_other_weights_are_named(tmp_path: Path) -> None:
    state = public(20)
    path = tmp_path / "other.th"
    torch.save({**state, "module.layer1.0.bn3.bias": torch.zeros(16)}, path)
    with pytest.raises(ValueError, match=r"not those of a cifar-resnet20 for CIFAR-10: layer1\.0\.bn3\.bias do not fit"):
        rga.load(path)
    torch.save({name: value for name, value in state.items() if name != "module.bn1.weight"}, path)
    with pytest.raises(ValueError, match=r"cifar-resnet20 for CIFAR-10: bn1\.weight do not fit"):
        read_public_cifar(path)
    torch.save({**state, "module.linear.weight": torch.zeros(100, 64)}, path)
    with pytest.raises(ValueError, match=r"fc\.weight do not fit"):
        read_public_cifar(path)
    torch.save({"stem.weight": torch.zeros(3)}, path)
    with pytest.raises(ValueError, match=r"none is called layer1\.0\.conv1\.weight"):
        read_public_cifar(path)
    with pytest.raises(ValueError, match="is for classification: use rga classify or rga evaluate with it"):
        rga.load(path, ReidModel)
    path.write_text("no weights")
    with pytest.raises(ValueError, match="cannot be read as a file of weights"):
        read_public_cifar(path)
    with pytest.raises(ValueError, match=r"other\.th is no model but a file of an unknown kind: expected a folder with config\.json"):
        rga.load(path)


@pytest.mark.skipif(not (SHARED / "weights").is_dir() or not (SHARED / "cifar10-jpeg").is_dir(), reason="weights and images are not here")
@pytest.mark.parametrize(("depth", "correct"), [(20, 166), (32, 170), (44, 158), (56, 175)])
def test_the_public_weights_classify_a_part_of_the_test_set(depth: int, correct: int) -> None:
    """200 of the 10,000 images: all of them are evaluated for ``docs/classification.md``."""
    (file,) = (SHARED / "weights").glob(f"cifar10_resnet{depth}-*.th")
    data = read_zips(SHARED / "cifar10-jpeg")
    part = type(data)(data.name, data.classes, data.train, data.test.choose(np.arange(0, 10_000, 50)), data.root)
    result = evaluate_model(rga.load(file, ClassificationModel), part)
    assert abs(round(result.top1 * result.images) - correct) <= 1  # other decoders of JPEG round otherwise
