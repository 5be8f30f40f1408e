"""The paper's module <-> its spectral form, in place.

With as many frequencies as there are cells the two are one function in two bases, on the grid of the training: the same gates, and the same
gradients but for the rotation. (A training from there on may differ: weight decay is blind to an orthonormal basis, Adam is not.) With
fewer the weights are projected onto the first ones. Their share of the energy tells what is left, and the statistics of the BNs are no
longer those of the weights: see them again, with ``torch.optim.swa_utils.update_bn``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rga.attention.acceleration.gate import FastRelationGate
from rga.attention.factorised import FactorisedRelationEmbedding, FactorisedRelationGate
from rga.attention.modules import ChannelRelationAttention, RelationAttention, SpatialRelationAttention, replace_weight, weight_of
from rga.attention.owners import owners
from rga.attention.relation import RelationGate
from rga.attention.space_time import SpaceTimeAttention
from rga.attention.spectral.basis import CosineBasis, Frequencies, check_frequencies, to_amplitudes, to_positions
from rga.attention.spectral.gates import SpectralChannelGate, SpectralRelationEmbedding, SpectralSpatialGate
from rga.attention.spectral.modules import SpectralAttention, SpectralChannelAttention, SpectralSpatialAttention
from rga.errors import InputError


@torch.no_grad()
def make_spectral(model: nn.Module, frequencies: Frequencies | None = None) -> dict[str, float]:
    """Gives all relation-aware attention of a model its spectral form, in place: it then takes maps of any size.

    An optimiser that was made before holds weights that are no longer the model's: make a new one.

    Args:
        model: an attention, or a model with attached attention.
        frequencies: (down, across); see ``relation_attention``.

    Returns:
        Name of each module -> the share of the energy (the sum of squares) of its weights over positions that its frequencies keep.

    Raises:
        InputError: there is no such attention, or weights cannot be read: they were pruned, parametrised or quantised. Nothing is changed.

    Example:
        >>> import rga
        >>> attention = rga.create_attention("rga-s", 64, (8, 4))
        >>> make_spectral(attention)["spatial"]
        1.0
        >>> attention(torch.rand(2, 64, 12, 6)).shape
        torch.Size([2, 64, 12, 6])
    """
    found = {name: module for name, module in relation_attentions(model).items() if not isinstance(module, SpectralAttention)}
    if not found:
        raise InputError(
            "the model holds no relation-aware attention that is not spectral already: attach some with "
            "rga.attach(model, 'rga-sc', image_size=...), or leave the conversion out"
        )
    for module in found.values():
        check_convertible(module)
    moved = [
        (module, chosen, [(linear, to_amplitudes(weight_of(linear), module.grid, chosen)) for linear in module.over_positions()])
        for module in found.values()
        for chosen in [check_frequencies(frequencies, module.grid)]
    ]
    shares = {}
    for name, (module, chosen, amplitudes) in zip(found, moved, strict=True):
        shares[name] = energy_kept(amplitudes)
        for linear, amplitude in amplitudes:
            replace_weight(linear, amplitude)
        spatial = isinstance(module, SpatialRelationAttention)
        module.gate.__class__ = SpectralSpatialGate if spatial else SpectralChannelGate
        if spatial and module.gate.varphi is not None:
            module.gate.varphi.__class__ = SpectralRelationEmbedding
        module.__class__ = SpectralSpatialAttention if spatial else SpectralChannelAttention
        module.fit = "spectral"
        like = next(module.parameters())
        module.basis = CosineBasis(module.grid, chosen).to(like.device, like.dtype)
    for owner in owners(model):
        owner.attention_converted("spectral", frequencies)
    return shares


@torch.no_grad()
def make_exact(model: nn.Module) -> None:
    """Gives all spectral attention of a model the paper's form again, in place, for the grid of its training: ``make_spectral`` undone.

    ``rga.resample`` takes it from there to another grid.

    Args:
        model: an attention, or a model with attached attention.

    Raises:
        InputError: there is no spectral attention, or weights cannot be read. Nothing is changed.
    """
    found = [module for module in relation_attentions(model).values() if isinstance(module, SpectralAttention)]
    if not found:
        raise InputError("the model holds no spectral attention: it has the paper's form already, or no relation-aware attention")
    moved = [
        [(linear, to_positions(weight_of(linear), module.basis.down, module.basis.across)) for linear in module.over_positions()]
        for module in found
    ]
    for module, weights in zip(found, moved, strict=True):
        for linear, weight in weights:
            replace_weight(linear, weight)
        varphi: nn.Module | None = module.gate.varphi
        if isinstance(varphi, SpectralRelationEmbedding):
            varphi.__class__ = FactorisedRelationEmbedding  # type: ignore[assignment]
        module.gate.__class__ = FastRelationGate
        module.fit, module.grid = "exact", module.basis.grid
        del module.basis
        plain: nn.Module = module
        plain.__class__ = SpatialRelationAttention if isinstance(module, SpatialRelationAttention) else ChannelRelationAttention
    for owner in owners(model):
        owner.attention_converted("exact", None)


def relation_attentions(model: nn.Module) -> dict[str, RelationAttention]:
    """The RGA-S and RGA-C of a model by their names."""
    return {name: module for name, module in model.named_modules() if isinstance(module, RelationAttention)}


CONVERTED = (RelationGate, FactorisedRelationGate, FastRelationGate)


def check_convertible(attention: RelationAttention) -> None:
    """Raises an InputError for an attention over time, and for one with a gate of another class, whose function is not known."""
    if isinstance(attention, SpaceTimeAttention):
        raise InputError(f"attention over {attention.frames} frames has no spectral form, which has no axis of time: leave it as it is")
    if type(attention.gate) not in CONVERTED:
        raise InputError(f"a gate of the class {type(attention.gate).__name__} has no spectral form: only those of rga-* have")


def energy_kept(amplitudes: list[tuple[nn.Linear, Tensor]]) -> float:
    """The share of the sum of squares of weights that is left in their amplitudes; 1 where there are none."""
    whole = sum(float(linear.weight.double().square().sum()) for linear, _ in amplitudes)
    left = sum(float(amplitude.double().square().sum()) for _, amplitude in amplitudes)
    return round(left / whole, 6) if whole else 1.0
