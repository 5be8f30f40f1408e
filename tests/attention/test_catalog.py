"""One contract for every attention: a map in, a map of the same shape out."""

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn

import rga
from rga.attention.catalog import OF_A_GRID

CHANNELS, GRID = 16, (6, 4)
NAMES = rga.list_attentions()
OFTEN = [
    name if name.startswith("rga") or name in ("se", "cbam-cs", "non-local") else pytest.param(name, marks=pytest.mark.slow)
    for name in NAMES
]
"""The names, for tests that take longer; most of them are slow."""


def make(name: str, **options: object) -> nn.Module:
    return rga.create_attention(name, CHANNELS, GRID if name in OF_A_GRID else None, **options)


def awake(module: nn.Module) -> nn.Module:
    """Parameters that start at zero (the identity) get values, so that there is something to check."""
    for parameter in module.parameters():
        if parameter.abs().max() == 0 or parameter.dim() == 0:
            nn.init.normal_(parameter, std=0.5)
    return module


def test_the_names_of_the_papers_tables_are_there() -> None:
    paper = {
        "rga-s",
        "rga-c",
        "rga-sc",
        "rga-cs",
        "rga-parallel",
        "se",
        "cbam-s",
        "cbam-c",
        "cbam-cs",
        "non-local",
        "simple-non-local",
        "gc",
    }
    paper |= {"fc-s", "fc-c", "fc-parallel", "position", "channel", "dual", "sca-s", "sca-c", "harmonious", "timm:eca"}
    paper |= {"simam", "triplet", "ema", "fca", "criss-cross", "coordinate"}
    assert paper <= set(NAMES)


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", NAMES)
def test_map_in_same_shaped_map_out(name: str, training: bool) -> None:
    module = awake(make(name)).train(training)
    x = torch.randn(3, CHANNELS, *GRID)
    before = x.clone()
    out = module(x)
    assert out.shape == x.shape
    assert out.dtype == x.dtype
    assert torch.equal(x, before)
    assert not torch.allclose(out, x)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_gets_a_gradient(name: str) -> None:
    module = awake(make(name)).train()
    out = module(torch.randn(3, CHANNELS, *GRID).requires_grad_())  # SimAM has no parameters
    (out * torch.randn_like(out)).sum().backward()
    assert [key for key, p in module.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", OFTEN)
def test_gradcheck(name: str, training: bool) -> None:
    module = awake(rga.create_attention(name, 8, (3, 2) if name in OF_A_GRID else None)).double().train(training)
    x = torch.randn(3 if training else 1, 8, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(module, (x,), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_copies_and_state_dicts(name: str) -> None:
    module = awake(make(name)).eval()
    x = torch.randn(2, CHANNELS, *GRID)
    expected = module(x)
    fresh = make(name).eval()
    fresh.load_state_dict(module.state_dict())
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module)), fresh):
        torch.testing.assert_close(other(x), expected)


@pytest.mark.parametrize("name", NAMES)
def test_channels_last(name: str) -> None:
    module = awake(make(name)).double().eval()
    x = torch.randn(2, CHANNELS, *GRID, dtype=torch.float64)
    torch.testing.assert_close(module(x.to(memory_format=torch.channels_last)), module(x))


@pytest.mark.parametrize("name", NAMES)
def test_autocast_keeps_the_dtype_finite(name: str) -> None:
    module = awake(make(name)).eval()
    x = torch.randn(2, CHANNELS, *GRID)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert module(x).isfinite().all()


@pytest.mark.parametrize("name", OFTEN)
def test_exports(name: str) -> None:
    module = awake(make(name)).eval()
    x = torch.randn(2, CHANNELS, *GRID)
    torch.testing.assert_close(torch.export.export(module, (x,)).module()(x), module(x))


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(OF_A_GRID)))
def test_those_without_a_grid_take_any_size(name: str) -> None:
    module = make(name).eval()
    for grid in ((8, 4), (5, 7)):
        assert module(torch.randn(2, CHANNELS, *grid)).shape == (2, CHANNELS, *grid)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.rand(2, CHANNELS + 1, *GRID), f"built for {CHANNELS} channels, got a map with {CHANNELS + 1}"),
        (torch.rand(CHANNELS, *GRID), "rank 4 .batch, channels, height, width., got rank 3"),
        (torch.rand(2, CHANNELS), "got rank 2"),
    ],
    ids=["channels", "rank 3", "rank 2"],
)
def test_wrong_maps_are_named(name: str, x: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(name)(x)


def test_unknown_attention_answers_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown attention 'nothing'.*rga-sc.*timm:eca"):
        rga.create_attention("nothing", 16, (4, 4))
    with pytest.raises(ValueError, match=r"unknown attention 'rga-cc': did you mean rga-c\?"):
        rga.create_attention("rga-cc", 16, (4, 4))
    with pytest.raises(ValueError, match=r"unknown attention 'timm:halo'"):
        rga.create_attention("timm:halo", 16)


def test_unknown_option_answers_with_the_known_ones() -> None:
    with pytest.raises(TypeError, match=r"'rga-sc' has no option 'reductoin': it takes reduction, hidden_reduction"):
        rga.create_attention("rga-sc", 16, (4, 4), reductoin=4)
    with pytest.raises(TypeError, match=r"'dual' has no option 'fit': it takes reduction"):
        rga.create_attention("dual", 16, fit="pool")


@pytest.mark.parametrize("name", sorted(OF_A_GRID))
def test_missing_grid_is_named(name: str) -> None:
    with pytest.raises(ValueError, match="pass grid="):
        rga.create_attention(name, 16)


@pytest.mark.parametrize("channels", [0, -3])
@pytest.mark.parametrize("name", NAMES)
def test_channels_must_be_positive(name: str, channels: int) -> None:
    with pytest.raises(ValueError, match=f"channels must be at least 1, got {channels}"):
        rga.create_attention(name, channels, (4, 4))


RESNET50_STAGES = ((256, (64, 32)), (512, (32, 16)), (1024, (16, 8)), (2048, (16, 8)))


@pytest.mark.parametrize(
    ("name", "millions"),
    # table 2 of the paper gives the whole ResNet-50 with 751 classes: 25.1 plain
    [("rga-s", 28.3), ("rga-c", 28.1), ("fc-s", 26.9), ("fc-c", 26.4), ("cbam-c", 26.4), ("non-local", 30.6)],
)
def test_sizes_are_those_of_the_papers_table(name: str, millions: float) -> None:
    plain = 25.05  # the reference code's, with 751 classes
    added = sum(p.numel() for c, grid in RESNET50_STAGES for p in rga.create_attention(name, c, grid).parameters())
    assert abs(plain + added / 1e6 - millions) < 0.06


def test_four_modules_cost_no_more_than_one_gmac() -> None:
    macs = {
        dense: sum(rga.cost(rga.create_attention("rga-sc", c, grid, dense=dense), (1, c, *grid)).macs for c, grid in RESNET50_STAGES)
        for dense in (True, False)
    }
    assert macs[False] <= 1.00e9
    assert round(macs[True] / 1e9, 2) == 5.77  # the reference


@pytest.mark.parametrize("name", rga.list_attentions())
def test_no_images_give_no_images(name: str) -> None:
    module = rga.create_attention(name, 8, (4, 3)).eval()
    assert module(torch.zeros(0, 8, 4, 3)).shape == (0, 8, 4, 3)
