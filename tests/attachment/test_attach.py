"""Attention on networks: keys, copies, transformations, and off again."""

import copy
import pickle

import pytest
import timm
import torch
import torchvision
from torch import nn
from torch.nn.utils import prune

import rga
from rga.attention.grid import GridAttention
from rga.errors import InputError

SIZE = (64, 32)
X = torch.rand(2, 3, *SIZE, generator=torch.Generator().manual_seed(5))


def backbone(name: str = "resnet18") -> nn.Module:
    model: nn.Module = timm.create_model(name, num_classes=0)
    return model


@pytest.fixture
def attended() -> nn.Module:
    return rga.attach(backbone(), "rga-sc", image_size=SIZE).eval()


def test_the_same_model_with_its_own_keys_unchanged() -> None:
    model = backbone()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    assert rga.attach(model, "rga-sc", image_size=SIZE) is model
    after = model.state_dict()
    assert all(torch.equal(after.pop(key), value) for key, value in before.items())
    assert {".".join(key.split(".")[:2]) for key in after} == {f"layer{number}.attention" for number in (1, 2, 3, 4)}


def test_every_stage_is_attended_to(attended: nn.Module) -> None:
    plain = rga.detach(copy.deepcopy(attended))
    stages = [plain.get_submodule(f"layer{number}") for number in (1, 2, 3, 4)]
    attentions = [attended.get_submodule(f"layer{number}.attention") for number in (1, 2, 3, 4)]
    x = plain.get_submodule("maxpool")(plain.get_submodule("act1")(plain.get_submodule("bn1")(plain.get_submodule("conv1")(X))))
    for stage, attention in zip(stages, attentions, strict=True):
        x = attention(stage(x))
    torch.testing.assert_close(attended(X), x.mean((2, 3)))


@pytest.mark.parametrize("name", ["se", "dual", "fc-s", "timm:eca", "rga-parallel"])
@pytest.mark.parametrize(
    "backbone_name",
    [
        "efficientnet_lite0",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("convnext_atto", "densenet121", "hrnet_w18_small")),
    ],
)
def test_families_and_attentions(backbone_name: str, name: str) -> None:
    model = rga.attach(backbone(backbone_name), name, image_size=SIZE)
    model(X).sum().backward()
    attentions = rga.attached(model).values()
    assert len(attentions) == 4
    assert all(p.grad is not None for attention in attentions for p in attention.parameters())


def test_chosen_stages_and_options() -> None:
    model = rga.attach(
        torchvision.models.resnet18(weights=None), "rga-s", image_size=SIZE, after=["layer2", "layer3"], reduction=4, initial_gate=0.95
    )
    assert list(rga.attached(model)) == ["layer2", "layer3"]
    assert model(X).shape == (2, 1000)


def test_none_attaches_nothing() -> None:
    model = backbone()
    keys = set(model.state_dict())
    assert set(rga.attach(model, "none", image_size=SIZE).state_dict()) == keys


def test_device_dtype_and_mode_are_the_models() -> None:
    model = backbone().double().eval()
    rga.attach(model, "rga-sc", image_size=SIZE)
    assert {p.dtype for p in model.parameters()} == {torch.float64}
    assert not any(module.training for module in model.modules())


def test_a_gentle_start_leaves_a_trained_network_almost_as_it_was() -> None:
    model = backbone()
    plain = model.eval()(X)
    rga.attach(model, "rga-sc", image_size=SIZE, initial_gate=0.99)
    similarity = torch.cosine_similarity(model.eval()(X), plain)
    assert similarity.min() > 0.99


def test_deepcopy_calls_its_own_attention(attended: nn.Module) -> None:
    expected = attended(X)
    other = copy.deepcopy(attended)
    torch.testing.assert_close(other(X), expected, rtol=0, atol=0)
    with torch.no_grad():
        for parameter in other.get_submodule("layer2.attention").parameters():
            parameter.add_(0.5)
    assert not torch.allclose(other(X), expected)
    torch.testing.assert_close(attended(X), expected, rtol=0, atol=0)


