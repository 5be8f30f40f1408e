"""Fields of a recipe that shape the model and its first weights: what each does to the model that is built, in every task."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import timm
import torch
from torch import nn

import rga
from rga.attention.acceleration.gate import FastRelationGate
from rga.attention.grid import GridAttention
from rga.attention.spectral.basis import default_frequencies
from rga.attention.spectral.modules import SpectralSpatialAttention
from rga.backbones.model import BackboneModel
from rga.backbones.pooling import AverageAndMax, GeneralizedMean
from rga.classification.training import build_model as build_classifier
from rga.detection.datasets.categories import Categories
from rga.detection.training import build_model as build_detector
from rga.errors import InputError
from rga.reid.heads.catalog import HEADS as REID_HEADS
from rga.reid.heads.catalog import HeadName
from rga.reid.heads.stripes import names_of
from rga.reid.model import ReidModel
from rga.reid.training import build_model as build_reid
from rga.segmentation.datasets.classes import Classes
from rga.segmentation.model import SegmentationModel
from rga.segmentation.network.heads import HEADS, create_head
from rga.segmentation.training import build_model as build_segmenter
from rga.tasks import TASKS, recipe_type
from rga.training.recipe import Recipe

NAMES = ("road", "sky", "tree")
SIZES = {"reid": (64, 32), "segmentation": (32, 48), "classification": (32, 32), "detection": (32, 64)}
BUILDERS: dict[str, Callable[[Any, Any], BackboneModel]] = {
    "reid": lambda recipe, data: build_reid(recipe, len(NAMES), data),
    "segmentation": build_segmenter,
    "classification": build_classifier,
    "detection": build_detector,
}
TINY: dict[str, dict[str, Any]] = {
    "reid": {"image_size": (64, 32)},
    "segmentation": {"crop_size": (32, 48), "fit": "exact"},
    "classification": {"image_size": 32},
    "detection": {
        "image_size": (32, 64),
        "fit": "exact",
        "frozen_stages": 0,
        "frozen_norms": False,
        "pyramid_channels": 8,
        "head_width": 8,
    },
}


def recipe_of(task: str, **fields: Any) -> Recipe:
    return recipe_type(task)().override(**{"backbone": "test_resnet", "weights": "none", "attention": "none", **TINY[task], **fields})


def built(task: str, **fields: Any) -> BackboneModel:
    of_task = {"segmentation": Classes(NAMES, ((0, 0, 0),) * 3, {0: 0, 1: 1, 2: 2}), "detection": Categories(NAMES, (1, 4, 5))}
    classes = of_task.get(task, NAMES)
    return BUILDERS[task](recipe_of(task, **fields), SimpleNamespace(name="photos", fingerprint="0123", classes=classes, is_video=False))


def weights_of(model: nn.Module) -> dict[str, dict[str, tuple[int, ...]]]:
    """Where attention is, and the shapes of its weights."""
    return {name: {key: tuple(value.shape) for key, value in each.named_parameters()} for name, each in rga.attached(model).items()}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({"attention": "se", "inside_blocks": True}, {"after": "blocks"}),
        ({"attention": "rga-c", "original": False}, {"original": False}),
        ({"attention": "rga-s", "gate_norm": "none"}, {"gate_norm": "none"}),
        ({"attention": "rga-s", "relation": False}, {"relation": False}),  # the embedding and the reductions are of relations
        (
            {"attention": "rga-sc", "after": ("layer2", "layer4"), "reduction": 4, "hidden_reduction": 2, "embedding": "symmetric"},
            {"after": ["layer2", "layer4"], "reduction": 4, "hidden_reduction": 2, "embedding": "symmetric"},
        ),
    ],
    ids=["se", "rga-c", "gate_norm", "rga-s", "rga-sc"],
)
def test_the_attention_is_that_of_the_fields(task: str, fields: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    found = weights_of(built(task, **fields).backbone)
    plain = built(task)
    assert not weights_of(plain.backbone)
    expected = rga.attach(plain.backbone, fields["attention"], image_size=SIZES[task], **options)
    assert found == weights_of(expected)


@pytest.mark.parametrize("task", TASKS)
def test_gates_start_where_the_field_says(task: str) -> None:
    for gate in (0.2, 0.95):
        attention = next(iter(rga.attached(built(task, attention="rga-c", initial_gate=gate).backbone).values())).eval()
        images = torch.rand(2, 32, *(side // 4 for side in SIZES[task])) + 1
        assert (attention(images) / images).mean().item() == pytest.approx(gate, abs=0.02)


@pytest.mark.parametrize("task", TASKS)
def test_the_norm_of_the_gates_has_the_momentum_of_the_field(task: str) -> None:
    for fields, expected in (({}, 0.1), ({"gate_norm_momentum": 0.01}, 0.01)):
        backbone = built(task, attention="rga-sc", **fields).backbone
        momenta = {
            name.endswith("gate.w2.norm"): each.momentum
            for attention in rga.attached(backbone).values()
            for name, each in attention.named_modules()
            if isinstance(each, nn.BatchNorm1d)
        }
        assert momenta == {True: expected, False: 0.1}


@pytest.mark.parametrize("task", TASKS)
def test_gates_have_the_precision_of_the_field(task: str) -> None:
    for fields, expected in (({}, "auto"), ({"gate_precision": "half"}, "half")):
        backbone = built(task, attention="rga-sc", **fields).backbone
        assert {each.gate_precision for each in backbone.modules() if isinstance(each, FastRelationGate)} == {expected}


@pytest.mark.parametrize("task", TASKS)
def test_the_backbone_is_that_of_its_name_and_options(task: str) -> None:
    other = "resnet10t"
    model = built(task, backbone=other, attention="none", backbone_options={"act_layer": "silu"})
    activations = {type(each) for each in model.backbone.modules()} & {nn.ReLU, nn.SiLU}
    assert activations == {nn.SiLU}
    expected = timm.create_model(other, act_layer="silu").state_dict()
    own = {name: value.shape for name, value in model.backbone.state_dict().items() if not name.startswith("fc.")}
    assert own == {name: value.shape for name, value in expected.items() if not name.startswith("fc.")}
    assert nn.ReLU in {type(each) for each in built(task).backbone.modules()}


@pytest.mark.parametrize("task", TASKS)
def test_training_starts_from_the_weights_of_the_file(task: str, tmp_path: Path) -> None:
    torch.manual_seed(99)
    published = timm.create_model("test_resnet").state_dict()
    torch.save(published, tmp_path / "published.pth")
    model = built(task, weights=str(tmp_path / "published.pth"))
    own = model.backbone.state_dict()
    loaded = [name for name in published if not name.startswith("fc.") and not name.endswith("num_batches_tracked")]
    assert all(torch.equal(own[name], published[name]) for name in loaded)
    assert model.trained_on["weights"].startswith("the file published.pth, SHA-256 ")
    drawn = built(task)
    assert not all(torch.equal(drawn.backbone.state_dict()[name], published[name]) for name in loaded)
    assert drawn.trained_on == {
        "name": "photos",
        "fingerprint": "0123",
        "data": str(recipe_of(task).data),
        "weights": "none: random from the start",
    }


@pytest.mark.parametrize("task", TASKS)
def test_images_are_normalised_by_mean_and_std_of_the_fields(task: str) -> None:
    shown = built(task, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6)).preprocessing
    assert (shown.mean, shown.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))


@pytest.mark.parametrize("task", TASKS)
def test_blocks_are_computed_again_where_the_field_says_so(task: str) -> None:
    for again, calls in ((False, 1), (True, 2)):
        model = built(task, activation_checkpointing=again).train()
        seen: list[None] = []
        norm = next(each for name, each in model.backbone.named_modules() if name.endswith("layer3.0.bn1"))
        norm.register_forward_pre_hook(lambda _module, _inputs, seen=seen: seen.append(None))
        network = model.backbone if task == "detection" else model  # which wants targets in training mode
        found = network(torch.rand(2, 3, *SIZES[task]))
        (found if isinstance(found, torch.Tensor) else found[0]).square().mean().backward()
        assert len(seen) == calls


@pytest.mark.parametrize("task", TASKS)
def test_kernels_lie_in_memory_as_the_field_says(task: str) -> None:
    for beside in (False, True):
        kernels = [
            weight for weight in built(task, channels_last=beside).backbone.parameters() if weight.ndim == 4 and min(weight.shape) > 1
        ]
        assert {weight.is_contiguous(memory_format=torch.channels_last) for weight in kernels} == {beside}


def test_fields_of_re_identification() -> None:
    model = built("reid", image_size=(48, 24), feature="pooled")
    assert model.preprocessing.size == (48, 24)
    assert getattr(model, "feature") == "pooled"  # noqa: B009  a field of re-ID alone
    assert getattr(built("reid"), "feature") == "neck"  # noqa: B009
    kinds = {name: type(getattr(built("reid", pooling=name), "pooling")) for name in ("average", "gem", "average+max")}  # noqa: B009
    assert kinds == {"average": type(None), "gem": GeneralizedMean, "average+max": AverageAndMax}
    for stride, grid in ((1, (4, 2)), (2, (2, 1))):
        model = built("reid", last_stride=stride)
        seen: list[tuple[int, ...]] = []
        model.backbone.get_submodule("layer4").register_forward_hook(lambda _module, _inputs, out, seen=seen: seen.append(out.shape[2:]))
        model.eval()(torch.rand(1, 3, 64, 32))
        assert seen == [grid]


@pytest.mark.parametrize(("head", "parts"), [("pcb", (3,)), ("rpp", (2,)), ("mgn", (2,)), ("hpm", (1, 3))])
def test_the_head_of_re_identification_is_that_of_the_fields(head: HeadName, parts: tuple[int, ...]) -> None:
    model = built("reid", head=head, parts=parts, triplet_weight=0.0)
    assert isinstance(model, ReidModel)
    assert model.head is not None
    assert type(model.head) is REID_HEADS[head]
    names = {"mgn": ["whole", "whole_of_2", *names_of(2)]}.get(head, [name for count in parts for name in names_of(count)])
    assert list(model.head.names) == names
    whole = built("reid", head=head, image_size=(128, 64), triplet_weight=0.0)
    assert isinstance(whole, ReidModel)
    assert whole.head is not None
    assert len(whole.head.names) == {"pcb": 6, "rpp": 6, "mgn": 8, "hpm": 15}[head]  # the paper's


def test_non_local_blocks_are_there_if_the_field_says_so() -> None:
    assert list(rga.attached(built("reid", non_local=True).backbone)) == ["layer2.0", "layer3.0"]
    assert not rga.attached(built("reid").backbone)


def test_without_a_cross_entropy_nothing_behind_the_neck_learns() -> None:
    model = built("reid", identity_weight=0.0)
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    assert frozen == {"neck.weight", "neck.bias", "classifier.weight"}
    assert {name for name, parameter in built("reid").named_parameters() if not parameter.requires_grad} == {"neck.bias"}


@pytest.mark.parametrize("head", HEADS)
def test_the_head_of_segmentation_is_that_of_the_field(head: str) -> None:
    model = built("segmentation", head=head)
    expected = create_head(head, 96, 3, 8).state_dict()
    found = {name.removeprefix("head."): value.shape for name, value in model.state_dict().items() if name.startswith("head.")}
    assert found == {name: value.shape for name, value in expected.items()}


@pytest.mark.parametrize("task", TASKS)
def test_grids_are_those_of_the_fields(task: str) -> None:
    def attentions(**fields: Any) -> list[GridAttention]:
        return [each for each in built(task, attention="rga-s", **fields).modules() if isinstance(each, GridAttention)]

    exact = [each.grid for each in attentions(fit="exact")]
    assert exact[0] == (SIZES[task][0] // 4, SIZES[task][1] // 4)
    for limit in (2, 5):
        assert [each.grid for each in attentions(fit="pool", largest_grid=limit)] == [(min(limit, h), min(limit, w)) for h, w in exact]
    assert {each.fit for each in attentions(fit="pool")} == {"pool"}
    for frequencies in (None, (3, 2)):
        spectral = attentions(fit="spectral", frequencies=frequencies)
        assert [each.grid for each in spectral] == exact
        bases = [each.basis.frequencies for each in spectral if isinstance(each, SpectralSpatialAttention)]
        assert bases == [default_frequencies(grid) if frequencies is None else (min(3, grid[0]), min(2, grid[1])) for grid in exact]
    for fields, message in (({"frequencies": (3, 2)}, "fit spectral"), ({"fit": "spectral", "attention": "fc-s"}, "RGA only")):
        with pytest.raises(InputError, match=message):
            recipe_of(task, **{"attention": "rga-s", **fields})


def test_fields_of_segmentation() -> None:
    for stride, grid in ((8, (4, 6)), (16, (2, 3)), (32, (1, 2))):
        model = built("segmentation", output_stride=stride)
        assert model.eval()(torch.rand(1, 3, 32, 48))[0].shape[2:] == grid
    model = built("segmentation", resolution=0.5, crop_size=(40, 56))
    assert (getattr(model, "resolution"), model.preprocessing.size) == (0.5, (40, 56))  # noqa: B009
    assert [
        any(name.startswith("auxiliary_head") for name in built("segmentation", auxiliary_weight=each).state_dict()) for each in (0.0, 0.1)
    ] == [
        False,
        True,
    ]


def test_fields_of_classification() -> None:
    model = built("classification", image_size=24, crop_pct=0.75)
    assert model.preprocessing.size == (24, 24)
    assert getattr(model, "crop_pct") == 0.75  # noqa: B009
    assert model.eval()(torch.rand(1, 3, 24, 24)).shape == (1, 3)


def test_a_largest_grid_has_a_height_and_a_width() -> None:
    classes = Classes(NAMES, ((0, 0, 0),) * 3, {0: 0, 1: 1, 2: 2}).to_dict()
    options: dict[str, Any] = {"attention": "rga-s", "attention_options": {"fit": "pool"}, "image_size": (64, 64)}
    model = SegmentationModel("test_resnet", classes=classes, largest_grid=(2, 4), **options)
    assert {each.grid for each in model.modules() if isinstance(each, GridAttention)} == {(2, 4)}
