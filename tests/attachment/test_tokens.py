"""Attention on networks of tokens, and of maps with channels last: it computes what it would on the map, and all else passes by."""

import copy
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn
from torchvision.models import swin_t, vit_b_16

import rga
from rga.attachment import NoStagesError, attached, find_stages
from rga.backbones.catalog import create_backbone
from rga.backbones.weights import pretrained
from rga.datasets.spec import DataSpec
from rga.errors import InputError
from rga.reid.recipes import tiny
from rga.synthetic.people.people import PeopleOptions, make_people

SMALL = {"img_size": (64, 32), "num_classes": 0}


def vit(**options: Any) -> nn.Module:
    """ViT-S/16 with four blocks, for images of 64x32: tokens of 4x2 patches after one of the class."""
    torch.manual_seed(0)
    model: nn.Module = timm.create_model("vit_small_patch16_224", depth=4, embed_dim=48, num_heads=3, **{**SMALL, **options})
    return model.eval()


def swin(**options: Any) -> nn.Module:
    """Swin-T with fewer channels, for images of 64x32: maps of 16x8 to 2x1 with channels last."""
    torch.manual_seed(0)
    model: nn.Module = timm.create_model("swin_tiny_patch4_window7_224", embed_dim=24, depths=(1, 1, 1, 1), **{**SMALL, **options})
    return model.eval()


def unlike_at_first(model: nn.Module) -> None:
    """Gives the attentions of a model weights with which all of them works."""
    torch.manual_seed(1)
    for attention in attached(model).values():
        for parameter in attention.parameters():
            nn.init.normal_(parameter, std=0.3)


