"""Attention on networks that people write: sequences with a ``forward`` of their own, streams, caches, subclassed blocks."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import segmentation_models_pytorch as smp
import timm
import torch
import torchvision
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

import rga

SIZE = (64, 64)
X = torch.rand(2, 3, *SIZE, generator=torch.Generator().manual_seed(5))


def conv(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.BatchNorm2d(outputs), nn.ReLU())


class Residual(nn.Sequential):
    """Adds what each part returns."""

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self[0](x)
        for index in range(1, len(self)):
            out = out + self[index](out)
        return out


class Collecting(nn.Sequential):
    """Adds up what its parts return on the way."""

    def forward(self, x: Tensor) -> Tensor:
        features = []
        for module in self:
            x = module(x)
            features.append(x)
        return torch.stack(features).sum(0)


class Doubling(nn.Sequential):
    """Does more to what the parts return, in place."""

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
        return out.mul_(2)


@pytest.mark.parametrize("kind", [Residual, Collecting, Doubling])
def test_a_sequence_with_a_forward_of_its_own_has_attention_on_what_it_returns(kind: type[nn.Sequential]) -> None:
    model = nn.Sequential(conv(3, 8, 4), kind(conv(8, 8, 2), conv(8, 8, 1))).eval()
    plain = model(X)
    rga.attach(model, "se", image_size=SIZE, after=["1"])
    expected = rga.attached(model)["1"](plain)
    torch.testing.assert_close(model(X), expected)
    torch.testing.assert_close(copy.deepcopy(model)(X), expected)
    if kind is not Doubling:  # the compiler does not follow ``super()`` there
        torch.testing.assert_close(torch.compile(model, backend="eager")(X), expected)
    torch.testing.assert_close(rga.detach(model)(X), plain)


class CountingBlock(torchvision.models.resnet.BasicBlock):  # type: ignore[misc]
    """Counts its passes, and leaves the rest to its base class."""

    passes = 0

    def forward(self, x: Tensor) -> Tensor:
        assert isinstance(self, CountingBlock)
        self.passes += 1
        out: Tensor = super().forward(x)
        return out


def test_blocks_that_call_their_base_class_and_keep_count() -> None:
    model: Any = torchvision.models.ResNet(CountingBlock, [1, 1, 1, 1]).eval()
    plain = model(X)
    rga.attach(model, "se", image_size=SIZE, after="blocks")
    assert len(rga.attached(model)) == 4
    assert not torch.allclose(model(X), plain)
    assert model.layer1[0].passes == 2


class Net(nn.Module):
    """Three stages."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stage1, self.stage2, self.stage3 = conv(3, 8, 2), conv(8, 8, 2), conv(8, 16, 2), conv(16, 16, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.stage3(self.stage2(self.stage1(self.stem(x))))
        return out


class Streams(nn.Module):
    """Two networks side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.streams = nn.ModuleDict({"image": Net(), "flow": Net()})

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.streams["image"](x) + self.streams["flow"](x.flip(3))
        return out


def test_all_streams_of_a_network_are_attended_to() -> None:
    model = rga.attach(Streams(), "rga-sc", image_size=SIZE)
    of_each = ["stage1", "stage2", ""]
    names = [f"streams.{stream}.{stage}".rstrip(".") for stream in ("image", "flow") for stage in of_each]
    assert sorted(rga.attached(model)) == sorted(names)
    model(X).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_a_block_after_another_is_no_stream() -> None:
    model = nn.Sequential(conv(3, 8, 2), nn.Sequential(conv(8, 8, 2), conv(8, 8, 1), conv(8, 8, 1)))
    assert [stage.grid for stage in rga.find_stages(model, SIZE)] == [(16, 16)]


class Coordinates(nn.Module):
    """Normalises by tensors that are no buffers, makes coordinates on the default device, keeps them, and counts."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(conv(3, 8, 4), conv(8, 8, 2))
        self.mean = torch.full((1, 3, 1, 1), 0.5)
        self.column: Tensor | None = None
        self.rows: dict[int, Tensor] = {}
        self.passes = 0

    def forward(self, x: Tensor) -> Tensor:
        self.passes += 1
        if self.column is None:
            self.column = torch.linspace(-1, 1, x.shape[2])[:, None]
        if x.shape[3] not in self.rows:
            self.rows[x.shape[3]] = torch.linspace(-1, 1, x.shape[3])
        out: Tensor = self.features(x - self.mean + self.column + self.rows[x.shape[3]])
        return out


