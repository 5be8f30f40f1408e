"""Attention inside of blocks: where it sits, on networks of every family that is known."""

import copy
import pickle
from collections.abc import Callable
from functools import partial

import pytest
import timm
import torch
import torchvision
from timm.layers import convert_sync_batchnorm
from torch import Tensor, nn

import rga
from rga.attachment import attachments
from rga.attachment.probe import NoStagesError
from rga.attachment.stages import BRANCH_ENDS, find_blocks
from rga.backbones.osnet.network import OSNet
from rga.backbones.small.cifar_resnet import CifarResNet
from rga.backbones.small.cifar_resnext import CifarResNext

SIZE = (64, 32)
RESIDUAL: dict[str, Callable[[], nn.Module]] = {
    **{
        name: partial(timm.create_model, name)
        for name in ("resnet18", "resnet50", "regnetx_002", "mobilenetv2_100", "tf_efficientnetv2_b0")
    },
    **{
        f"torchvision {name}": partial(torchvision.models.get_model, name)
        for name in ("resnet50", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "convnext_tiny")
    },
    "cifar-resnet20": partial(CifarResNet, 20),
    "cifar-resnext11": partial(CifarResNext, 11, 2, 8),
    "osnet_x0_25": partial(OSNet, 0.25),
    "osnet_ain_x0_25": partial(OSNet, 0.25, "ain"),
}


def zero(_module: nn.Module, _args: object, output: Tensor) -> Tensor:
    """A hook: nothing is left of the output."""
    return output * 0


@pytest.mark.parametrize("name", RESIDUAL)
def test_without_their_branches_blocks_hand_on_what_they_get(name: str) -> None:
    model = RESIDUAL[name]().eval()
    modules = dict(model.named_modules())
    ends = [stage.name for stage in find_blocks(model, SIZE)]
    seen: list[bool] = []

    def compare(_module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        if args[0].shape == output.shape:
            seen.append(torch.equal(output, args[0]) or torch.equal(output, args[0].relu()))

    for end in ends:
        modules[end].register_forward_hook(zero)
        modules[end.rpartition(".")[0]].register_forward_pre_hook(lambda _module, args: (args[0].clone(),))  # some work in place
        modules[end.rpartition(".")[0]].register_forward_hook(compare)
    with torch.no_grad():
        model(torch.rand(1, 3, *SIZE))
    assert len(seen) >= len(ends) // 2 - 1
    assert all(seen)


@pytest.mark.skipif(
    tuple(map(int, torch.__version__.split(".")[:2])) < (2, 9), reason="some networks cannot be built without numbers there"
)
def test_every_known_block_has_its_branch() -> None:
    with torch.device("meta"):
        models = [build() for build in RESIDUAL.values()]
        models += [timm.create_model("densenet121"), torchvision.models.densenet121(), timm.create_model("efficientnet_lite0")]
    found = {type(module).__name__ for model in models for module in model.modules()} & set(BRANCH_ENDS)
    assert set(BRANCH_ENDS) - found == {"CifarDenseLayer"}  # tested with the backbones
    assert len(find_blocks(models[-2], SIZE)) == len(find_blocks(models[-3], SIZE)) == 6 + 12 + 24 + 16


def test_squeeze_and_excitation_sits_where_timms_senets_have_it() -> None:
    theirs = timm.create_model("resnet18", num_classes=0, zero_init_last=False, block_args={"attn_layer": "se"}).eval()
    ours = rga.attach(timm.create_model("resnet18", num_classes=0), "timm:se", image_size=SIZE, after="blocks").eval()
    state = theirs.state_dict()
    renamed = {}
    for name, value in state.items():
        renamed[name.replace(".se.", ".bn2_attention.layer.")] = value
    ours.load_state_dict(renamed)
    x = torch.rand(2, 3, *SIZE)
    torch.testing.assert_close(ours(x), theirs(x))
    plain = timm.create_model("resnet18", num_classes=0).eval()
    plain.load_state_dict({name: value for name, value in state.items() if ".se." not in name})
    assert not torch.allclose(ours(x), plain(x))
    torch.testing.assert_close(rga.detach(ours)(x), plain(x))


def test_copies_and_other_sizes_keep_attending() -> None:
    model = rga.attach(CifarResNet(8), "rga-sc", image_size=(32, 32), after="blocks").eval()
    x = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(copy.deepcopy(model)(x), model(x))
    assert list(rga.attached(model)) == ["layer1.0.bn2", "layer2.0.bn2", "layer3.0.bn2"]
    assert rga.resample(model, image_size=(48, 32))(torch.rand(2, 3, 48, 32)).shape == (2, 10)


def test_blocks_hold_their_attention_and_give_their_class_back() -> None:
    model = rga.attach(timm.create_model("resnet18"), "se", image_size=SIZE, after="blocks")
    block = model.get_submodule("layer1.0")
    plain = rga.detach(copy.deepcopy(model)).get_submodule("layer1.0")
    assert isinstance(block, type(plain))
    assert type(block) is not type(plain)
    assert {each.name for each in attachments(model)} >= {"layer1.0.bn2_attention", "layer4.1.bn2_attention"}


SLOWER = ("mobilenetv2_100", "densenet121", "torchvision resnet50", "torchvision densenet121")


@pytest.mark.parametrize("name", ["resnet18", *(pytest.param(name, marks=pytest.mark.slow) for name in SLOWER)])
def test_attention_inside_of_blocks_survives_conversions_copies_and_compilers(name: str) -> None:
    build = partial(torchvision.models.get_model, name.removeprefix("torchvision ")) if " " in name else partial(timm.create_model, name)
    model = rga.attach(build(num_classes=3), "se", image_size=SIZE, after="blocks").eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)  # some begin with branches that are zero
    x = torch.rand(2, 3, *SIZE)
    expected = model(x)
    plain = rga.detach(copy.deepcopy(model))
    assert not torch.allclose(plain(x), expected)
    for other in (
        convert_sync_batchnorm(copy.deepcopy(model)),
        pickle.loads(pickle.dumps(model)),
        torch.fx.symbolic_trace(model),
    ):
        torch.testing.assert_close(other(x), expected)
    torch.testing.assert_close(torch.func.functional_call(model, dict(model.named_parameters()), (x,)), expected)
    zeros = {key: torch.zeros_like(value) for key, value in model.named_parameters() if "attention." in key}
    assert len(zeros) == 4 * len(rga.attached(model))
    assert not torch.allclose(torch.func.functional_call(model, zeros, (x,)), expected)


