"""Heads of parts: the same numbers as by loops, gradients to every part, what they refuse, and whole models with them."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import rga
from reid.heads.naive import NAIVE
from rga.attachment import attached
from rga.attachment.costs import cost
from rga.errors import InputError
from rga.reid.classifier import CosineClassifier
from rga.reid.heads.catalog import HEADS, HeadName, head_of
from rga.reid.heads.outputs import Learnt
from rga.reid.heads.part_head import PartHead
from rga.reid.heads.rpp import RPP
from rga.reid.model import ReidModel
from rga.storage.saved_model import save_model

OF_PARTS = [name for name, head in HEADS.items() if head is not None]
ROWS: dict[str, int] = {"pcb": 12, "rpp": 12, "mgn": 6, "hpm": 8}
PARTS: dict[str, tuple[int, ...]] = {"pcb": (4,), "rpp": (4,), "mgn": (2, 3), "hpm": (1, 2, 4)}
"""For maps of four rows."""
SIZE = (64, 32)


def built(name: HeadName, classes: int = 3) -> tuple[PartHead, list[Tensor]]:
    """A head with weights and statistics that are not those of the start, and maps for it."""
    kind, parts = head_of(name, None)
    assert kind is not None
    torch.manual_seed(0)
    head = kind(5, (ROWS[name], 3), parts, classes)
    for key, value in head.state_dict().items():
        if value.is_floating_point():
            value.uniform_(0.5, 1.5) if key.endswith("var") else value.normal_()
    if isinstance(head, RPP):
        head.refined.fill_(1)
    return head, [torch.randn(2, 5, ROWS[name], 3) for _ in range(1 + kind.branches(parts))]


@pytest.mark.parametrize("name", OF_PARTS)
def test_a_head_is_what_its_paper_says(name: HeadName) -> None:
    head, maps = built(name)
    pooled, neck, compared, logits = NAIVE[name](head, maps)
    found = head.eval()(maps)
    assert found.learnt is None
    torch.testing.assert_close(found.pooled, pooled)
    torch.testing.assert_close(found.neck, neck, rtol=1e-4, atol=1e-5)
    assert {"pooled": pooled.shape[1], "neck": neck.shape[1]} == head.widths
    torch.testing.assert_close(head.scores(maps), torch.stack(list(logits.values())).mean(0), rtol=1e-4, atol=1e-4)
    for module in head.train().modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    learnt = head(maps).learnt
    assert isinstance(learnt, Learnt)
    torch.testing.assert_close(learnt.features, compared, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(learnt.logits, logits, rtol=1e-4, atol=1e-4)
    assert {key: value.shape[1] for key, value in learnt.features.items()} == head.compared


@pytest.mark.parametrize("name", OF_PARTS)
def test_gradients_reach_every_weight_and_every_map(name: HeadName) -> None:
    head, maps = built(name)
    learnt = head.train()([found.requires_grad_() for found in maps]).learnt
    for logits in learnt.logits.values():
        head.zero_grad()
        logits.square().sum().backward(retain_graph=True)
        reached = [key for key, weight in head.classifiers.named_parameters() if weight.grad is not None and bool(weight.grad.any())]
        assert len(reached) == 1
    head.zero_grad()
    total = sum((value.square().sum() for group in learnt for value in group.values()), torch.zeros(()))
    total.backward()
    assert all(found.grad is not None and found.grad.any() for found in maps)
    assert [key for key, weight in head.named_parameters() if weight.grad is None or not weight.grad.any()] == []


def test_parts_that_do_not_divide_the_rows_share_some() -> None:
    kind, _ = head_of("pcb", None)
    assert kind is not None
    maps = torch.randn(2, 5, 8, 3)
    found = kind(5, (8, 3), (6,), 0).eval().pool([maps])
    pooled = nn.functional.adaptive_avg_pool2d(maps, (6, 1))[..., 0]
    torch.testing.assert_close(torch.stack(list(found.values()), 2), pooled)
    refining = RPP(5, (8, 3), (6,), 0).eval()
    torch.testing.assert_close(torch.stack(list(refining.pool([maps]).values()), 2), pooled)


def test_without_classifiers_and_with_those_of_cosines() -> None:
    kind, parts = head_of("mgn", None)
    assert kind is not None
    maps = [torch.rand(2, 5, 6, 3) for _ in range(3)]
    assert kind(5, (6, 3), parts, 0).train()(maps).learnt is None
    cosines = kind(5, (6, 3), parts, 4, "cosine")
    assert {type(each) for each in cosines.classifiers.values()} == {CosineClassifier}
    assert all(logits.abs().max() <= 1 for logits in cosines.train()(maps).learnt.logits.values())
    assert len(cosines(maps).learnt.logits) == 8


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(InputError, match="head is one of global, pcb, rpp, mgn, hpm, got 'pcbs'"):
        head_of("pcbs", None)
    with pytest.raises(InputError, match=r"parts belong to heads of parts .pcb, rpp, mgn, hpm., and head is global"):
        head_of("global", (2,))
    for wrong in ((2, 2), (0,), (True,), (1.5,)):
        with pytest.raises(InputError, match="parts are different whole numbers from 1 on"):
            head_of("hpm", wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="the parts of heads pcb and rpp are one number, got 2 3"):
        model(head="pcb", parts=(2, 3))
    with pytest.raises(InputError, match="a map of 4 rows cannot be cut into 6 parts: choose parts from 1 to 4, larger images"):
        model(head="pcb")
    with pytest.raises(InputError, match="head hpm pools its parts itself: leave pooling gem out"):
        model(head="hpm", parts=(2,), pooling="gem")
    with pytest.raises(InputError, match="branches share the first stages of a ResNet, and the backbone is a EfficientNet"):
        model(head="mgn", backbone="test_efficientnet")
    with pytest.raises(InputError, match="a VisionTransformer does not return: choose head global"):
        model(head="pcb", backbone="test_vit", attention="none", image_size=(160, 160), last_stride=2)


def model(**options: Any) -> ReidModel:
    return ReidModel(**{"backbone": "test_resnet", "attention": "none", "classes": 5, "image_size": SIZE, **options}).eval()


@pytest.mark.parametrize("name", OF_PARTS)
def test_a_model_is_its_backbone_and_its_head_also_when_it_was_saved(name: HeadName, tmp_path: Path) -> None:
    own = model(head=name, parts=PARTS[name])
    images = torch.rand(2, 3, *SIZE)
    found = own(images)
    assert own.head is not None
    assert len(own.maps(images)) == (3 if name == "mgn" else 1)
    torch.testing.assert_close(own.head(own.maps(images)), found)
    assert [found.pooled.shape[1], found.neck.shape[1]] == [own.width("pooled"), own.width("neck")]
    assert own.embed([]).shape == (0, own.width("neck"))
    assert own.embed([torch.zeros(3, *SIZE)], feature="pooled").shape == (1, own.width("pooled"))
    save_model(own, tmp_path / "model", {})
    loaded = rga.load(tmp_path / "model").eval()
    torch.testing.assert_close(loaded(images), found)
    assert json.loads((tmp_path / "model" / "config.json").read_text())["head"] == name


def test_attention_is_in_every_branch_and_none_has_the_weights_of_another() -> None:
    own = model(head="mgn", attention="rga-c", attention_after=["layer2", "layer3", "layer4"])
    found = attached(own.backbone)
    behind = ("layer3", "layer4")
    assert list(found) == ["layer2", *behind, *(f"branches.{branch}.{stage}" for branch in (0, 1) for stage in behind)]
    own.train()(torch.rand(2, 3, *SIZE)).learnt.logits["2_of_3"].square().sum().backward()
    grads = {name: any(p.grad is not None and bool(p.grad.any()) for p in each.parameters()) for name, each in found.items()}
    assert [name for name, has in grads.items() if has] == ["layer2", "branches.1.layer3", "branches.1.layer4"]


@pytest.mark.parametrize("stride", [1, 2])
def test_the_last_stride_of_mgn_is_that_of_its_global_branch_alone(stride: int) -> None:
    own = model(head="mgn", last_stride=stride)
    assert [tuple(found.shape[2:]) for found in own.maps(torch.rand(2, 3, *SIZE))] == [(4 // stride, 2 // stride), (4, 2), (4, 2)]


REDUCTIONS: dict[str, tuple[int, int, int]] = {"pcb": (1, 6, 0), "rpp": (1, 6, 6), "hpm": (15, 15, 0)}
"""Of a head: its reductions, the vectors that are reduced, and the parts that it classifies."""


@pytest.mark.parametrize(("backbone", "channels"), [("test_resnet", 96), pytest.param("resnet50", 2048, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_costs_are_those_of_backbone_and_reductions(name: HeadName, backbone: str, channels: int) -> None:
    """Counted by hand, on a map of 24 x 8: a product for each position and part to classify, and a weighted sum over it."""
    shape = (1, 3, 384, 128)
    plain = cost(ReidModel(backbone, image_size=shape[2:], attention="none"), shape)
    kernels, vectors, parts = REDUCTIONS[name]
    found = cost(ReidModel(backbone, image_size=shape[2:], attention="none", head=name), shape)
    of_neck = 2 * channels
    assert found.parameters == plain.parameters - of_neck + kernels * (channels * 256 + 2 * 256) + parts * channels
    assert found.macs == plain.macs + vectors * channels * 256 + 2 * parts * channels * 24 * 8


@pytest.mark.slow
def test_costs_of_mgn_are_those_of_three_branches() -> None:
    """Of ResNet-50: what comes behind the first block of the third stage twice more, at the full last map; and eight reductions."""
    shape = (1, 3, 384, 128)
    own = ReidModel("resnet50", image_size=shape[2:], attention="none", head="mgn")
    backbone = ReidModel("resnet50", image_size=shape[2:], attention="none")
    middle = nn.Sequential(*list(backbone.backbone.get_submodule("layer3").children())[1:], backbone.backbone.get_submodule("layer4"))
    tail = sum(p.numel() for p in middle.parameters())
    whole = sum(p.numel() for p in backbone.backbone.parameters())
    found = cost(own, shape)
    assert found.parameters == whole + 2 * tail + 8 * (2048 * 256 + 2 * 256)
    assert found.macs == cost(backbone, shape).macs + 2 * cost(middle, (1, 1024, 24, 8)).macs + 8 * 2048 * 256
