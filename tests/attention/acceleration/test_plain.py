"""Linear maps and normalisations are children: pruning, quantisation, adapters, hooks and counters see them."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize, prune
from torch.utils.flop_counter import FlopCounterMode

import rga
from rga.attention.acceleration.plain import is_plain_linear, is_unwatched
from rga.attention.relation import RelationGate

CHANNELS, GRID = 16, (6, 4)
POSITIONS = GRID[0] * GRID[1]
X = torch.randn(3, CHANNELS, *GRID, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
LINEARS = ["theta_phi_psi.linear", "varphi.rows", "varphi.columns", "w1.linear", "w2.linear"]
NORMS = ["theta_phi_psi.norm", "varphi.norm", "w1.norm", "w2.norm"]
CONTAINERS = ["theta_phi_psi", "varphi", "w1", "w2"]

Change = Callable[[nn.Module, str], object]


def attentions(name: str = "rga-s", **options: object) -> tuple[nn.Module, nn.Module]:
    """The fast attention and the one by the definition, with the same weights and statistics that are not those of the batch."""
    torch.manual_seed(2)
    fast = rga.create_attention(name, CHANNELS, GRID, reduction=2, **options).double()
    fast(X + 1)
    definition = rga.create_attention(name, CHANNELS, GRID, reduction=2, dense=True, **options).double()
    definition.load_state_dict(fast.state_dict())
    return fast, definition


def passes(module: nn.Module) -> list[Tensor]:
    """The output in training, its gradients, and the output at inference."""
    leaf = X.clone().requires_grad_()
    out = module.train()(leaf)
    learning = [leaf, *(parameter for parameter in module.parameters() if parameter.requires_grad)]
    gradients = torch.autograd.grad(out, learning, torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out))
    with torch.no_grad():
        evaluated = module.eval()(X)
    return [out.detach(), *gradients, evaluated]


def assert_one_function(fast: nn.Module, definition: nn.Module) -> None:
    for ours, theirs in zip(passes(fast), passes(definition), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-9)


# ---- hooks


@pytest.mark.parametrize("name", ["rga-s", "rga-c"])
@pytest.mark.parametrize("child", [*LINEARS, *NORMS, *CONTAINERS])
@pytest.mark.parametrize("kind", ["forward", "before"])
def test_hooks_see_every_child_once_a_pass(name: str, child: str, kind: str) -> None:
    fast, definition = attentions(name)
    module = fast[0].gate.get_submodule(child)  # type: ignore[index]
    calls: list[nn.Module] = []
    register = module.register_forward_hook if kind == "forward" else module.register_forward_pre_hook
    handle = register(lambda hooked, *_: calls.append(hooked))
    assert_one_function(fast, definition)
    assert calls == [module] * 2
    handle.remove()
    fast(X)
    assert len(calls) == 2


@pytest.mark.parametrize("child", [*LINEARS, *NORMS])
def test_backward_hooks_see_every_child(child: str) -> None:
    fast, _ = attentions()
    calls: list[nn.Module] = []
    module = fast[0].gate.get_submodule(child)  # type: ignore[index]
    module.register_full_backward_hook(lambda hooked, *_: calls.append(hooked))
    fast.train()(X.clone().requires_grad_()).sum().backward()
    assert calls == [module]


def test_hooks_on_all_modules_see_every_child() -> None:
    fast, definition = attentions("rga-sc")
    calls: set[nn.Module] = set()
    handle = nn.modules.module.register_module_forward_hook(lambda module, *_: calls.add(module))
    try:
        assert_one_function(fast, definition)
    finally:
        handle.remove()
    assert set(fast.modules()) <= calls


def test_a_forward_that_was_set_on_a_child_is_called() -> None:
    fast, _ = attentions()
    linear = fast[0].gate.w1.linear  # type: ignore[index]
    before = fast.eval()(X)
    linear.forward = lambda x: nn.functional.linear(x, 2 * linear.weight)
    assert not torch.allclose(fast(X), before)


# ---- changed weights


def half_pruned(module: nn.Module, _child: str) -> None:
    prune.l1_unstructured(module, "weight", 0.5)


def rows_pruned(module: nn.Module, _child: str) -> None:
    prune.ln_structured(module, "weight", 0.5, n=2, dim=0)


class Doubled(nn.Module):
    """A parametrisation: twice the weight."""

    def forward(self, weight: Tensor) -> Tensor:
        return 2 * weight


def parametrised(module: nn.Module, _child: str) -> None:
    parametrize.register_parametrization(module, "weight", Doubled())


CHANGES: dict[str, Change] = {"pruned": half_pruned, "rows pruned": rows_pruned, "parametrised": parametrised}


@pytest.mark.parametrize("name", ["rga-s", "rga-c"])
@pytest.mark.parametrize("child", LINEARS)
@pytest.mark.parametrize("change", CHANGES)
def test_changed_weights_are_used(change: str, child: str, name: str) -> None:
    fast, definition = attentions(name)
    before = fast.eval()(X)
    for module in (fast, definition):
        gate = module[0].gate  # type: ignore[index]
        CHANGES[change](gate.get_submodule(child), child)
    assert_one_function(fast, definition)
    assert not torch.allclose(fast.eval()(X), before)


def test_pruned_weights_get_no_gradient_and_stay_when_made_permanent() -> None:
    fast, _ = attentions()
    rows = fast[0].gate.varphi.rows  # type: ignore[index]
    prune.l1_unstructured(rows, "weight", 0.5)
    fast.train()(X).square().sum().backward()
    assert torch.equal(rows.weight_orig.grad == 0, rows.weight_mask == 0)
    expected = fast.eval()(X)
    prune.remove(rows, "weight")
    assert is_plain_linear(rows)
    torch.testing.assert_close(fast(X), expected)


class Adapted(nn.Module):
    """A linear layer with a low-rank adapter beside it (LoRA, arXiv 2106.09685), as PEFT puts it in the layer's place."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Linear(base.in_features, 2, bias=False, dtype=base.weight.dtype)
        self.up = nn.Linear(2, base.out_features, bias=False, dtype=base.weight.dtype)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.base(x) + self.up(self.down(x))
        return out


