"""Relation-aware attention: against its equations, and at work under PyTorch's transformations."""

import copy
import itertools
import pickle

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import rga
from rga.attention.acceleration.gate import FastRelationGate
from rga.attention.arrangements import relation_attention
from rga.attention.factorised import FactorisedRelationEmbedding
from rga.attention.modules import ChannelRelationAttention, SpatialRelationAttention
from rga.attention.relation import LinearNorm, RelationEmbedding, RelationGate, rga_c, rga_s

ARRANGEMENTS = ["rga-s", "rga-c", "rga-sc", "rga-cs", "rga-parallel"]
ABLATIONS = [
    {"embedding": embedding, "relation": relation, "original": original}
    for embedding, relation, original in itertools.product(("asymmetric", "symmetric", "none"), (True, False), (True, False))
    if relation or original
] + [{"gate_norm": "none"}, {"gate_norm": "none", "original": False}]


def randomise(module: nn.Module) -> nn.Module:
    """Gives every parameter and running statistic a value that matters."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm1d):
            nn.init.normal_(norm.running_mean, std=0.3)  # type: ignore[arg-type]
            nn.init.uniform_(norm.running_var, 0.5, 1.5)  # type: ignore[arg-type]
    return module


def layer(module: LinearNorm | RelationEmbedding, weight: Tensor, x: Tensor, relu: bool = True) -> Tensor:
    """1x1 convolution, BN (evaluation), ReLU of one vector, by the textbook."""
    norm = module.norm
    assert norm.running_mean is not None
    assert norm.running_var is not None
    y = (weight @ x - norm.running_mean) / (norm.running_var + norm.eps).sqrt() * norm.weight + norm.bias
    return y.relu() if relu else y


def naive_gate(gate: RelationGate, nodes: Tensor) -> Tensor:
    """The equations, node by node and pair by pair: (M, D) -> (M,)."""
    project, width = gate.theta_phi_psi, max(gate.widths)
    embedded = [layer(project, project.linear.weight, x) if project is not None else x[:0] for x in nodes]
    if gate.embedding == "none":
        theta = phi = list(nodes)
    elif gate.embedding == "symmetric":
        theta = phi = [e[:width] for e in embedded]
    else:
        theta, phi = [e[:width] for e in embedded], [e[width : 2 * width] for e in embedded]
    gates = []
    for i in range(len(nodes)):
        y = []
        if gate.original:
            y.append(embedded[i][-width:].mean()[None])
        if gate.varphi is not None:
            row = torch.stack([theta[i] @ phi[j] for j in range(len(nodes))])
            column = torch.stack([theta[j] @ phi[i] for j in range(len(nodes))])
            weight = torch.cat([gate.varphi.rows.weight, gate.varphi.columns.weight], 1)
            y.append(layer(gate.varphi, weight, torch.cat([row, column])))
        hidden = layer(gate.w1, gate.w1.linear.weight, torch.cat(y))
        last = gate.w2
        logit = (
            layer(last, last.linear.weight, hidden, relu=False)
            if isinstance(last, LinearNorm)
            else last.linear.weight @ hidden + last.linear.bias
        )
        gates.append(torch.sigmoid(logit))
    return torch.cat(gates)


@pytest.mark.parametrize("dense", [False, True], ids=["factorised", "dense"])
@pytest.mark.parametrize("options", ABLATIONS, ids=lambda options: "-".join(str(value) for value in options.values()))
@pytest.mark.parametrize("name", ["rga-s", "rga-c"])
def test_equals_the_equations(name: str, options: dict[str, object], dense: bool) -> None:
    module = randomise(rga.create_attention(name, 6, (3, 2), reduction=2, hidden_reduction=2, dense=dense, **options)).double().eval()
    x = torch.randn(2, 6, 3, 2, dtype=torch.float64)
    part = module[0]  # type: ignore[index]
    for image, out in zip(x, module(x), strict=True):
        if isinstance(part, SpatialRelationAttention):
            expected = image * naive_gate(part.gate, image.flatten(1).T).view(1, 3, 2)
        else:
            assert isinstance(part, ChannelRelationAttention)
            expected = image * naive_gate(part.gate, image.flatten(1)).view(6, 1, 1)
        torch.testing.assert_close(out, expected, rtol=0, atol=1e-12)


def test_the_functions_of_the_paper_are_the_modules() -> None:
    module = rga.create_attention("rga-sc", 8, (4, 3)).double().eval()
    x = torch.randn(2, 8, 4, 3, dtype=torch.float64)
    spatial, channel = module.get_submodule("spatial.gate"), module.get_submodule("channel.gate")
    torch.testing.assert_close(module(x), rga_c(rga_s(x, spatial), channel), rtol=0, atol=1e-12)


def test_a_row_of_attentions_is_a_sequential() -> None:
    module = rga.create_attention("rga-sc", 8, (4, 3))
    assert isinstance(module, nn.Sequential)
    assert list(dict(module.named_children())) == ["spatial", "channel"]


@pytest.mark.parametrize("options", ABLATIONS, ids=lambda options: "-".join(str(value) for value in options.values()))
def test_factorised_equals_dense_in_training(options: dict[str, object]) -> None:
    dense = rga.create_attention("rga-sc", 16, (4, 6), dense=True, **options).double()
    ours = rga.create_attention("rga-sc", 16, (4, 6), **options).double()
    ours.load_state_dict(dense.state_dict())
    x = torch.randn(3, 16, 4, 6, dtype=torch.float64)
    results = []
    for module in (dense, ours):
        leaf = x.clone().requires_grad_()
        out = module(leaf)
        (out * torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)).sum().backward()
        assert leaf.grad is not None
        results.append([out.detach(), leaf.grad, *(p.grad for p in module.parameters()), *module.buffers()])
    for theirs, mine in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-11)


def test_compositions_are_what_they_are_called() -> None:
    x = torch.randn(2, 16, 4, 4)
    modules = {name: rga.create_attention(name, 16, (4, 4)).eval() for name in ARRANGEMENTS}
    both = modules["rga-sc"]
    for name in ("rga-cs", "rga-parallel"):
        modules[name].load_state_dict(both.state_dict())
    spatial, channel = both.get_submodule("spatial"), both.get_submodule("channel")
    torch.testing.assert_close(both(x), channel(spatial(x)))
    torch.testing.assert_close(modules["rga-cs"](x), spatial(channel(x)))
    torch.testing.assert_close(modules["rga-parallel"](x), x * (spatial(x) / x) * (channel(x) / x))


def test_widths_are_never_zero() -> None:
    for options in ABLATIONS:
        module = rga.create_attention("rga-parallel", 3, (2, 1), **options)
        assert all(parameter.numel() for parameter in module.parameters())
        assert module(torch.rand(4, 3, 2, 1)).shape == (4, 3, 2, 1)


def test_reductions_set_the_widths() -> None:
    gate = relation_attention("s", 64, (8, 4), reduction=4, hidden_reduction=3).get_submodule("spatial.gate")
    assert isinstance(gate, RelationGate)
    assert gate.varphi is not None
    assert gate.theta_phi_psi is not None
    assert gate.theta_phi_psi.linear.weight.shape == (3 * 16, 64)
    assert gate.varphi.rows.weight.shape == gate.varphi.columns.weight.shape == (8, 32)
    assert gate.w1.linear.weight.shape == (3, 9)


def test_reductions_that_exceed_a_small_grid_leave_widths_of_one() -> None:
    for reduction, width, hidden in ((8, 2, 1), (16, 1, 1), (32, 1, 1)):
        module = relation_attention("sc", 512, (6, 3), reduction=reduction)
        spatial, channel = (module.get_submodule(f"{name}.gate") for name in ("spatial", "channel"))
        assert isinstance(spatial, RelationGate)
        assert isinstance(channel, RelationGate)
        assert (max(spatial.widths), max(channel.widths)) == (512 // reduction, width)
        for gate, relation_width, hidden_width in ((spatial, width, hidden), (channel, 512 // reduction, (1 + 512 // reduction) // 8)):
            assert gate.varphi is not None
            assert gate.varphi.rows.out_features == relation_width
            assert gate.w1.linear.out_features == hidden_width
        assert module(torch.rand(2, 512, 6, 3)).isfinite().all()


def test_default_gates_start_near_one_half_and_initial_gate_moves_them() -> None:
    x = torch.randn(16, 32, 8, 4)
    for name in ("spatial", "channel"):
        for start, options in ((0.5, {}), (0.95, {"initial_gate": 0.95}), (0.2, {"initial_gate": 0.2})):
            module = rga.create_attention("rga-parallel", 32, (8, 4), **options)
            gates = module.get_submodule(f"{name}.gate")(x.flatten(2).mT if name == "spatial" else x.flatten(2))
            assert abs(gates.mean().item() - start) < 0.06
            assert gates.std() > 1e-4  # they still depend on their node


def test_every_weight_learns_from_a_gentle_start() -> None:
    module = rga.create_attention("rga-sc", 32, (8, 4), initial_gate=0.95)
    module(torch.randn(8, 32, 8, 4)).square().sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"embedding": "cosine"}, "unknown embedding 'cosine'"),
        ({"relation": False, "original": False}, "leave nothing"),
        ({"initial_gate": 1.0}, "between 0 and 1"),
        ({"reduction": 0}, "at least 1"),
        ({"fit": "stretch"}, "unknown fit 'stretch'"),
        ({"width_grid": (0, 4)}, "a grid is"),
    ],
)
def test_bad_options_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rga.create_attention("rga-sc", 16, (4, 4), **options)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_accumulates_in_float32(dtype: torch.dtype) -> None:
    """At 256x128 sums over 2,048 positions of large activations would leave float16's range."""
    module = rga.create_attention("rga-sc", 16, (64, 32)).eval()
    x = (300 * torch.randn(2, 16, 64, 32).relu()).to(dtype)
    exact = module(x.float())
    with torch.autocast("cpu", dtype=dtype):
        out = module(x)
    assert out.dtype == dtype
    torch.testing.assert_close(out.float(), exact, rtol=2 * torch.finfo(dtype).eps, atol=1e-3)
    theta, phi, _ = module.get_submodule("spatial.gate.theta_phi_psi")(x.float().flatten(2).mT).chunk(3, -1)
    assert (theta @ phi.mT).sum(-1).max() > torch.finfo(torch.float16).max  # half precision would have overflowed


