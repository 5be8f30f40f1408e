"""Models with IBN-a, OSNet, other poolings and heads of parts under one contract: RGA-SC, two steps, saving, files of ONNX, optimising."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import rga
from rga.backbones.pooling import GeneralizedMean
from rga.deploy.exporting import export
from rga.deploy.optimised import optimisation_of
from rga.deploy.programs.roboflow import network_of
from rga.errors import InputError
from rga.explanation.class_activation import ClassScore, Similarity, grad_cam
from rga.explanation.gates import read_gates
from rga.reid.datasets.samples import ReidData, Sample
from rga.reid.model import ReidModel
from rga.reid.recipe import ReidRecipe
from rga.reid.training import ReidTraining
from rga.storage.saved_model import save_model

SIZE = (64, 32)
CPU = torch.device("cpu")
MODELS: Mapping[str, dict[str, Any]] = {
    "IBN-a, GeM": {"backbone": "test_resnet", "backbone_options": {"ibn": "a"}, "pooling": "gem"},
    "OSNet, average + max": {"backbone": "osnet_x0_25", "pooling": "average+max"},
    "OSNet-AIN, GeM": {"backbone": "osnet_ain_x0_25", "pooling": "gem"},
    "OSNet-IBN without a layer behind the pooling": {"backbone": "osnet_ibn_x1_0", "backbone_options": {"feature_dim": 0}},
    "PCB": {"backbone": "test_resnet", "head": "pcb", "parts": (4,), "triplet_weight": 0.0},
    "RPP": {"backbone": "test_resnet", "head": "rpp", "parts": (4,), "triplet_weight": 0.0},
    "MGN, IBN-a": {"backbone": "test_resnet", "head": "mgn", "backbone_options": {"ibn": "a"}},
    "HPM": {"backbone": "test_resnet", "head": "hpm", "parts": (1, 2, 4), "triplet_weight": 0.0},
    "AGW": {"backbone": "test_resnet", "non_local": True, "pooling": "gem", "triplet_mining": "weighted", "margin": None},
}
SLOW = ("PCB", "RPP", "MGN, IBN-a", "HPM", "AGW", "OSNet-AIN, GeM", "OSNet-IBN without a layer behind the pooling")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ReidData:
    """Three people on two images each, of a colour each."""
    generator = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("people")
    samples = []
    for identity in range(3):
        colour = generator.integers(40, 200, 3)
        for number in range(2):
            path = folder / f"{identity}_{number}.png"
            Image.fromarray((colour + generator.integers(0, 50, (*SIZE, 3))).astype(np.uint8)).save(path)
            samples.append(Sample(path, identity, number))
    return ReidData("colours", tuple(samples), (), (), folder)


@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in MODELS])
def trained(request: pytest.FixtureRequest, data: ReidData) -> ReidTraining:
    """After two steps, of which each moves every weight that learns."""
    recipe = ReidRecipe().override(
        **MODELS[request.param],
        weights="none",
        image_size=SIZE,
        ids_per_batch=3,
        images_per_id=2,
        num_workers=0,
        attention="rga-sc",
        after=("conv3",) if MODELS[request.param]["backbone"].startswith("osnet") else ("layer3",),
    )
    task = ReidTraining(recipe, data)
    task.begin_epoch(recipe.optimization.epochs)  # of RPP the last stage
    before = {name: parameter.detach().clone() for name, parameter in task.model.named_parameters() if parameter.requires_grad}
    optimizer = torch.optim.Adam(task.model.parameters(), lr=1e-3)
    batch = next(task.batches(0))
    for _ in range(2):
        loss = sum(task.losses(batch, CPU).values(), torch.zeros(()))
        assert loss.isfinite()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    same = {name for name, parameter in task.model.named_parameters() if name in before and torch.equal(before[name], parameter)}
    assert not same  # MGN's branches, RPP's classifier of parts, the exponent of GeM and the instance normalisations learn, too
    task.model.eval()
    return task


def pixels(count: int = 3) -> list[Image.Image]:
    """Images of several sizes."""
    generator = np.random.default_rng(1)
    return [Image.fromarray(generator.integers(0, 256, (50 + 9 * n, 30 + n, 3), dtype=np.uint8)) for n in range(count)]


def features(model: Any) -> Any:
    return {name: model.embed(pixels(), feature=name) for name in ("pooled", "neck")}


def assert_same(found: Mapping[str, Any], expected: Mapping[str, Any], tolerance: float) -> None:
    for name, values in expected.items():
        assert np.abs(values).max() > 0
        np.testing.assert_allclose(found[name], values, atol=tolerance * np.abs(values).max(), rtol=0)


def test_a_saved_model_is_the_model(trained: ReidTraining, tmp_path: Path) -> None:
    save_model(trained.model, tmp_path / "model", {})
    loaded = rga.load(tmp_path / "model")
    assert_same(features(loaded), features(trained.model), 1e-6)
    if trained.recipe.model.pooling == "gem":
        assert loaded.pooling.p.item() != 3.0
        assert loaded.pooling.p.item() == trained.model.pooling.p.item()  # type: ignore[union-attr, operator]


@pytest.mark.slow
def test_a_file_of_onnx_is_the_model(trained: ReidTraining, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    exported = export(trained.model, tmp_path / "model.onnx")
    assert exported.agreement.relative < 1e-4
    assert_same(features(rga.load(exported.path)), features(trained.model), 1e-4)
    import onnx  # noqa: PLC0415  an optional dependency

    assert {node.domain for node in onnx.load(exported.path).graph.node} <= {"", "ai.onnx"}


@pytest.mark.slow
def test_what_it_costs_is_counted(trained: ReidTraining) -> None:
    found = rga.cost(trained.model, (1, 3, *SIZE))
    assert found.parameters == sum(parameter.numel() for parameter in trained.model.parameters())
    assert found.macs > rga.cost(trained.model.backbone, (1, 3, *SIZE)).macs * (1 if trained.model.head is not None else 0.99)


@pytest.mark.slow
def test_its_gates_and_what_it_looked_at_are_there(trained: ReidTraining) -> None:
    pytest.importorskip("captum")
    branches = 3 if trained.recipe.model.head == "mgn" else 1
    image, other = pixels(2)
    assert len(read_gates(trained.model, image)) == 2 * branches
    for target in (ClassScore(), ClassScore("2"), Similarity(other)):
        cam = grad_cam(trained.model, image, target)
        assert cam.shape == SIZE
        assert np.isfinite(cam).all()
        assert np.abs(cam).max() > 0


@pytest.mark.slow
def test_optimised_it_keeps_its_instance_normalisations(trained: ReidTraining) -> None:
    def instance_norms(model: nn.Module) -> int:
        return sum(isinstance(module, nn.InstanceNorm2d) for module in model.modules())

    fast = rga.optimise(trained.model)
    assert_same(features(fast), features(trained.model), 1e-5)
    assert instance_norms(fast) == instance_norms(trained.model)
    optimisation = optimisation_of(fast)
    assert optimisation is not None
    assert optimisation.folded > len(optimisation.left)
    assert all(name == "model.neck" or name.endswith(".BN") for name in optimisation.left)


def test_in_half_precision(trained: ReidTraining) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.inference_mode():
        found = trained.model(torch.rand(2, 3, *SIZE))[0]
    assert found.dtype == torch.bfloat16
    assert found.isfinite().all()


def test_a_model_that_was_saved_before_there_were_poolings_takes_the_mean() -> None:
    model = ReidModel("test_resnet", image_size=SIZE, attention="none").eval()
    assert model.pooling is None
    assert not [key for key in model.state_dict() if "pool" in key]
    images = torch.rand(2, 3, *SIZE)
    torch.testing.assert_close(model(images)[0], model.backbone.forward_features(images).mean((2, 3)))  # type: ignore[operator]


def test_pooling_comes_before_the_neck() -> None:
    model = ReidModel("test_resnet", image_size=SIZE, attention="none", pooling="gem").eval()
    assert isinstance(model.pooling, GeneralizedMean)
    images = torch.rand(2, 3, *SIZE)
    expected = model.pooling(model.backbone.forward_features(images)).flatten(1)  # type: ignore[operator]
    torch.testing.assert_close(model(images)[0], expected)
    torch.testing.assert_close(model(images)[1], model.neck(expected))


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(InputError, match=r"pooling is one of average, gem, average\+max, got 'mean'"):
        ReidModel("test_resnet", image_size=SIZE, attention="none", pooling="mean")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="its head is hpm, and theirs is the global one"):
        network_of(ReidModel("resnet18", image_size=(128, 64), head="hpm"))
    with pytest.raises(InputError, match="it has non-local blocks"):
        network_of(ReidModel("resnet18", image_size=SIZE, non_local=True))
    with pytest.raises(InputError, match="its last map is pooled by gem, and not by the mean"):
        network_of(ReidModel("resnet18", image_size=SIZE, pooling="gem"))