def by_hand(model: nn.Module, x: Tensor) -> Tensor:
    """The features of ``vit`` or ``swin``, with the attentions called in a loop over tokens or maps."""
    attention: dict[str, Any] = attached(model)
    parts: Any = rga.detach(copy.deepcopy(model))
    if hasattr(parts, "blocks"):
        tokens = parts._pos_embed(parts.patch_embed(x))
        for number, block in enumerate(parts.blocks):
            tokens = block(tokens)
            if f"blocks.{number}" in attention:
                count = parts.num_prefix_tokens
                image = torch.stack([tokens[:, count + 2 * row : count + 2 * row + 2] for row in range(4)], dim=1)  # (B, 4, 2, C)
                image = attention[f"blocks.{number}"](image.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
                tokens = torch.cat([tokens[:, :count], *(image[:, row] for row in range(4))], dim=1)
        return parts.forward_head(parts.norm(tokens))  # type: ignore[no-any-return]
    image = parts.patch_embed(x)
    for number, layer in enumerate(parts.layers):
        image = attention[f"layers.{number}"](layer(image).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    return parts.forward_head(parts.norm(image))  # type: ignore[no-any-return]


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("fit", ["exact", "spectral"])
@pytest.mark.parametrize(
    "build",
    [vit, lambda: vit(reg_tokens=3), lambda: vit(class_token=False, global_pool="avg"), swin],
    ids=["vit", "registers", "none", "swin"],
)
def test_outputs_and_gradients_are_those_of_a_loop_over_the_map(build: Callable[[], nn.Module], fit: str, training: bool) -> None:
    model = rga.attach(build(), "rga-sc", image_size=(64, 32), fit=fit).double()
    unlike_at_first(model)
    plain = rga.detach(copy.deepcopy(model))
    for attention in attached(model).values():
        attention.train(training)
    x = torch.randn(3, 3, 64, 32, dtype=torch.float64)
    before = copy.deepcopy(model.state_dict())

    def passed(run: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor, list[Tensor]]:
        model.load_state_dict(before)
        image = x.clone().requires_grad_()
        out = run(image)
        weights = [parameter for attention in attached(model).values() for parameter in attention.parameters() if parameter.requires_grad]
        first, *rest = torch.autograd.grad((out * torch.linspace(-1, 1, out.numel()).view_as(out)).sum(), [image, *weights])
        return out.detach(), first, rest

    for ours, theirs in zip(passed(model), passed(lambda image: by_hand(model, image)), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
    assert not torch.allclose(model(x), plain(x))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options", "size", "where", "grid"),
    [
        ("deit_tiny_distilled_patch16_224", {}, (224, 224), ["blocks.2", "blocks.5", "blocks.8", "blocks.11"], (14, 14)),
        ("vit_small_patch14_reg4_dinov2", {"img_size": 112}, (112, 112), ["blocks.2", "blocks.5", "blocks.8", "blocks.11"], (8, 8)),
        ("eva02_tiny_patch14_224", {}, (224, 224), ["blocks.2", "blocks.5", "blocks.8", "blocks.11"], (16, 16)),
        pytest.param(
            "beit_base_patch16_224", {"depth": 3}, (224, 224), ["blocks.0", "blocks.1", "blocks.2"], (14, 14), marks=pytest.mark.slow
        ),
        ("cait_xxs24_224", {"depth": 4}, (224, 224), ["blocks.0", "blocks.1", "blocks.2", "blocks.3"], (14, 14)),
        ("xcit_nano_12_p16_224", {"depth": 2}, (224, 224), ["blocks.0", "blocks.1"], (14, 14)),
        ("vit_relpos_small_patch16_224", {"depth": 2}, (224, 224), ["blocks.0", "blocks.1"], (14, 14)),
        ("mixer_s32_224", {}, (224, 224), ["blocks.1", "blocks.3", "blocks.5", "blocks.7"], (7, 7)),
        pytest.param("vit_base_r50_s16_224", {"depth": 2}, (224, 224), ["blocks.0", "blocks.1"], (14, 14), marks=pytest.mark.slow),
        ("mambaout_femto", {}, (128, 64), ["stages.0", "stages.1", "stages.2", "stages.3"], (32, 16)),
        ("swin_tiny_patch4_window7_224", {"img_size": (128, 64)}, (128, 64), [f"layers.{i}" for i in range(4)], (32, 16)),
        ("swinv2_cr_tiny_ns_224", {"img_size": (128, 128)}, (128, 128), [f"stages.{i}" for i in range(4)], (32, 32)),
        pytest.param("maxvit_rmlp_pico_rw_256", {}, (256, 256), [f"stages.{i}" for i in range(4)], (64, 64), marks=pytest.mark.slow),
    ],
)
def test_networks_of_timm(name: str, options: dict[str, Any], size: tuple[int, int], where: list[str], grid: tuple[int, int]) -> None:
    model = timm.create_model(name, num_classes=0, **options).eval()
    x = torch.randn(2, 3, *size)
    plain, keys = model(x), list(model.state_dict())
    rga.attach(model, "rga-sc", image_size=size, reduction=16)
    assert list(attached(model)) == where
    assert next(iter(attached(model).values())).get_submodule("spatial").grid == grid
    calls = []
    for attention in attached(model).values():
        attention.register_forward_hook(lambda _attention, given, out: calls.append((given[0].dim(), given[0].shape == out.shape)))
    changed = model(x)
    assert calls == [(4, True)] * len(where)
    assert changed.shape == plain.shape
    assert not torch.equal(changed, plain)
    assert set(model.state_dict()) - set(keys) == {key for key in model.state_dict() if ".attention." in key and key not in keys}
    rga.detach(model)
    assert list(model.state_dict()) == keys
    assert torch.equal(model(x), plain)
    assert not any("Attended" in type(module).__name__ or "PatchGrid" in type(module).__name__ for module in model.modules())


@pytest.mark.parametrize(("build", "first"), [(swin_t, "features.1"), (vit_b_16, "encoder.layers.encoder_layer_2")])
def test_networks_of_torchvision(build: Callable[[], nn.Module], first: str) -> None:
    model = build().eval()
    rga.attach(model, "se", image_size=(224, 224))
    assert next(iter(attached(model))) == first
    assert len(attached(model)) == 4
    assert model(torch.randn(1, 3, 224, 224)).shape == (1, 1000)


def test_tokens_before_the_patches_pass_by_untouched() -> None:
    model = vit(reg_tokens=2)
    x = torch.randn(2, 3, 64, 32)
    seen: list[Tensor] = []
    model.get_submodule("blocks.0").register_forward_hook(lambda _block, _given, out: seen.append(out))
    model(x)
    rga.attach(model, "rga-s", image_size=(64, 32), after=["blocks.0"], initial_gate=None)
    model(x)
    assert torch.equal(seen[0][:, :3], seen[-1][:, :3])
    assert not torch.allclose(seen[0][:, 3:], seen[-1][:, 3:])


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda: timm.create_model("hiera_tiny_224"), "tokens that are no map row by row, or several tensors"),
        (lambda: timm.create_model("pit_ti_224"), "tokens that are no map row by row, or several tensors"),
        (lambda: timm.create_model("mvitv2_tiny"), "several tensors"),
    ],
    ids=["shuffled", "pairs", "tuples"],
)
def test_tokens_that_are_no_map_are_refused(build: Callable[[], nn.Module], reason: str) -> None:
    with pytest.raises(NoStagesError, match=reason):
        rga.attach(build(), "rga-sc", image_size=(224, 224))