@pytest.mark.slow
def test_attention_inside_of_blocks_compiles_in_one_graph() -> None:
    torch.compiler.reset()
    model = rga.attach(timm.create_model("test_resnet"), "se", image_size=SIZE, after="blocks").eval()
    x = torch.rand(2, 3, *SIZE)
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(model, fullgraph=True, backend="eager")(x), model(x))
        torch.testing.assert_close(torch.export.export(model, (x,)).module()(x), model(x))


def test_attention_stays_when_its_norm_is_folded_into_the_convolution() -> None:
    model = rga.attach(torchvision.models.resnet18(weights=None), "se", image_size=SIZE, after="blocks").eval()
    x = torch.rand(2, 3, *SIZE)
    expected = model(x)
    fused = torch.ao.quantization.fuse_modules(copy.deepcopy(model), [["layer1.0.conv2", "layer1.0.bn2"]])
    assert isinstance(fused.get_submodule("layer1.0.bn2"), nn.Identity)
    torch.testing.assert_close(fused(x), expected)


def test_what_has_no_known_blocks_is_named() -> None:
    with torch.device("meta"):
        vgg = timm.create_model("vgg11_bn")
    with pytest.raises(NoStagesError, match=r"VGG has no blocks of the kinds that are known \(BasicBlock, .*\): name the modules"):
        rga.attach(vgg, "se", image_size=SIZE, after="blocks")
    with pytest.raises(ValueError, match=r"after='layer1': name modules in a list, \['layer1'\], or choose 'blocks'"):
        rga.attach(timm.create_model("resnet18"), "se", image_size=SIZE, after="layer1")
