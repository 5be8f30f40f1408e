"""Attention as a part of its stage: it is called however the stage is used, or attach says that it would not be."""

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import timm
import torch
import torchvision
from timm.layers import convert_sync_batchnorm
from timm.utils import reparameterize_model
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint_sequential
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.feature_extraction import create_feature_extractor

import rga
from rga.attachment import attachments

SIZE = (64, 32)
X = torch.rand(2, 3, *SIZE, generator=torch.Generator().manual_seed(5))


def network(name: str = "test_resnet", **options: Any) -> nn.Module:
    model: nn.Module = timm.create_model(name, num_classes=5, **options)
    return model


def grads(model: nn.Module) -> bool:
    """Whether all attention learns."""
    return all(p.grad is not None for attention in rga.attached(model).values() for p in attention.parameters())


@contextmanager
def unchanged(model: nn.Module) -> Iterator[None]:
    """Asserts that a block leaves keys, classes, children and hooks of a model as they were."""

    def state() -> list[object]:
        of_modules = [(name, type(module), list(module._modules), len(module._forward_hooks)) for name, module in model.named_modules()]
        return [of_modules, [(key, value.data_ptr()) for key, value in model.state_dict().items()]]

    before = state()
    yield
    assert state() == before


def test_layers_that_are_taken_out_of_the_network_take_their_attention_along() -> None:
    model = rga.attach(torchvision.models.resnet18(weights=None), "rga-sc", image_size=SIZE)
    body = IntermediateLayerGetter(model, {"layer2": "a", "layer4": "b"})
    body(X)["b"].sum().backward()
    assert list(rga.attached(body)) == ["layer1", "layer2", "layer3", "layer4"]
    assert grads(body)
    children = nn.Sequential(*list(model.children())[:-2]).eval()
    assert len(rga.attached(children)) == 4
    torch.testing.assert_close(children(X), body.eval()(X)["b"])
    assert not torch.allclose(rga.detach(copy.deepcopy(children))(X), children(X))


def test_torchvisions_feature_extraction_traces_attention() -> None:
    model = rga.attach(torchvision.models.resnet18(weights=None), "rga-sc", image_size=SIZE).eval()
    extractor = create_feature_extractor(model, {"layer4": "out"})
    torch.testing.assert_close(extractor(X)["out"], IntermediateLayerGetter(model, {"layer4": "out"})(X)["out"])


def test_a_stage_in_checkpointed_segments_calls_its_attention() -> None:
    stage = rga.attach(network("resnet26"), "rga-sc", image_size=SIZE).eval().get_submodule("layer1")
    x = torch.rand(2, 64, 16, 8)
    torch.testing.assert_close(checkpoint_sequential(stage, 2, x, use_reentrant=False), stage(x))


@pytest.mark.slow
def test_conversion_of_norms_keeps_attention() -> None:
    for name in ("test_resnet", "test_convnext", "densenet121", "regnetx_002"):
        model = rga.attach(network(name), "se", image_size=SIZE).eval()
        converted = convert_sync_batchnorm(copy.deepcopy(model))  # timm's, which knows norms with an activation of their own
        torch.testing.assert_close(converted(X), model(X))
        assert rga.attached(converted).keys() == rga.attached(model).keys()
        torch.testing.assert_close(rga.detach(converted)(X), rga.detach(model)(X))


@pytest.mark.parametrize(
    ("name", "after"),
    [
        pytest.param("repvit_m0_9", None, marks=pytest.mark.slow),
        pytest.param("fastvit_t8", None, marks=pytest.mark.slow),
        pytest.param("repvgg_a0", None, marks=pytest.mark.slow),
        ("repvit_m0_9", ["stages.0.blocks.0.token_mixer", "stem.conv2"]),
    ],
)
def test_fusing_the_branches_of_a_trained_network_keeps_attention(name: str, after: list[str] | None) -> None:
    model = rga.attach(network(name), "rga-sc", image_size=SIZE, after=after).eval()
    fused = reparameterize_model(model)
    assert len(list(fused.modules())) < len(list(model.modules()))
    assert rga.attached(fused).keys() == rga.attached(model).keys()
    called: list[nn.Module] = []
    for attention in rga.attached(fused).values():
        attention.register_forward_hook(lambda module, *_: called.append(module))
    torch.testing.assert_close(fused(X), model(X), rtol=1e-3, atol=1e-4)
    assert len(called) == len(rga.attached(model))


