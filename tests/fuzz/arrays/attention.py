"""Maps for the attentions, and networks for ``attach``."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from torch import nn

import rga
from fuzz.arrays.ranking import close
from fuzz.outcome import Draw, FaultError, Outcome, Refused, attempt, compare, must_work, refused, right

CHANNELS = 8
GRID = (4, 3)
OURS = (TypeError, ValueError)
"""What attention raises besides our own errors: for options that it does not have, and for arrays in the paper's equations."""

LAYOUTS = ("plain", "strided", "channels last", "transposed", "expanded", "gradient", "half", "bfloat16")
OPTIONS: tuple[dict[str, Any], ...] = (
    *({}, {}, {}, {"fit": "pool"}, {"fit": "stretch"}, {"reduction": 2}, {"reduction": 0}, {"reduction": "8"}, {"initial_gate": 0.95}),
    *({"initial_gate": 1.5}, {"embedding": "odd"}, {"dense": True}, {"original": False, "relation": False}, {"colour": 1}),
    *({"gate_norm": "none"}, {"gate_norm": "layer"}, {"gate_norm_momentum": 0.01}, {"gate_norm_momentum": 0}),
    *({"width_grid": (0, 1)}, {"initial_gate": float("nan")}, {"reduction": 2.5}, {"hidden_reduction": -1}),
)
"""Options of attentions, not all of them right."""

SPOILS = (
    "other grid",
    "other channels",
    "rank 3",
    "rank 5",
    "whole numbers",
    "complex",
    "numpy",
    "nothing",
    "no batch",
    "no positions",
)


@cache
def attention(name: str, dense: bool = False) -> nn.Module:
    """One of the catalogue, in evaluation mode; the dense form is the paper's equations as they stand."""
    torch.manual_seed(0)
    options = {"dense": True} if dense else {}
    module = rga.create_attention(name, CHANNELS, GRID, **options).eval()
    for each in module.modules():
        if isinstance(each, nn.modules.batchnorm._BatchNorm):  # gates of a trained network, not all of .5
            each.running_mean.uniform_(-0.2, 0.2)  # type: ignore[union-attr]
            each.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
    return module


def forward(draw: Draw) -> Outcome:
    """A map in any layout gives what it gives in the plain one, and the paper's equations the same."""
    name = draw(st.sampled_from(rga.list_attentions()))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
    x = torch.randn(draw(st.integers(1, 3)), CHANNELS, *GRID, generator=generator) * draw(st.sampled_from([1.0, 0.0, 30.0]))
    module = attention(name)
    if draw(st.sampled_from([False, False, True])):
        return spoilt_map(draw, name, module, x)
    how = draw(st.sampled_from(LAYOUTS))
    given = in_layout(x, how)
    before = given.detach().clone()
    with torch.no_grad():
        found = must_work(attempt(module, given), f"{name} on a map ({how})")
        wanted = module(x[:1].expand_as(x).contiguous() if how == "expanded" else x)
    if found.shape != given.shape or found.dtype != given.dtype:
        raise FaultError(f"{name} returns {found.shape} {found.dtype} for {given.shape} {given.dtype}")
    if not torch.equal(before, given.detach()):
        raise FaultError(f"{name} overwrites the map that comes in")
    tolerance = {"half": 2e-2, "bfloat16": 1e-1}.get(how, 1e-4)
    close(found.double().numpy() / scale(wanted), wanted.double().numpy() / scale(wanted), f"{name} ({how})", tolerance)
    if name.startswith("rga-") and how == "plain":
        definition = attention(name, dense=True)
        definition.load_state_dict(module.state_dict())
        with torch.no_grad():
            close(found.double().numpy() / scale(wanted), definition(x).double().numpy() / scale(wanted), f"{name}, dense", 1e-4)
        return right("attention: the paper's equations")
    return right("attention: the same map in plain form")


def scale(x: torch.Tensor) -> float:
    """The largest number of a map."""
    return max(1.0, float(x.abs().max()))