def test_pickle(attended: nn.Module) -> None:
    torch.testing.assert_close(pickle.loads(pickle.dumps(attended))(X), attended(X), rtol=0, atol=0)


@pytest.mark.slow
def test_compiles_in_one_graph(attended: nn.Module) -> None:
    torch.compiler.reset()
    compiled = torch.compile(copy.deepcopy(attended), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(X), attended(X))
    with torch.no_grad():
        for parameter in attended.get_submodule("layer2.attention").parameters():
            parameter.add_(0.5)
    assert not torch.allclose(compiled(X), attended(X))  # so attention is in the graph


@pytest.mark.slow
@pytest.mark.parametrize("first", ["attended", *(pytest.param(name, marks=pytest.mark.slow) for name in ("plain", "detached"))])
def test_a_compiled_graph_of_the_plain_model_is_not_lent_to_the_attended_one(attended: nn.Module, first: str) -> None:
    torch.compiler.reset()
    models = {"attended": attended, "plain": rga.detach(copy.deepcopy(attended)), "detached": rga.detach(copy.deepcopy(attended))}
    for name in (first, "plain", "attended", "detached"):
        with torch.no_grad():
            torch.testing.assert_close(torch.compile(models[name], backend="eager")(X), models[name](X))
    assert not torch.allclose(models["attended"](X), models["plain"](X))


@pytest.mark.slow
def test_a_model_that_was_compiled_in_place_runs_without_attention_once_it_is_detached(attended: nn.Module) -> None:
    torch.compiler.reset()
    plain = rga.detach(copy.deepcopy(attended))
    with torch.no_grad():
        attended.compile(backend="eager")
        before = attended(X)
        torch.testing.assert_close(rga.detach(attended)(X), plain(X))
    assert not torch.allclose(before, plain(X))


def test_the_class_of_a_stage_is_given_back() -> None:
    model = backbone("test_convnext")
    plain = type(model.get_submodule("stages.0"))
    rga.attach(model, "se", image_size=SIZE)
    assert type(model.get_submodule("stages.0")).__name__ == f"Attended{plain.__name__}"
    assert isinstance(model.get_submodule("stages.0"), plain)
    assert type(rga.detach(model).get_submodule("stages.0")) is plain


@pytest.mark.slow
def test_exports_with_a_dynamic_batch(attended: nn.Module) -> None:
    exported = torch.export.export(attended, (X,), dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=64)},))
    x = torch.rand(5, 3, *SIZE)
    torch.testing.assert_close(exported.module()(x), attended(x))


def test_channels_last(attended: nn.Module) -> None:
    expected = attended(X)
    torch.testing.assert_close(attended.to(memory_format=torch.channels_last)(X.to(memory_format=torch.channels_last)), expected)


def test_detach_gives_the_plain_model_back() -> None:
    model = backbone().eval()
    expected = model(X)
    keys = list(model.state_dict())
    for attended in (rga.attach(copy.deepcopy(model), "se", image_size=SIZE), rga.attach(model, "rga-sc", image_size=SIZE)):
        again = pickle.loads(pickle.dumps(attended))
        for other in (attended, again):
            assert rga.detach(other) is other
            assert list(other.state_dict()) == keys
            assert not any(module._forward_hooks for module in other.modules())
            torch.testing.assert_close(other(X), expected, rtol=0, atol=0)