def test_tokens_that_are_missing_are_an_error_and_no_other_map() -> None:
    model = rga.attach(vit(patch_drop_rate=0.5), "rga-sc", image_size=(64, 32)).train()
    with pytest.raises(InputError, match="4 tokens of patches are no map of 4x2: attention needs all of them"):
        model(torch.randn(2, 3, 64, 32))
    assert model.eval()(torch.randn(2, 3, 64, 32)).shape == (2, 48)


# ---- other sizes


def test_spectral_attention_follows_dynamic_image_sizes_and_knows_high_from_wide() -> None:
    model = rga.attach(vit(dynamic_img_size=True), "rga-sc", image_size=(64, 32), fit="spectral")
    grids: list[tuple[int, ...]] = []
    attached(model)["blocks.1"].register_forward_hook(lambda _attention, given, _out: grids.append(tuple(given[0].shape[2:])))
    for size in ((64, 32), (32, 64), (96, 48), (128, 16)):
        model(torch.randn(1, 3, *size))
    assert grids == [(4, 2), (2, 4), (6, 3), (8, 1)]


def test_exact_attention_refuses_other_sizes_until_it_is_moved() -> None:
    model = rga.attach(vit(dynamic_img_size=True), "rga-sc", image_size=(64, 32))
    with pytest.raises(InputError, match="4x2"):
        model(torch.randn(1, 3, 32, 64))
    rga.resample(model, image_size=(32, 64))
    assert model(torch.randn(1, 3, 32, 64)).shape == (1, 48)
    assert attached(model)["blocks.0"].get_submodule("spatial").grid == (2, 4)


def test_the_grid_is_known_without_the_convolution_that_noted_it() -> None:
    """Which conversions replace: then the images have the size that the network was built for."""
    model: Any = rga.attach(vit(), "rga-sc", image_size=(64, 32))
    x = torch.randn(1, 3, 64, 32)
    expected = model(x)
    plain = nn.Conv2d(3, 48, 16, 16)
    plain.load_state_dict(model.patch_embed.proj.state_dict())
    model.patch_embed.proj = plain
    copied = copy.deepcopy(model)
    for attention in attached(copied).values():
        attention.attached_layout.patches.seen.clear()  # type: ignore[union-attr, operator]
    assert torch.equal(copied(x), expected)


# ---- what users do with networks


@pytest.mark.parametrize("build", [vit, swin], ids=["vit", "swin"])
@pytest.mark.parametrize("name", ["rga-sc", "rga-parallel", "se", "cbam-cs", "non-local", "fc-s", "timm:eca"])
def test_every_kind_of_attention(build: Callable[[], nn.Module], name: str) -> None:
    model = rga.attach(build(), name, image_size=(64, 32))
    assert model(torch.randn(2, 3, 64, 32)).isfinite().all()


