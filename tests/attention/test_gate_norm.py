"""The BN over the logits of the gates: its momentum, and attention without it, which is compared with the paper's form."""

import copy
import itertools
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import rga
from rga.attention.relation import LinearBias, LinearNorm, RelationGate
from rga.errors import InputError
from rga.reid.model import ReidModel
from rga.storage.saved_model import save_model

ARRANGEMENTS = ["rga-s", "rga-c", "rga-sc", "rga-cs", "rga-parallel"]
DENSE = [pytest.param(False, id="fast"), pytest.param(True, id="dense")]


def gates(module: nn.Module) -> list[RelationGate]:
    return [each for each in module.modules() if isinstance(each, RelationGate)]


def pair(name: str, *, dense: bool = False, fit: str = "exact") -> tuple[nn.Module, nn.Module]:
    """Attention with and without the BN, as one function in evaluation: the BN's map of the logits becomes W2's weight and bias."""
    with_norm, without = (
        rga.create_attention(name, 16, (6, 4), reduction=2, dense=dense, fit=fit, gate_norm=norm).double().eval()
        for norm in ("batch", "none")
    )
    for each in with_norm.modules():
        if isinstance(each, nn.BatchNorm1d):
            each.running_mean.normal_(0, 0.3)  # type: ignore[union-attr]
            each.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
            nn.init.normal_(each.weight)
            nn.init.normal_(each.bias)
    without.load_state_dict(with_norm.state_dict(), strict=False)
    for theirs, ours in zip(gates(with_norm), gates(without), strict=True):
        norm = theirs.w2.norm
        assert isinstance(norm, nn.BatchNorm1d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        slope = norm.weight / (norm.running_var + norm.eps).sqrt()
        ours.w2.linear.weight.data = theirs.w2.linear.weight.data * slope.data[:, None]
        ours.w2.linear.bias.data = (norm.bias - norm.running_mean * slope).data
    return with_norm, without


def maps(*grid: int) -> Tensor:
    return torch.randn(3, 16, *(grid or (6, 4)), dtype=torch.float64)


@pytest.mark.parametrize("dense", DENSE)
@pytest.mark.parametrize("name", ARRANGEMENTS)
def test_without_the_norm_a_gate_is_the_sigmoid_of_a_linear_map(name: str, dense: bool) -> None:
    with_norm, without = pair(name, dense=dense)
    x = maps()
    torch.testing.assert_close(without(x), with_norm(x), rtol=0, atol=1e-12)
    with torch.no_grad():
        torch.testing.assert_close(without(x), with_norm(x), rtol=0, atol=1e-12)  # in blocks


@pytest.mark.parametrize("name", ["rga-s", "rga-sc", "rga-parallel"])
def test_on_other_grids_it_is_as_with_the_norm(name: str) -> None:
    with_norm, without = pair(name, fit="pool")
    for grid in ((9, 5), (4, 4)):
        x = maps(*grid)
        torch.testing.assert_close(without(x), with_norm(x), rtol=0, atol=1e-12)
    for module in (with_norm, without):
        rga.resample(module, grid=(9, 5))
    x = maps(9, 5)
    torch.testing.assert_close(without(x), with_norm(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ARRANGEMENTS)
def test_keys_differ_by_the_norm_and_the_bias_alone(name: str) -> None:
    with_norm, without = (list(module.state_dict()) for module in pair(name))
    lost, new = (sorted(set(a) - set(b)) for a, b in ((with_norm, without), (without, with_norm)))
    prefixes = sorted(key.removesuffix("w2.linear.bias") for key in new)
    assert len(prefixes) == len(gates(pair(name)[0]))
    entries = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    assert lost == sorted(f"{prefix}w2.norm.{entry}" for prefix, entry in itertools.product(prefixes, entries))
    assert list(rga.create_attention(name, 16, (6, 4)).state_dict()) == with_norm


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", ["rga-s", "rga-c"])
def test_gradcheck_without_the_norm(name: str, training: bool) -> None:
    module = rga.create_attention(name, 8, (3, 2), gate_norm="none").double().train(training)
    x = torch.randn(3, 8, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(module, (x,), atol=1e-5)
    module(x).square().sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


@pytest.mark.parametrize("dense", DENSE)
def test_without_the_norm_no_gate_depends_on_another_image(dense: bool) -> None:
    """Of all the BNs of a training module only that of the logits is left in training mode: where there is none, images stay apart."""
    for gate_norm, apart in (("batch", False), ("none", True)):
        module = rga.create_attention("rga-sc", 16, (6, 4), gate_norm=gate_norm, dense=dense).train()
        for each in gates(module):
            for name, norm in each.named_modules():
                if isinstance(norm, nn.BatchNorm1d) and not name.startswith("w2"):
                    norm.eval()
        x = maps().float()
        assert torch.allclose(module(x)[:1], module(x[:1]), atol=1e-6) == apart


@pytest.mark.parametrize("initial_gate", [None, 0.2, 0.95, 0.99])
@pytest.mark.parametrize("name", ["spatial", "channel"])
def test_without_the_norm_the_bias_sets_where_gates_start(name: str, initial_gate: float | None) -> None:
    module = rga.create_attention("rga-parallel", 64, (16, 8), gate_norm="none", initial_gate=initial_gate)
    gate = module.get_submodule(f"{name}.gate")
    assert isinstance(gate, RelationGate)
    assert isinstance(gate.w2, LinearBias)
    start = initial_gate or 0.5
    torch.testing.assert_close(gate.w2.linear.bias.sigmoid(), torch.tensor([start]))
    x = torch.randn(4, 64, 16, 8)
    found = gate(x.flatten(2).mT if name == "spatial" else x.flatten(2))
    assert found.std() > 1e-4  # they depend on their node
    if initial_gate is not None:
        assert gate.w2.linear.weight.norm().item() == pytest.approx(0.1)
        assert (found.logit() - gate.w2.linear.bias).abs().mean() < 0.2
        module(x).square().sum().backward()
        assert [key for key, p in module.named_parameters() if p.grad is None or not p.grad.abs().max()] == []


@pytest.mark.parametrize("momentum", [None, 0.01, 1.0])
@pytest.mark.parametrize("name", ARRANGEMENTS)
def test_the_momentum_is_that_of_the_logits_alone(name: str, momentum: float | None) -> None:
    module = rga.create_attention(name, 16, (6, 4), **({} if momentum is None else {"gate_norm_momentum": momentum})).double()
    logits: dict[nn.Module, Tensor] = {}
    for gate in gates(module):
        assert isinstance(gate.w2, LinearNorm)
        assert [norm.momentum for norm in gate.modules() if isinstance(norm, nn.BatchNorm1d) and norm is not gate.w2.norm] == [0.1] * 3
        gate.w2.norm.register_forward_pre_hook(lambda norm, inputs: logits.update({norm: inputs[0].detach()}))
    module(maps())
    share = 0.1 if momentum is None else momentum
    assert len(logits) == len(gates(module))
    for norm, seen in logits.items():
        assert isinstance(norm, nn.BatchNorm1d)
        torch.testing.assert_close(norm.running_mean, share * seen.mean(0))
        torch.testing.assert_close(norm.running_var, (1 - share) + share * seen.var(0))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("dense", DENSE)
def test_half_precision_without_the_norm(dtype: torch.dtype, dense: bool) -> None:
    module = rga.create_attention("rga-sc", 16, (6, 4), gate_norm="none", dense=dense).eval()
    x = maps().to(dtype)
    exact = module(x.float())
    with torch.autocast("cpu", dtype=dtype):
        torch.testing.assert_close(module(x).float(), exact, rtol=2 * torch.finfo(dtype).eps, atol=1e-3)
    narrow = copy.deepcopy(module).to(dtype)
    assert {p.dtype for p in narrow.parameters()} == {torch.float32}
    torch.testing.assert_close(narrow(x).float(), exact, rtol=2 * torch.finfo(dtype).eps, atol=1e-3)


def test_a_weight_and_bias_that_are_narrower_than_the_nodes_are_widened() -> None:
    (gate,) = gates(rga.create_attention("rga-s", 16, (6, 4), gate_norm="none", initial_gate=0.9))
    nodes = torch.randn(2, 24, 16)
    expected = gate(nodes)
    linear = gate.w2.linear
    linear.weight, linear.bias = (nn.Parameter(each.detach().bfloat16()) for each in (linear.weight, linear.bias))
    torch.testing.assert_close(gate(nodes), expected, rtol=0.01, atol=0)


def test_a_replaced_or_hooked_last_layer_is_called() -> None:
    (gate,) = gates(rga.create_attention("rga-s", 16, (6, 4), gate_norm="none"))
    nodes = torch.randn(2, 24, 16)
    gate.w2.linear.register_forward_hook(lambda _linear, _inputs, out: out + 100)
    assert gate(nodes).min() == 1
    gate.w2.linear = nn.Sequential(nn.Linear(1, 1), nn.Tanh())  # type: ignore[assignment]
    nn.init.constant_(gate.w2.linear[0].bias, 50.0)  # type: ignore[index]
    assert gate(nodes).sub(torch.ones(()).sigmoid()).abs().max() < 1e-6


def test_it_is_recorded_as_a_graph() -> None:
    module = rga.create_attention("rga-s", 16, (6, 4), gate_norm="none").eval()
    x = maps().float()
    exported = torch.export.export(module, (x,)).module()
    torch.testing.assert_close(exported(x), module(x))
    graph = torch.fx.symbolic_trace(module)
    torch.testing.assert_close(graph(x), module(x))


def test_recorded_gates_are_those_without_the_norm() -> None:
    module = rga.create_attention("rga-sc", 16, (6, 4), gate_norm="none").eval()
    x = maps().float()
    with rga.record(module, positions=[(0.5, 0.5)]) as recording:
        out = module(x)
    torch.testing.assert_close(x * recording["spatial"].gate * recording["channel"].gate, out)
    assert recording["spatial"].rows is not None


def test_weights_of_the_other_form_are_named_and_loaded_but_for_the_last_layer() -> None:
    module, other = (rga.create_attention("rga-sc", 16, (6, 4), gate_norm=norm) for norm in ("none", "batch"))
    with pytest.raises(RuntimeError, match=r"Missing .*spatial.gate.w2.linear.bias.*\n.*Unexpected .*spatial.gate.w2.norm.weight"):
        module.load_state_dict(other.state_dict())
    module.load_state_dict(other.state_dict(), strict=False)
    torch.testing.assert_close(module.get_submodule("spatial.gate.w1.linear").weight, other.get_submodule("spatial.gate.w1.linear").weight)


def test_there_is_no_form_of_it_in_the_reference() -> None:
    attention = rga.create_attention("rga-sc", 16, (6, 4), gate_norm="none").state_dict()
    with pytest.raises(
        InputError, match=r"no bias in it.*spatial.gate.w2.linear.bias.*channel.gate.w2.linear.bias.*gate_norm='none' has no"
    ):
        rga.to_reference(attention)
    network = {f"backbone.layer2.attention.{key}": value for key, value in attention.items()}
    with pytest.raises(InputError, match=r"backbone.layer2.attention.spatial.gate.w2.linear.bias"):
        rga.to_reference(network)
    with_momentum = rga.create_attention("rga-sc", 16, (6, 4), gate_norm_momentum=0.01).state_dict()
    assert rga.to_reference(with_momentum)[1] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gate_norm": "layer"}, "unknown gate_norm 'layer': choose one of 'batch', 'none'"),
        ({"gate_norm": None}, "unknown gate_norm None"),
        ({"gate_norm_momentum": 0.0}, "gate_norm_momentum must lie above 0 and be at most 1, got 0.0"),
        ({"gate_norm_momentum": 1.5}, "must lie above 0 and be at most 1, got 1.5"),
        ({"gate_norm_momentum": float("nan")}, "got nan"),
        ({"gate_norm_momentum": None}, "got None"),
        ({"gate_norm_momentum": "0.1"}, "got '0.1'"),
        ({"gate_norm": "none", "gate_norm_momentum": 0.01}, "gate_norm_momentum=0.01 belongs to the BN that gate_norm='none' leaves out"),
        ({"gate_norm": "none", "initial_gate": 1.0}, "initial_gate must lie between 0 and 1"),
    ],
    ids=str,
)
def test_what_cannot_be_built_is_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        rga.create_attention("rga-sc", 16, (6, 4), **options)


@pytest.mark.parametrize("options", [{"gate_norm": "none"}, {"gate_norm_momentum": 0.02}], ids=str)
def test_a_saved_model_has_the_form_that_it_was_built_with(options: dict[str, object], tmp_path: Path) -> None:
    model = ReidModel("test_resnet", image_size=(64, 32), attention_options=options).eval()
    save_model(model, tmp_path / "best", {})
    loaded = rga.load(tmp_path / "best")
    last, again = ([gate.w2 for gate in gates(each)] for each in (model, loaded))
    assert [type(each) for each in again] == [type(each) for each in last]
    assert [getattr(each, "norm", nn.Identity()).__dict__.get("momentum") for each in again] == [options.get("gate_norm_momentum")] * len(
        last
    )
    x = torch.rand(2, 3, 64, 32)
    torch.testing.assert_close(loaded(x)[0], model(x)[0])