@pytest.mark.parametrize("name", ["rga-s", "rga-c"])
@pytest.mark.parametrize("child", LINEARS)
def test_an_adapter_in_a_childs_place_learns(name: str, child: str) -> None:
    fast, definition = attentions(name)
    owner, _, attribute = child.rpartition(".")
    gate = fast[0].gate.get_submodule(owner)  # type: ignore[index]
    adapted = Adapted(getattr(gate, attribute))
    setattr(gate, attribute, adapted)
    merged = definition[0].gate.get_submodule(child)  # type: ignore[index]
    with torch.no_grad():
        merged.weight += adapted.up.weight @ adapted.down.weight
    for training in (True, False):
        torch.testing.assert_close(fast.train(training)(X), definition.train(training)(X))
    fast.train()(X).square().sum().backward()
    for layer in (adapted.up, adapted.down):
        assert layer.weight.grad is not None
        assert layer.weight.grad.abs().max() > 0


@pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", ["rga-sc", "rga-parallel"])
def test_dynamic_quantisation_replaces_every_linear_map(name: str) -> None:
    module = attentions(name)[0].float().eval()
    quantised = torch.ao.quantization.quantize_dynamic(copy.deepcopy(module), {nn.Linear}, dtype=torch.qint8)
    kinds = [type(child).__module__ for child in quantised.modules() if type(child).__name__ == "Linear"]
    assert sum("quantized" in kind for kind in kinds) == 2 * len(LINEARS)
    x = X.float()
    with torch.no_grad():
        expected, found = module(x), quantised(x)
    assert not torch.equal(found, expected)
    assert (found - expected).abs().mean() < 0.05 * expected.abs().mean()


def test_changed_weights_are_not_moved_to_another_grid_but_named() -> None:
    fast, _ = attentions()
    prune.l1_unstructured(fast[0].gate.varphi.rows, "weight", 0.5)  # type: ignore[index]
    with pytest.raises(ValueError, match=r"Linear with the parameters \['weight_orig'\] cannot be moved.*prune\.remove"):
        rga.resample(fast, grid=(8, 6))


# ---- counters of operations


def macs_of_linears(reduction: int = 2) -> dict[str, int]:
    """Multiply-accumulates of each linear map of one RGA-S and one image, without the affinity."""
    width, relation = CHANNELS // reduction, POSITIONS // reduction
    hidden = (1 + relation) // 8
    return {
        "theta_phi_psi.linear": POSITIONS * CHANNELS * 3 * width,
        "varphi.rows": width * POSITIONS * relation,
        "varphi.columns": width * POSITIONS * relation,
        "w1.linear": POSITIONS * (1 + relation) * hidden,
        "w2.linear": POSITIONS * hidden,
    }


def test_counters_with_hooks_see_every_linear_map() -> None:
    """As in ptflops and thop: a hook on each layer multiplies the numbers that come out by the inputs of each."""
    fast = attentions()[0].eval()
    counted: dict[str, int] = {}
    gate = fast[0].gate  # type: ignore[index]
    for name, module in gate.named_modules():
        if isinstance(module, nn.Linear):
            module.register_forward_hook(lambda layer, _, out, name=name: counted.__setitem__(name, out.numel() * layer.in_features))
    with torch.no_grad():
        fast(X[:1])
    assert counted == macs_of_linears()


def test_pytorchs_counter_tells_the_layers_apart() -> None:
    fast = attentions()[0].eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        fast(X[:1])
    counts = counter.get_flop_counts()
    for name, macs in macs_of_linears().items():
        assert sum(counts[f"AttentionSequence.spatial.gate.{name}"].values()) == 2 * macs
    expected = sum(macs_of_linears().values()) + 2 * POSITIONS * (CHANNELS // 2) * (POSITIONS // 2)  # and the products with theta and phi
    assert counter.get_total_flops() == 2 * expected


# ---- what is plain


def test_what_may_be_left_out() -> None:
    layer = nn.Linear(3, 2, bias=False)
    assert is_plain_linear(layer)
    assert not is_plain_linear(nn.Linear(3, 2))
    assert not is_plain_linear(nn.Identity())
    for register in (
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
    ):
        handle = getattr(layer, register)(lambda *_: None)
        assert not is_unwatched(layer)
        handle.remove()
        assert is_unwatched(layer)


def test_the_fast_path_is_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    fast, _ = attentions()

    def fail(*_: object) -> Tensor:
        raise AssertionError("a child was called")

    monkeypatch.setattr(nn.Linear, "forward", fail)
    fast[0].gate.varphi.forward = fail  # type: ignore[index]
    with pytest.raises(AssertionError, match="a child was called"):
        fast(X)
    del fast[0].gate.varphi.forward  # type: ignore[index]
    monkeypatch.setattr(RelationGate, "forward", fail)
    fast.train()(X)
    fast.eval()(X)