def test_a_plain_sequence_can_be_attended_to() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.Conv2d(8, 16, 3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    plain = model(X)
    rga.attach(model, "rga-sc", image_size=SIZE)
    stages, x = rga.detach(copy.deepcopy(model)), X
    for name in ("0", "1"):
        x = rga.attached(model)[name](stages.get_submodule(name)(x))
    torch.testing.assert_close(model(X), x.mean((2, 3)))
    torch.testing.assert_close(rga.detach(model)(X), plain, rtol=0, atol=0)


def test_handles_of_other_hooks_still_remove_them_after_resampling() -> None:
    model = rga.attach(backbone(), "rga-s", image_size=SIZE).eval()
    calls: list[object] = []
    handle = model.get_submodule("layer1").register_forward_hook(lambda *_: calls.append(1))
    rga.resample(model, image_size=(96, 48))
    calls.clear()  # finding the grids has run the network once
    model(torch.rand(1, 3, 96, 48))
    assert calls == [1]
    handle.remove()
    model(torch.rand(1, 3, 96, 48))
    assert calls == [1]


def test_other_hooks_stay() -> None:
    model = backbone().eval()
    calls: list[object] = []
    model.get_submodule("layer1").register_forward_hook(lambda *_: calls.append(1))
    rga.detach(rga.attach(model, "rga-sc", image_size=SIZE))
    calls.clear()  # finding the stages has run the network once
    model(X)
    assert calls == [1]


def test_resample_moves_every_stage(attended: nn.Module) -> None:
    with pytest.raises(rga.GridMismatchError, match="built for a 16x8 grid"):
        attended(torch.rand(2, 3, 96, 48))
    assert rga.resample(attended, image_size=(96, 48)) is attended
    assert attended(torch.rand(2, 3, 96, 48)).shape == (2, 512)
    assert attended.get_submodule("layer2.attention.spatial").grid == (12, 6)
    with pytest.raises(rga.GridMismatchError, match="built for a 24x12 grid"):
        attended(X)


def test_resample_to_the_same_size_is_the_identity(attended: nn.Module) -> None:
    expected = attended(X)
    torch.testing.assert_close(rga.resample(attended, image_size=SIZE)(X), expected, rtol=0, atol=0)


def test_pooling_serves_any_size() -> None:
    model = rga.attach(backbone(), "rga-sc", image_size=SIZE, fit="pool").eval()
    assert model(torch.rand(2, 3, 96, 64)).shape == (2, 512)


def test_errors_name_the_thing_and_the_way_out(attended: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"module 'layer1' carries attention already.*rga\.detach"):
        rga.attach(attended, "se", image_size=SIZE)
    with pytest.raises(ValueError, match=r"unknown stage 'layer9'.*layer1"):
        rga.attach(backbone(), "se", image_size=SIZE, after=["layer9"])
    with pytest.raises(ValueError, match=r"unknown attention 'rgb-sc'"):
        rga.attach(backbone(), "rgb-sc", image_size=SIZE)
    with pytest.raises(TypeError, match=r"no option 'reductoin'"):
        rga.attach(backbone(), "rga-sc", image_size=SIZE, reductoin=2)
    with pytest.raises(ValueError, match=r"has no attached attention.*rga\.attach"):
        rga.detach(backbone())
    with pytest.raises(ValueError, match=r"has no attached attention"):
        rga.resample(backbone(), image_size=SIZE)
    with pytest.raises(ValueError, match="pass either grid"):
        rga.resample(attended)
    with pytest.raises(ValueError, match="a grid is"):
        rga.attach(backbone(), "rga-sc", image_size=64)  # type: ignore[arg-type]


def test_the_largest_grid_limits_every_axis() -> None:
    model = rga.attach(timm.create_model("resnet10t"), "rga-s", image_size=(128, 64), largest_grid=(10, 12), fit="pool")
    assert [module.grid for module in model.modules() if isinstance(module, GridAttention)] == [(10, 12), (10, 8), (8, 4), (4, 2)]
    model(torch.rand(2, 3, 128, 64))
    plain = rga.attach(timm.create_model("resnet10t"), "se", image_size=(128, 64), largest_grid=(10, 12))
    plain(torch.rand(2, 3, 128, 64))
    with pytest.raises(ValueError, match="a grid is \\(height, width\\), two positive integers"):
        rga.attach(timm.create_model("resnet10t"), "rga-s", image_size=(128, 64), largest_grid=(0, 12), fit="pool")


def grids(model: nn.Module) -> list[tuple[int, int]]:
    return [module.grid for module in model.modules() if isinstance(module, GridAttention)]


def test_the_largest_grid_holds_when_the_model_is_resampled() -> None:
    model = rga.attach(timm.create_model("resnet10t"), "rga-s", image_size=(128, 64), largest_grid=(8, 8), fit="pool")
    before = {key: value.clone() for key, value in model.state_dict().items()}
    rga.resample(model, image_size=(128, 64))
    assert grids(model) == [(8, 8), (8, 8), (8, 4), (4, 2)]
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert grids(rga.resample(copy.deepcopy(model), image_size=(256, 128))) == [(8, 8), (8, 8), (8, 8), (8, 4)]


@pytest.mark.parametrize("name", ["rga-sc", "rga-parallel", "fc-s"])
def test_resampled_weights_load_into_a_model_that_is_told_their_first_size(name: str) -> None:
    small = rga.attach(backbone("resnet10t"), name, image_size=SIZE).eval()
    rga.resample(small, image_size=(96, 48))
    loaded = rga.attach(backbone("resnet10t"), name, image_size=(96, 48), trained_size=SIZE).eval()
    loaded.load_state_dict(small.state_dict())
    x = torch.rand(1, 3, 96, 48)
    torch.testing.assert_close(loaded(x), small(x), rtol=0, atol=0)


def test_weights_of_another_size_are_refused_with_the_way_to_load_them() -> None:
    small = rga.attach(backbone("resnet10t"), "rga-sc", image_size=SIZE)
    large = rga.attach(backbone("resnet10t"), "rga-sc", image_size=(96, 48))
    message = r"'layer1\.attention\.spatial' .*24x12 grid.*another image size.*rga\.resample.*trained_size"
    for state in (small.state_dict(), rga.resample(small, image_size=(96, 48)).state_dict()):
        with pytest.raises(RuntimeError, match=message):
            large.load_state_dict(state)


def test_a_resample_that_fails_changes_nothing() -> None:
    model = rga.attach(timm.create_model("test_resnet", num_classes=3), "rga-sc", image_size=(64, 64)).eval()
    prune.l1_unstructured(model.get_submodule("layer3.attention.spatial.gate.varphi.rows"), "weight", 0.3)
    x, before = torch.rand(1, 3, 64, 64), copy.deepcopy(model.state_dict())
    expected = model(x)
    grids = [module.grid for module in model.modules() if isinstance(module, GridAttention)]
    with pytest.raises(InputError, match="cannot be moved to another grid"):
        rga.resample(model, image_size=(128, 128))
    assert [module.grid for module in model.modules() if isinstance(module, GridAttention)] == grids
    after = model.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())
    torch.testing.assert_close(model(x), expected, rtol=0, atol=0)