def test_quantisation_keeps_attention() -> None:
    model = rga.attach(network(), "rga-sc", image_size=SIZE).eval()
    with torch.no_grad():
        quantised = torch.ao.quantization.quantize_dynamic(copy.deepcopy(model), {nn.Linear}, dtype=torch.qint8)
        torch.testing.assert_close(quantised(X), model(X), rtol=0.1, atol=0.1)
        assert len(rga.attached(quantised)) == 4


def test_other_weights_by_functional_call() -> None:
    model = rga.attach(network("test_convnext"), "rga-sc", image_size=SIZE).eval()
    theirs = rga.attach(network("test_convnext"), "rga-sc", image_size=SIZE).eval()
    weights = {**dict(theirs.named_parameters()), **dict(theirs.named_buffers())}
    torch.testing.assert_close(torch.func.functional_call(model, weights, (X,)), theirs(X))


@pytest.mark.parametrize("name", ["stages", "keys", "items", "pop", "attention"])
def test_stages_of_any_name(name: str) -> None:
    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.add_module(name, nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1)))

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self._modules[name](x)  # type: ignore[misc]
            return out

    model = rga.attach(Network(), "se", image_size=SIZE, after=[name])
    assert list(rga.attached(model)) == [name]
    model(X).sum().backward()
    assert grads(model)


def test_a_child_of_the_attentions_name_stays() -> None:
    stage = nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 8, 3, 4, 1), attention=nn.Conv2d(8, 8, 1)))
    model = nn.Sequential(stage)
    plain = model(X)
    rga.attach(model, "se", image_size=SIZE, after=["0"])
    assert [each.name for each in attachments(model)] == ["0.attention2"]
    assert not torch.allclose(model(X), plain)
    torch.testing.assert_close(rga.detach(model)(X), plain)


def test_attention_after_a_norm_in_a_row_comes_right_after_it() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1)).eval()
    keys = list(model.state_dict())
    rga.attach(model, "se", image_size=SIZE, after=["1"])
    assert [name for name, _ in model.named_children()] == ["0", "1", "2", "3", "1_attention"]
    assert len(model) == len(list(model)) == 4
    assert model[2] is model.get_submodule("2")
    torch.testing.assert_close(model[2:](model[:2](X)), model(X))
    first = model.get_submodule("1")(model.get_submodule("0")(X))
    torch.testing.assert_close(model(X), model.get_submodule("3")(rga.attached(model)["1"](first).relu()))
    assert list(rga.detach(model).state_dict()) == keys


def test_two_attentions_of_one_network_at_different_positions() -> None:
    model = network().eval()
    plain = model(X)
    rga.attach(model, "se", image_size=SIZE, after=["layer2.0.bn1", "layer2.0.bn2", "layer2.0"])
    rga.attach(model, "rga-s", image_size=SIZE, after=["layer2", "layer3"])
    assert list(rga.attached(model)) == ["layer2.0.bn1", "layer2.0.bn2", "layer2.0", "layer2", "layer3"]
    model(X).sum().backward()
    assert grads(model)
    torch.testing.assert_close(copy.deepcopy(model)(X), model(X))
    torch.testing.assert_close(rga.detach(model)(X), plain)