@pytest.mark.parametrize("training", [True, False])
def test_half_precision_weights(training: bool) -> None:
    module = rga.create_attention("rga-sc", 16, (4, 4)).to(torch.bfloat16).train(training)
    out = module(torch.randn(4, 16, 4, 4, dtype=torch.bfloat16))
    assert out.dtype == torch.bfloat16
    assert out.isfinite().all()


def test_large_activations_train_without_overflow() -> None:
    module = rga.create_attention("rga-sc", 8, (64, 32))
    x = (1e4 * torch.randn(2, 8, 64, 32)).requires_grad_()
    module(x).mean().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


@pytest.mark.parametrize("name", ARRANGEMENTS)
@pytest.mark.parametrize("training", [True, False])
def test_channels_last_is_the_same(name: str, training: bool) -> None:
    module = rga.create_attention(name, 16, (6, 4)).double().train(training)
    x = torch.randn(3, 16, 6, 4, dtype=torch.float64)
    expected = module(x)
    torch.testing.assert_close(module(x.to(memory_format=torch.channels_last)), expected, rtol=1e-10, atol=1e-12)


def test_frozen_normalisation_inside_a_training_module_is_used_as_it_is() -> None:
    module = randomise(rga.create_attention("rga-sc", 16, (4, 4)))
    x = torch.randn(3, 16, 4, 4)
    expected = module.eval()(x)
    module.train()
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm1d):
            norm.eval()
    torch.testing.assert_close(module(x), expected)