@pytest.mark.parametrize("build", [vit, swin], ids=["vit", "swin"])
def test_copies_and_files_give_the_same_and_know_their_own_grid(build: Callable[[], nn.Module], tmp_path: Path) -> None:
    model = rga.attach(build(), "rga-sc", image_size=(64, 32))
    unlike_at_first(model)
    x = torch.randn(2, 3, 64, 32)
    expected = model(x)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(x), expected)
        old, new = (next(iter(attached(each).values())).attached_layout.patches for each in (model, other))  # type: ignore[union-attr]
        if old is not None:
            assert new is other.get_submodule("patch_embed.proj.patch_grid")
            assert new is not old
    again = rga.attach(build(), "rga-sc", image_size=(64, 32))
    again.load_state_dict(model.state_dict())
    assert torch.equal(again(x), expected)


@pytest.mark.parametrize("build", [vit, swin], ids=["vit", "swin"])
def test_checkpointing_gives_the_same_gradients(build: Callable[[], nn.Module]) -> None:
    model: Any = rga.attach(build(), "rga-sc", image_size=(64, 32)).train()
    unlike_at_first(model)
    x = torch.randn(2, 3, 64, 32)
    before = copy.deepcopy(model.state_dict())

    def gradients() -> list[Tensor]:
        model.load_state_dict(before)
        model.zero_grad()
        torch.manual_seed(0)
        model(x).square().sum().backward()
        return [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]

    plain = gradients()
    model.set_grad_checkpointing(True)
    for ours, theirs in zip(gradients(), plain, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize("build", [vit, pytest.param(swin, marks=pytest.mark.slow)], ids=["vit", "swin"])
def test_export(build: Callable[[], nn.Module]) -> None:
    model = rga.attach(build(), "rga-sc", image_size=(64, 32))
    unlike_at_first(model)
    x = torch.randn(2, 3, 64, 32)
    exported = torch.export.export(model, (x,)).module()
    torch.testing.assert_close(exported(x), model(x))


@pytest.mark.slow
@pytest.mark.parametrize("build", [vit, swin], ids=["vit", "swin"])
def test_compile(build: Callable[[], nn.Module]) -> None:
    model = rga.attach(build(), "rga-sc", image_size=(64, 32))
    unlike_at_first(model)
    x = torch.randn(2, 3, 64, 32)
    expected = model(x)
    torch.testing.assert_close(torch.compile(model)(x), expected, rtol=1e-4, atol=1e-5)
    torch.compiler.reset()


def test_the_recorder_sees_the_gates_on_the_grid_and_the_cost_counts_them() -> None:
    model = rga.attach(vit(), "rga-sc", image_size=(64, 32))
    with rga.record(model) as recorded:
        model(torch.randn(2, 3, 64, 32))
    shapes = {name: tuple(each.gate.shape) for name, each in recorded.items()}
    assert shapes["blocks.0.attention.spatial"] == (2, 1, 4, 2)
    assert shapes["blocks.3.attention.channel"] == (2, 48, 1, 1)
    assert len(shapes) == 8
    assert rga.cost(model, (1, 3, 64, 32)).macs > rga.cost(vit(), (1, 3, 64, 32)).macs


def test_stages_say_their_layout() -> None:
    assert {stage.layout.kind for stage in find_stages(vit(), (64, 32))} == {"tokens"}
    assert {stage.layout.kind for stage in find_stages(swin(), (64, 32))} == {"channels last"}
    assert {stage.layout.kind for stage in find_stages(timm.create_model("resnet18"), (64, 32))} == {"maps"}


# ---- recipes


def test_a_backbone_is_built_for_the_size_of_the_images() -> None:
    assert create_backbone("vit_tiny_patch16_224", image_size=(128, 64))(torch.randn(1, 3, 128, 64)).shape == (1, 192)
    assert create_backbone("vit_tiny_patch16_224", image_size=(128, 64), img_size=(32, 32))(torch.randn(1, 3, 32, 32)).shape == (1, 192)
    assert create_backbone("resnet18", image_size=(128, 64))(torch.randn(1, 3, 64, 64)).shape == (1, 512)


def test_pretrained_positions_are_interpolated_to_the_size_of_the_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "vit.pth"
    torch.save(timm.create_model("vit_tiny_patch16_224").state_dict(), file)
    monkeypatch.setattr(pretrained, "cached_weights", lambda _weights: file)
    backbone: Any = create_backbone("vit_tiny_patch16_224", image_size=(128, 64))
    before = backbone.pos_embed.clone()
    said = pretrained.load_backbone_weights(backbone, "vit_tiny_patch16_224", "pretrained")
    assert "from the cache" in said
    assert backbone.pos_embed.shape == before.shape
    assert not torch.equal(backbone.pos_embed, before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backbone", "options"),
    [
        ("vit_small_patch16_224", {"depth": 2, "embed_dim": 48, "num_heads": 3}),
        ("swin_tiny_patch4_window7_224", {"embed_dim": 24, "depths": (1, 1, 1, 1)}),
    ],
)
def test_an_epoch_of_re_identification(tmp_path: Path, backbone: str, options: dict[str, Any]) -> None:
    few = PeopleOptions(identities=8, images_per_camera=2, distractors=0, junk=0, height=64, width=32)
    people = DataSpec("market1501", make_people(tmp_path / "people", few))
    fields = {"image_size": (64, 32), "epochs": 1, "ids_per_batch": 2, "passes_per_epoch": 1, "device": "cpu", "last_stride": 2}
    recipe = tiny().override(data=people, backbone=backbone, backbone_options=options, **fields)
    outcome = rga.train(recipe, output=tmp_path / "run")
    assert 0 <= outcome.metrics["mAP_pooled"] <= 1
    model = rga.load(tmp_path / "run")
    assert len(attached(model)) == (2 if "vit" in backbone else 4)
    assert model.embed(next((tmp_path / "people" / "query").iterdir())).shape[0] == 1


def test_a_detach_that_fails_leaves_tokens_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    model = rga.attach(timm.create_model("test_vit", num_classes=3, img_size=64), "rga-s", image_size=(64, 64)).eval()
    x = torch.rand(1, 3, 64, 64)
    expected = model(x)

    def fail(_model: nn.Module) -> None:
        raise InputError("no")

    monkeypatch.setattr(sys.modules["rga.attachment.attach"], "stop_noting", fail)
    with pytest.raises(InputError, match="no"):
        rga.detach(model)
    torch.testing.assert_close(model(x), expected, rtol=0, atol=0)


def replica(model: nn.Module) -> nn.Module:
    """A copy as ``nn.DataParallel`` makes them in each pass, on the same device."""
    modules = list(model.modules())
    copies: dict[nn.Module, nn.Module] = {module: module._replicate_for_data_parallel() for module in modules}
    for module, other in copies.items():
        for name, child in module.named_children():
            setattr(other, name, copies[child])
        other._parameters.update(module._parameters)
        other._buffers.update(module._buffers)
    return copies[model]


def test_a_replica_sees_the_grid_of_its_own_pass() -> None:
    torch.manual_seed(0)
    network = timm.create_model("test_vit", num_classes=3, img_size=64, dynamic_img_size=True)
    model = rga.attach(network, "rga-s", image_size=(64, 64), fit="spectral").eval()
    for attention in attached(model).values():  # gates that tell positions apart
        nn.init.constant_(attention.get_parameter("spatial.gate.w2.norm.weight"), 200.0)
        nn.init.normal_(attention.get_parameter("spatial.gate.varphi.rows.weight"))
    down, across = torch.rand(1, 3, 128, 32), torch.rand(1, 3, 32, 128)
    with torch.no_grad():
        expected = model(across)
        turned = model(down)
        torch.testing.assert_close(replica(model)(across), expected, rtol=0, atol=0)
        torch.testing.assert_close(replica(model)(down), turned, rtol=0, atol=0)