def test_a_stage_that_two_models_share_is_attended_to_once() -> None:
    first, second = network(), network()
    second.layer2 = first.get_submodule("layer2")
    rga.attach(first, "rga-sc", image_size=SIZE)
    with unchanged(second), pytest.raises(ValueError, match=r"module 'layer2' carries attention already.*shares"):
        rga.attach(second, "rga-sc", image_size=SIZE)
    with unchanged(first), pytest.raises(ValueError, match=r"'0\.layer1' carries attention already"):
        rga.attach(nn.Sequential(first), "se", image_size=SIZE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"initial_gate": 2.0}, "initial_gate"),
        ({"reductoin": 2}, "no option 'reductoin'"),
        ({"after": ["layer1", "layer9"]}, "unknown stage 'layer9'"),
        ({"after": ["layer1", "layer1"]}, "'layer1' carries attention already"),
        ({"image_size": (64, 0)}, "a grid is"),
        ({"trained_size": (64, 0)}, "a grid is"),
    ],
)
def test_a_failed_attach_changes_nothing(options: dict[str, object], message: str) -> None:
    model = network()
    with unchanged(model), pytest.raises((ValueError, TypeError), match=message):
        rga.attach(model, "rga-sc", **{"image_size": SIZE, **options})  # type: ignore[arg-type]


def test_a_module_that_runs_twice_takes_no_attention() -> None:
    model = torchvision.models.resnet18(weights=None)
    with unchanged(model), pytest.raises(ValueError, match=r"'layer1\.0\.relu' runs 2 times in one pass"):
        rga.attach(model, "se", image_size=SIZE, after=["layer1.0.relu"])


class Tapped(nn.Module):
    """Runs a stage by its first module alone."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.ReLU())
        self.norms = nn.ModuleList([nn.BatchNorm2d(8)])

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.norms[0](self.stage[0](x))
        return out


@pytest.mark.parametrize("name", ["norms.0"])
def test_an_attention_that_would_not_be_called_is_refused(name: str) -> None:
    model = Tapped()
    with unchanged(model), pytest.raises(ValueError, match=f"attention after '{name}' would not be called by"):
        rga.attach(model, "se", image_size=SIZE, after=[name])


@pytest.mark.parametrize(
    ("wrap", "message"),
    [
        (nn.DataParallel, r"wrapped in DataParallel.*rga\.attach\(model\.module"),
        (lambda model: torch.compile(model, backend="eager"), "the model is compiled.*compile afterwards"),
        (lambda model: (model.compile(backend="eager"), model)[1], "the model is compiled.*compile afterwards"),
        (lambda model: (model.get_submodule("layer1").compile(backend="eager"), model)[1], "part 'layer1' is compiled"),
        (lambda model: torch.jit.trace(model.eval(), X), "a TorchScript module"),
    ],
    ids=["DataParallel", "compiled", "compiled in place", "a part is compiled", "traced"],
)
def test_wrapped_models_are_refused_with_the_reason(wrap: Callable[[nn.Module], nn.Module], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rga.attach(wrap(network()), "se", image_size=SIZE)


def test_a_wrapped_attended_model_attends() -> None:
    model = rga.attach(network(), "rga-sc", image_size=SIZE).eval()
    torch.testing.assert_close(nn.DataParallel(model)(X), model(X))


@pytest.mark.parametrize("channels", [1, 4, 17, 48])
def test_images_of_any_number_of_channels(channels: int) -> None:
    model = rga.attach(network(in_chans=channels), "rga-sc", image_size=SIZE)
    assert model(torch.rand(2, channels, *SIZE)).shape == (2, 5)


def test_a_stage_of_one_position_is_attended_to() -> None:
    for model in (timm.create_model("resnet18"), torchvision.models.mobilenet_v2(weights=None)):
        rga.attach(model, "rga-sc", image_size=(32, 32))
        assert [attention.get_submodule("spatial").grid for attention in rga.attached(model).values()] == [(8, 8), (4, 4), (2, 2), (1, 1)]
        model(torch.rand(2, 3, 32, 32)).sum().backward()
        assert grads(model)
    blocks = rga.attach(timm.create_model("resnet18"), "se", image_size=(32, 32), after="blocks")
    assert len(rga.attached(blocks)) == 8