def test_deepcopy_and_pickle() -> None:
    module = rga.create_attention("rga-parallel", 16, (4, 4)).eval()
    x = torch.randn(2, 16, 4, 4)
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        torch.testing.assert_close(other(x), module(x), rtol=0, atol=0)


def test_activation_checkpointing() -> None:
    module = rga.create_attention("rga-sc", 16, (4, 4)).double()
    again = copy.deepcopy(module)
    x = torch.randn(3, 16, 4, 4, dtype=torch.float64, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    module(x).square().sum().backward()
    checkpoint(again, y, use_reentrant=False).square().sum().backward()
    torch.testing.assert_close(y.grad, x.grad)
    for ours, theirs in zip(again.parameters(), module.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_vmap_and_functional_gradients() -> None:
    module = rga.create_attention("rga-sc", 8, (4, 4)).double().eval()
    parameters: dict[str, Tensor] = dict(module.named_parameters())
    buffers = dict(module.named_buffers())
    images = torch.randn(3, 8, 4, 4, dtype=torch.float64)

    def loss(parameters: dict[str, Tensor], image: Tensor) -> Tensor:
        out: Tensor = torch.func.functional_call(module, (parameters, buffers), (image[None],))
        return out.square().sum()

    per_image = torch.func.vmap(loss, in_dims=(None, 0))(parameters, images)
    torch.testing.assert_close(per_image, torch.stack([loss(parameters, image) for image in images]))
    gradients = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(parameters, images)
    module(images).square().sum().backward()
    for name, parameter in module.named_parameters():
        torch.testing.assert_close(gradients[name].sum(0), parameter.grad)


@pytest.mark.parametrize("training", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_compiles_without_graph_breaks(training: bool) -> None:
    torch.compiler.reset()
    module = rga.create_attention("rga-sc", 16, (8, 4)).train(training)
    again = copy.deepcopy(module)
    compiled = torch.compile(again, fullgraph=True, backend="aot_eager")
    x = torch.randn(3, 16, 8, 4)
    torch.testing.assert_close(compiled(x), module(x))
    for ours, theirs in zip(again.buffers(), module.buffers(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_exports_with_a_dynamic_batch() -> None:
    module = rga.create_attention("rga-sc", 16, (8, 4)).eval()
    exported = torch.export.export(module, (torch.randn(2, 16, 8, 4),), dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=64)},))
    x = torch.randn(7, 16, 8, 4)
    torch.testing.assert_close(exported.module()(x), module(x))


@pytest.mark.parametrize("way", ["export", "trace"])
def test_the_batch_stays_free_when_inference_is_recorded(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rga.attention.acceleration.gate.BLOCK_BYTES", 1)  # blocks of one image, if they were used
    module = rga.create_attention("rga-sc", 16, (8, 4)).eval()
    x = torch.randn(7, 16, 8, 4)
    with torch.no_grad():
        if way == "export":
            free = ({0: torch.export.Dim("batch", min=1, max=64)},)
            recorded = torch.export.export(module, (x[:2],), dynamic_shapes=free).module()
        else:
            recorded = torch.jit.trace(module, (x[:2],))
        torch.testing.assert_close(recorded(x), module(x))


def test_backward_may_be_called_inside_of_autocast() -> None:
    """PyTorch's own products then run in half precision; recomputed tensors must fit the kept ones."""
    module = rga.create_attention("rga-sc", 16, (8, 4))
    gradients = []
    for inside in (False, True):
        again = copy.deepcopy(module)
        x = torch.randn(3, 16, 8, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
        loss = again(x).square().sum()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=inside):
            loss.backward()
        assert x.grad is not None
        gradients.append(x.grad.flatten())
    assert torch.cosine_similarity(gradients[0], gradients[1], dim=0) > 0.99


def test_inference_in_blocks_of_images_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    module = randomise(rga.create_attention("rga-sc", 16, (8, 4))).double().eval()
    x = torch.randn(5, 16, 8, 4, dtype=torch.float64)
    expected = module(x)  # with gradients: whole
    monkeypatch.setattr("rga.attention.acceleration.gate.BLOCK_BYTES", 2 * 32 * 4 * 8)  # two images of 32 nodes x 4 relation features
    with torch.no_grad():
        gate = module.get_submodule("spatial.gate")
        assert isinstance(gate, FastRelationGate)
        assert isinstance(gate.varphi, FactorisedRelationEmbedding)
        theta_phi, unary = gate.embed(x.flatten(2).mT)
        assert len(gate.blocks(gate.varphi, theta_phi, gate.sums(gate.varphi, theta_phi), unary)) == 3
        torch.testing.assert_close(module(x), expected, rtol=0, atol=1e-12)


def test_functional_gradients_in_training_mode() -> None:
    """``torch.func`` knows no hooks on saved tensors, by which training saves memory."""
    module = rga.create_attention("rga-s", 8, (4, 4)).double()
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
    x = torch.randn(3, 8, 4, 4, dtype=torch.float64)

    def loss(x: Tensor, buffers: dict[str, Tensor]) -> Tensor:
        out: Tensor = torch.func.functional_call(module, (dict(module.named_parameters()), buffers), (x,))
        return out.square().sum()

    gradient = torch.func.grad(loss)(x, buffers)
    leaf = x.clone().requires_grad_()
    module(leaf).square().sum().backward()
    torch.testing.assert_close(gradient, leaf.grad)


def test_second_derivatives_reach_through_recomputation() -> None:
    module = rga.create_attention("rga-s", 6, (3, 2), reduction=2).double()
    x = torch.randn(3, 6, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(module, (x,), atol=1e-5)


def test_no_affinity_is_built() -> None:
    """At 128x64 positions the affinity of one image takes 256 MiB; the largest tensor in training must be far smaller."""
    largest = 0

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            nonlocal largest
            out = func(*args, **(kwargs or {}))
            if isinstance(out, Tensor):
                largest = max(largest, out.numel())
            return out

    module = rga.create_attention("rga-s", 8, (128, 64))
    weights = max(parameter.numel() for parameter in module.parameters())
    with Watch():
        module(torch.randn(1, 8, 128, 64)).sum().backward()
    assert largest <= weights
    assert weights < 8192**2 / 2