def in_layout(x: torch.Tensor, how: str) -> torch.Tensor:
    """The same map, laid out in another way."""
    made: dict[str, Callable[[], torch.Tensor]] = {
        "strided": lambda: x.repeat_interleave(2, 3)[..., ::2],
        "channels last": lambda: x.contiguous(memory_format=torch.channels_last),
        "transposed": lambda: x.mT.contiguous().mT,
        "expanded": lambda: x[:1].expand_as(x),
        "gradient": lambda: x.clone().requires_grad_(),
        "half": x.half,
        "bfloat16": x.bfloat16,
    }
    return made[how]() if how in made else x.clone()


def spoilt_map(draw: Draw, name: str, module: nn.Module, x: torch.Tensor) -> Outcome:
    """Something that need not be a map."""
    how = draw(st.sampled_from(SPOILS))
    makers: dict[str, Callable[[], Any]] = {
        "other grid": lambda: torch.randn(1, CHANNELS, 5, 2),
        "other channels": lambda: torch.randn(1, CHANNELS + 1, *GRID),
        "rank 3": lambda: x[0],
        "rank 5": lambda: x[None],
        "whole numbers": x.long,
        "complex": lambda: x.to(torch.complex64),
        "numpy": x.numpy,
        "nothing": lambda: None,
        "no batch": lambda: x[:0],
        "no positions": lambda: x[..., :0],
    }
    given = makers[how]()
    with torch.no_grad():
        found = attempt(module, given, also=OURS)
    if isinstance(found, Refused):
        return refused(f"attention on a map with {how}")
    if not isinstance(given, torch.Tensor) or given.dim() != 4 or given.shape[1] != CHANNELS or not given.is_floating_point():
        raise FaultError(f"{name} takes a map with {how}: {found!r}")
    compare(tuple(found.shape), tuple(given.shape), f"{name}: the shape")
    return right(f"attention on a map with {how}: a map of the same shape")


def creation(draw: Draw) -> Outcome:
    """``create_attention`` with numbers that are right, and others."""
    name = draw(st.sampled_from([*rga.list_attentions(), "rga-xy", "", "RGA-SC"]))
    channels: Any = draw(st.sampled_from([8, 16, 3, 1, 0, -1, 2.0, None, "8", True]))
    grid: Any = draw(st.sampled_from([(4, 3), [4, 3], (1, 1), None, (0, 3), (4,), (4, 3, 2), 4, "43", (4.0, 3.0), (True, 3)]))
    option = draw(st.sampled_from(OPTIONS))
    found = attempt(rga.create_attention, name, channels, grid, also=OURS, **option)
    if isinstance(found, Refused):
        if name in rga.list_attentions() and channels in (8, 16) and channels is not True and grid in ((4, 3), [4, 3]) and not option:
            must_work(found, f"create_attention({name!r}, {channels}, {grid})")
        return refused("create_attention: no such attention")
    size = tuple(grid) if grid is not None and name.startswith(("rga", "fc")) else (4, 3)
    x = torch.randn(2, channels, *size)
    y = found.eval()(x)
    compare(tuple(y.shape), tuple(x.shape), f"{name}: the shape")
    if not y.isfinite().all():
        raise FaultError(f"{name} of {channels} channels returns numbers that are not finite")
    return right("create_attention: a map of the same shape")


