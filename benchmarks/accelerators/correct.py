"""(a) Whether the attention is right on the device: the reference's tensors, and the logits of its gates in every precision."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import rga
from accelerators.part import PRECISIONS, Machine, Report, set_precision
from rga.attention.acceleration.gate import FastRelationGate
from rga.attention.acceleration.half_products import GatePrecision

GOLDEN = Path(__file__).parents[2] / "tests" / "golden"
BAR = 1e-5
"""Largest difference to the reference in float32, of the largest number of its tensor. What other precisions differ by is told, not judged:
gradients of batches so small are differences of large sums."""
LOGITS = {"float32": 1e-3, "TF32": 5e-2, "bfloat16": 5e-2, "float16": 5e-2}
"""Root mean square error of the logits before the sigmoid, of their deviation."""
WAYS: tuple[tuple[str, GatePrecision], ...] = (*((name, "half") for name in PRECISIONS), ("bfloat16", "float32"), ("float16", "float32"))
"""Precision of the network, and of theta, phi and psi for maps in half precision."""
STAGES = ((256, (64, 32)), (512, (32, 16)), (1024, (16, 8)), (2048, (16, 8)))


def correct(machine: Machine, report: Report) -> None:
    """Compares with the reference, and with float64."""
    goldens(machine, report)
    logits(machine, report)


def goldens(machine: Machine, report: Report) -> None:
    """The modules against tensors that the reference implementation computed in float64."""
    table = report.table(
        "Against the reference's tensors: largest difference, of the largest number", "tensors", *PRECISIONS, f"float32 within {BAR:g}"
    )
    paths = sorted(GOLDEN.glob("module_*.npz"))
    for path in paths[:1] if machine.toy else paths:
        found = [difference(path, name, machine.device) for name in PRECISIONS]
        report.row(table, path.stem, *(f"{value:.1e}" for value in found), report.check(found[0] <= BAR, f"{path.stem} differs: {found}"))


def difference(path: Path, precision: str, device: torch.device) -> float:
    """The largest difference of a module's outputs and of its map's gradient to the reference's."""
    golden: Mapping[str, np.ndarray] = dict(np.load(path))
    x = torch.from_numpy(golden["x"]).float().to(device).requires_grad_()
    module = rga.create_attention("rga-" + path.stem.split("_")[1], x.shape[1], (x.shape[2], x.shape[3]))
    state = {key.removeprefix("state/"): torch.from_numpy(golden[key]) for key in golden if key.startswith("state/")}
    module.load_state_dict(rga.from_reference(state)[0])
    module.float().to(device)
    with autocast(set_precision(precision), device):
        evaluated = module.eval()(x)
        trained = module.train()(x)
    (trained.float() * torch.from_numpy(golden["coef"]).float().to(device)).sum().backward()
    assert x.grad is not None
    found = {"eval_out": evaluated, "train_out": trained, "grad_x": x.grad}
    return max(largest(value, torch.from_numpy(golden[name])) for name, value in found.items())


def largest(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference, of the largest number; NaN counts as infinite."""
    value = ((ours.detach().double().cpu() - theirs).abs().max() / theirs.abs().max().clamp_min(1)).item()
    return float("inf") if math.isnan(value) else value


def autocast(dtype: torch.dtype | None, device: torch.device) -> torch.autocast | nullcontext[None]:
    """Autocast to a type; nothing for None."""
    return nullcontext() if dtype is None else torch.autocast(device.type, dtype=dtype)


def logits(machine: Machine, report: Report) -> None:
    """The logits of the gates against float64, for maps of usual and of large numbers."""
    table = report.table(
        "Logits before the sigmoid: root mean square error, of their deviation in float64",
        *("RGA-SC after", "fit", "maps x", "pass"),
        *(name if gates == "half" else f"{name}, gates float32" for name, gates in WAYS),
        "within the bars",
    )
    for number, (channels, grid) in enumerate(machine.choose(STAGES, ((32, (8, 4)),)), start=1):
        for fit in ("exact", "spectral"):
            for scale in (1.0, 1e3):
                for training in (True, False):
                    module, x = module_on_maps(channels, grid, fit, scale, machine)
                    wide = logits_of(module.double(), x.double(), training, None, machine.device)
                    found = [error(module, x, way, training, wide, machine.device) for way in WAYS]
                    holds = all(value <= LOGITS[name] for (name, _), value in zip(WAYS, found, strict=True))
                    said = f"logits after stage {number}, {fit}, x {scale:g}, {'training' if training else 'evaluation'}: {found}"
                    cells = (f"stage {number}", fit, f"{scale:g}", "training" if training else "evaluation")
                    report.row(table, *cells, *(f"{value:.1e}" for value in found), report.check(holds, said))


def module_on_maps(channels: int, grid: tuple[int, int], fit: str, scale: float, machine: Machine) -> tuple[nn.Module, Tensor]:
    """RGA-SC whose statistics are those of its maps, (B, C, H, W), which have the common mean that maps after a ReLU have."""
    torch.manual_seed(0)
    options = {} if fit == "exact" else {"fit": fit}
    module = rga.create_attention("rga-sc", channels, grid, **options).to(machine.device)
    x = scale * torch.randn(machine.choose(16, 4), channels, *grid).relu().to(machine.device)
    set_precision("float32")
    for each in module.modules():
        if isinstance(each, nn.BatchNorm1d | nn.BatchNorm2d):
            each.momentum = None  # the mean over all passes
    with torch.no_grad():
        module.train()(x)
    return module, x


def error(module: nn.Module, x: Tensor, way: tuple[str, GatePrecision], training: bool, wide: Tensor, device: torch.device) -> float:
    """The root mean square error of the logits in a precision, of the deviation of those in float64; infinite where one is not finite."""
    precision, gates = way
    for each in module.modules():
        if isinstance(each, FastRelationGate):
            each.gate_precision = gates
    dtype = set_precision(precision)
    narrow = x if dtype is None else x.to(dtype)
    if not narrow.isfinite().all():
        raise ValueError(f"maps of {x.abs().max().item():.0f} do not fit into {dtype}")
    own = logits_of(module.float(), narrow, training, dtype, device)
    if dtype is not None:  # what rounding the map changes is not the module's
        set_precision("float32")
        wide = logits_of(module.double(), narrow.double(), training, None, device)
    found = torch.cat([(ours - theirs).square().mean().sqrt()[None] / theirs.std() for ours, theirs in zip(own.T, wide.T, strict=True)])
    return found.max().item() if found.isfinite().all() else float("inf")


def logits_of(module: nn.Module, x: Tensor, training: bool, dtype: torch.dtype | None, device: torch.device) -> Tensor:
    """The logits of RGA-S's gates and of RGA-C's, each shortened to the same number, (N, 2) in float64."""
    seen: list[Tensor] = []
    handles = [
        module.get_submodule(f"{part}.gate.w2").register_forward_hook(lambda _module, _x, out: seen.append(out.detach().double().flatten()))
        for part in ("spatial", "channel")
    ]
    state = {name: value.clone() for name, value in module.state_dict().items()}
    with torch.no_grad(), autocast(dtype, device):
        module.train(training)(x)
    module.load_state_dict(state)
    for handle in handles:
        handle.remove()
    length = min(map(len, seen))
    return torch.stack([each[:length] for each in seen], dim=1)