def test_a_grid_is_that_of_one_attention() -> None:
    model = rga.attach(timm.create_model("test_resnet", num_classes=3), "rga-sc", image_size=(64, 64), fit="pool")
    with pytest.raises(InputError, match=r"network with attached attention.*image_size="):
        rga.resample(model, grid=(8, 8))
    for other in (nn.Linear(2, 2), rga.create_attention("se", 16)):
        with pytest.raises(InputError, match="no attention whose weights belong to a grid"):
            rga.resample(other, grid=(4, 4))
    assert rga.resample(rga.create_attention("rga-sc", 8, (4, 2)), grid=(8, 4)).get_submodule("spatial").grid == (8, 4)


class RootNet(nn.Module):
    """Convolution and normalisation in the network itself."""

    def __init__(self) -> None:
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(3, 8, 3, 4, 1), nn.BatchNorm2d(8)
        self.c2, self.b2 = nn.Conv2d(8, 16, 3, 2, 1), nn.BatchNorm2d(16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.b1(self.c1(x)).to(self.b1.weight.dtype)
        out: torch.Tensor = self.b2(self.c2(x))
        return out


def test_a_second_attach_in_the_root_says_that_attention_is_there() -> None:
    model = rga.attach(RootNet(), "rga-sc", image_size=(64, 64))
    with pytest.raises(InputError, match="carries attention already"):
        rga.attach(model, "rga-sc", image_size=(64, 64))


def test_a_module_may_read_what_attention_follows() -> None:
    """``forward`` of the host reads ``self.b1.weight``, and attention comes after b1."""
    model = rga.attach(RootNet(), "rga-sc", image_size=(64, 64), after=["b1"]).eval()
    assert model(torch.rand(2, 3, 64, 64)).shape == (2, 16, 8, 8)