@pytest.mark.parametrize("used", [False, True])
def test_what_a_network_keeps_in_attributes_is_as_it_was(used: bool) -> None:
    model = Coordinates().eval()
    if used:
        model(X)
    before = (model.column, dict(model.rows), model.passes, model.mean)
    rga.attach(model, "rga-sc", image_size=SIZE)
    assert (model.column, model.rows, model.passes, model.mean) == before
    assert model(X).shape == (2, 8, 8, 8)


def test_weights_normalised_by_hooks_stay_on_their_device() -> None:
    model = nn.Sequential(nn.utils.spectral_norm(nn.Conv2d(3, 8, 3, 4, 1)), conv(8, 8, 2))
    rga.attach(model, "se", image_size=SIZE, after=["0"])
    assert all(value.device.type == "cpu" for value in vars(model[0]).values() if isinstance(value, Tensor))


def test_attention_after_a_parametrized_module_outlives_the_parametrization() -> None:
    model = nn.Sequential(parametrizations.weight_norm(nn.Conv2d(3, 8, 3, 4, 1)), conv(8, 8, 2)).eval()
    rga.attach(model, "se", image_size=SIZE, after=["0"])
    attended = model(X)
    parametrize.remove_parametrizations(model.get_submodule("0"), "weight")
    torch.testing.assert_close(model(X), attended)
    assert list(rga.attached(model)) == ["0"]


def test_a_stage_may_have_several_names() -> None:
    model = Net()
    model.stages = nn.ModuleList([model.stage1, model.stage2])
    rga.attach(model, "se", image_size=SIZE, after=["stages.0"])
    assert list(rga.attached(model)) == ["stage1"]


def test_names_may_come_one_by_one_but_not_at_all() -> None:
    model = rga.attach(Net(), "se", image_size=SIZE, after=(f"stage{number}" for number in (1, 2)))
    assert list(rga.attached(model)) == ["stage1", "stage2"]
    with pytest.raises(ValueError, match=r"after=\[\] names no module"):
        rga.attach(Net(), "se", image_size=SIZE, after=[])


def test_what_was_attached_or_resampled_in_inference_mode_can_be_trained() -> None:
    model = timm.create_model("test_resnet", num_classes=3)
    with torch.inference_mode():
        rga.attach(model, "rga-sc", image_size=(32, 32))
        rga.resample(model, image_size=SIZE)
    model(X).sum().backward()
    assert all(p.grad is not None for attention in rga.attached(model).values() for p in attention.parameters())


class TwoInputs(nn.Module):
    """Takes two batches of images."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Net()

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        out: Tensor = self.net(x) - self.net(y)
        return out


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (TwoInputs, r"missing 1 required positional argument: 'y'.*attach attention to the part"),
        (lambda: nn.Sequential(nn.LazyConv2d(8, 3, 4), conv(8, 8, 2)), "weights without a shape.*run it once"),
    ],
)
def test_what_cannot_be_run_says_what_to_do(build: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rga.attach(build(), "se", image_size=SIZE)


def test_padding_inside_of_a_block_is_no_stage() -> None:
    model = smp.Unet("efficientnet-b0", encoder_weights=None)
    names = [stage.name for stage in rga.find_stages(model, SIZE)]
    assert names == [f"encoder._blocks.{number}" for number in (2, 4, 10, 15)]
