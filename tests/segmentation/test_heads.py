"""Heads: one contract, and the parts that are ours against naive loops."""

import math
import sys

import pytest
import torch

from rga.errors import MissingPackageError
from rga.segmentation.network.heads import HEADS, ObjectContext, create_head


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("stride", [8, 16])
def test_every_head_turns_a_map_into_scores_and_learns(name: str, stride: int) -> None:
    head = create_head(name, 32, 5, stride)
    x = torch.rand(2, 32, 7, 9, requires_grad=True)
    scores = head(x)
    assert scores.shape == (2, 5, 7, 9)
    scores.square().sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    assert all(p.grad is not None and p.grad.isfinite().all() for p in head.parameters())
    assert head.eval()(torch.rand(1, 32, 12, 4)).shape == (1, 5, 12, 4)


def test_an_unknown_head_answers_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown head 'unet': choose one of fcn, psp, aspp, object-context, dual"):
        create_head("unet", 32, 5)


def test_dilations_follow_the_stride() -> None:
    def dilations(stride: int) -> set[tuple[int, ...]]:
        return {m.dilation for m in create_head("aspp", 32, 5, stride).modules() if isinstance(m, torch.nn.Conv2d)}

    assert dilations(8) == {(1, 1), (12, 12), (24, 24), (36, 36)}
    assert dilations(16) == {(1, 1), (6, 6), (12, 12), (18, 18)}


def test_object_context_is_the_papers_sum() -> None:
    context = ObjectContext(6).eval()
    torch.nn.init.normal_(context.out.weight)
    x = torch.rand(1, 6, 2, 3)
    key, value = context.key(x)[0].flatten(1), context.value(x)[0].flatten(1)
    scaled = context.key[0](x)[0].flatten(1) / math.sqrt(1 + 1e-5)  # a normalisation that has seen nothing
    torch.testing.assert_close(key, torch.where(scaled > 0, scaled, 0.01 * scaled))
    expected = torch.zeros_like(value)
    for i in range(6):
        weights = torch.tensor([math.exp(float((key[:, i] @ key[:, j]).detach()) / math.sqrt(3)) for j in range(6)])
        expected[:, i] = sum(weights[j] / weights.sum() * value[:, j] for j in range(6))
    torch.testing.assert_close(context(x), context.out(expected.unflatten(1, (2, 3))[None]))


@pytest.mark.parametrize("way", ["autocast", "half"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])
def test_object_context_in_half_precision_is_close_to_float32(dtype: torch.dtype, way: str) -> None:
    torch.manual_seed(0)
    context = ObjectContext(64).eval()
    torch.nn.init.normal_(context.out.weight, std=0.1)
    x = (30 * torch.randn(1, 64, 8, 8)).to(dtype)  # affinities of some hundred: rounded ones gather other positions
    expected = context(x.float())
    found = context.to(dtype)(x) if way == "half" else None
    with torch.autocast("cpu", dtype=dtype):
        found = context(x) if found is None else found
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), expected, rtol=torch.finfo(dtype).eps, atol=1e-3)


def test_without_the_package_psp_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("segmentation_models_pytorch")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", None)
    with pytest.raises(MissingPackageError, match=r"needs segmentation-models-pytorch, .*'rga\[segmentation\]'"):
        create_head("psp", 32, 5)


def sizes(name: str, channels: int, stride: int = 8) -> dict[str, tuple[int, ...]]:
    """The kernels of a head's convolutions by their names, with their dilations where there are some."""
    head = create_head(name, channels, 5, stride)
    return {
        where: (*module.weight.shape, *(module.dilation[:1] if module.dilation[0] > 1 else ()))
        for where, module in head.named_modules()
        if isinstance(module, torch.nn.Conv2d)
    }


def test_the_widths_of_heads_are_the_published_ones() -> None:
    assert sizes("fcn", 32) == {"0": (8, 32, 3, 3), "4": (5, 8, 1, 1)}
    context = sizes("object-context", 32)
    assert context == {
        "reduce.0": (8, 32, 3, 3),
        "context.key.0": (4, 8, 1, 1),
        "context.value": (4, 8, 1, 1),
        "context.out": (8, 4, 1, 1),
        "fuse.0.0": (8, 16, 1, 1),
        "classifier": (5, 8, 1, 1),
    }
    dual = sizes("dual", 32)
    assert {name: size for name, size in dual.items() if name.endswith((".0.0", ".2.0")) or "classifier" in name} == {
        **{f"{branch}.{place}.0": (8, 32 if place == 0 else 8, 3, 3) for branch in ("position", "channel") for place in (0, 2)},
        "classifier.1": (5, 8, 1, 1),
    }
    psp = sizes("psp", 32)
    assert psp["classifier"] == (5, 8, 1, 1)
    for stride, dilations in ((8, [12, 24, 36]), (16, [6, 12, 18]), (32, [3, 6, 9])):
        assert [size[4] for size in sizes("aspp", 32, stride).values() if len(size) == 5] == dilations
    for name in ("object-context", "dual"):
        assert sizes(name, 3)  # not a single channel is left to a quarter of three


def test_both_branches_of_the_dual_head_are_added() -> None:
    head = create_head("dual", 8, 3).eval()
    x = torch.rand(1, 8, 4, 5)
    expected = head.classifier(head.position(x) + head.channel(x))  # type: ignore[operator]
    torch.testing.assert_close(head(x), expected)
    for name, rate in (("dual", 0.1), ("object-context", 0.05)):
        head = create_head(name, 8, 3)
        assert {each.p for each in head.modules() if isinstance(each, torch.nn.Dropout | torch.nn.Dropout2d)} == {rate}