class Tiny(nn.Module):
    """A network with two stages."""

    def __init__(self) -> None:
        super().__init__()
        self.layer1 = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.ReLU())
        self.layer2 = nn.Sequential(nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU())
        self.head = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images to scores."""
        scores: torch.Tensor = self.head(self.layer2(self.layer1(x)).mean((2, 3)))
        return scores


SIZES: tuple[Any, ...] = ((32, 16), [32, 16], (33, 17), (1, 1), (0, 16), (32,), 32, None, (32.0, 16.0), (-32, 16), "32")


def placing(draw: Draw) -> Outcome:
    """``attach``, then ``detach``: the network is as it was; what is refused leaves it as it was, too."""
    torch.manual_seed(0)
    network = Tiny().eval()
    before, keys = network(torch.ones(1, 3, 32, 16)), list(network.state_dict())
    name = draw(st.sampled_from(["rga-sc", "rga-s", "se", "none", "dual", "rga-xy", "non-local"]))
    size = draw(st.sampled_from([(32, 16)] * 6 + list(SIZES)))
    after: Any = draw(
        st.sampled_from([None, None, ["layer1"], ("layer1", "layer2"), "blocks", "layer1", [], ["layer9"], ["layer1", "layer1"], [3], 7])
    )
    options: dict[str, Any] = draw(
        st.sampled_from([{}, {}, {"fit": "pool"}, {"fit": "spectral"}, {"largest_grid": (2, 2)}, {"largest_grid": (0, 1)}, {"colour": 1}])
    )
    found = attempt(rga.attach, network, name, image_size=size, after=after, also=OURS, **options)
    if isinstance(found, Refused):
        compare(list(network.state_dict()), keys, "keys of a network that was refused")
        if not torch.equal(network(torch.ones(1, 3, 32, 16)), before):
            raise FaultError("a refused network computes something else")
        return refused("attach")
    if name == "none":
        return right("attach: none is nothing")
    scores = attempt(network, torch.ones(2, 3, *size))
    if isinstance(scores, Refused):
        if "largest_grid" not in options:  # which needs fit="pool"
            must_work(scores, "a network with attention")
        return refused("a network with attention on another grid")
    compare(tuple(scores.shape), (2, 2), "scores")
    if not rga.attached(network):
        raise FaultError("nothing is attached")
    rga.detach(network)
    compare(list(network.state_dict()), keys, "keys after detach")
    if not torch.equal(network(torch.ones(1, 3, 32, 16)), before):
        raise FaultError("a network computes something else after detach")
    return right("attach, then detach: as before")


def moving(draw: Draw) -> Outcome:
    """``resample``, ``cost`` and ``find_stages``."""
    torch.manual_seed(0)
    network = rga.attach(Tiny().eval(), draw(st.sampled_from(["rga-sc", "rga-c", "se"])), image_size=(32, 16))
    verb = draw(st.sampled_from(["resample", "cost", "find_stages"]))
    size: Any = draw(st.sampled_from([(32, 16), (64, 48), *SIZES]))
    if verb == "resample":
        found = attempt(rga.resample, network, image_size=size, also=OURS)
        if isinstance(found, Refused):
            compare(tuple(network(torch.ones(1, 3, 32, 16)).shape), (1, 2), "a network that was not moved")
            return refused("resample")
        compare(tuple(network(torch.ones(1, 3, *size)).shape), (1, 2), "a network that was moved")
        return right("resample: takes the other size")
    if verb == "cost":
        shape: Any = draw(st.sampled_from([(1, 3, 32, 16), [1, 3, 32, 16], (3, 32, 16), (1, 1, 32, 16), (0, 3, 32, 16), 3, None, "1"]))
        counted = attempt(rga.cost, network, shape, also=OURS)
        if isinstance(counted, Refused):
            return refused("cost")
        compare(counted.parameters, sum(int(np.prod(each.shape)) for each in network.parameters()), "parameters")
        return right("cost: parameters by a loop")
    stages = attempt(rga.find_stages, Tiny(), size, also=OURS)
    if isinstance(stages, Refused):
        if size in ((32, 16), (64, 48)) and all(type(each) is int for each in size):  # (32.0, 16.0) is equal, and refused
            must_work(stages, "find_stages")
        return refused("find_stages")
    wanted = [("layer1", 4), ("layer2", 8)]
    compare([(stage.name, stage.grid) for stage in stages], [(at, (-(-size[0] // by), -(-size[1] // by))) for at, by in wanted], "stages")
    return right("find_stages: by hand")
