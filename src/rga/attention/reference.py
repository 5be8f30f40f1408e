"""Weights of the reference implementation <-> ours.

The reference (microsoft/Relation-Aware-Global-Attention-Networks) holds theta, phi and psi (its ``gx``) apart, as 1x1 convolutions
in front of a BN; we hold them as one layer, theta's outputs first. It holds varphi's convolution (its ``gg``) as one; we hold two linear
maps, one for rows and one for columns of the affinity. Everything else differs in names alone:

    {theta,phi,gx}_spatial.{0,1}     outputs of spatial.gate.theta_phi_psi.{linear, norm}
    gg_spatial.0                     inputs of spatial.gate.varphi.{rows, columns}
    gg_spatial.1                     spatial.gate.varphi.norm
    W_spatial.{0,1}, {3,4}           spatial.gate.w1, w2 .{linear, norm}

and the same with ``channel``. In a whole network ``backbone.rga_attK.`` is ``backbone.layerK.attention.``, the rest of ``backbone.``
is ``backbone.``, ``feat_bn.`` is ``neck.`` and ``cls.`` is ``classifier.``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from rga.attention.grid import Grid
from rga.attention.spectral.basis import Frequencies, check_frequencies, to_amplitudes
from rga.errors import InputError

StateDict = dict[str, Tensor]

NORM_ENTRIES = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
EMBEDDED = ("theta", "phi", "gx")
"""The reference's three convolutions of the nodes, in the order of our outputs."""


def entries(theirs: str, convolution: int, ours: str) -> dict[str, str]:
    """The entries of one convolution and the BN that follows it: their keys -> ours."""
    return {f"{theirs}.{convolution}.weight": f"{ours}.linear.weight", **norm_entries(theirs, convolution + 1, ours)}


def norm_entries(theirs: str, norm: int, ours: str) -> dict[str, str]:
    """The entries of one BN: their keys -> ours."""
    return {f"{theirs}.{norm}.{entry}": f"{ours}.norm.{entry}" for entry in NORM_ENTRIES}


RENAMED = {
    theirs: ours
    for role in ("spatial", "channel")
    for theirs, ours in {
        **norm_entries(f"gg_{role}", 1, f"{role}.gate.varphi"),
        **entries(f"W_{role}", 0, f"{role}.gate.w1"),
        **entries(f"W_{role}", 3, f"{role}.gate.w2"),
    }.items()
}
"""One entry of theirs -> one entry of ours."""

BIASES = tuple(f"{role}.gate.w2.linear.bias" for role in ("spatial", "channel"))
"""Entries of an attention with ``gate_norm="none"``, which the reference does not have."""

JOINED = {
    tuple(theirs): ours
    for role in ("spatial", "channel")
    for *theirs, ours in zip(
        *(entries(f"{part}_{role}", 0, "") for part in EMBEDDED),
        entries("", 0, f"{role}.gate.theta_phi_psi").values(),
        strict=True,
    )
}
"""Three entries of theirs (theta, phi, gx) -> the outputs of one entry of ours."""

SPLIT = {
    f"gg_{role}.0.weight": (f"{role}.gate.varphi.rows.weight", f"{role}.gate.varphi.columns.weight") for role in ("spatial", "channel")
}
"""One entry of theirs -> the inputs of two entries of ours."""

NET_PREFIXES = (
    (re.compile(r"^backbone\.rga_att(\d+)\."), r"backbone.layer\1.attention."),
    (re.compile(r"^backbone\.(?=(?:conv1|bn1|layer\d+)\.)"), "backbone."),
    (re.compile(r"^feat_bn\."), "neck."),
    (re.compile(r"^cls\."), "classifier."),
)
NET_PREFIXES_BACK = (
    (re.compile(r"^backbone\.layer(\d+)\.attention\."), r"backbone.rga_att\1."),
    (re.compile(r"^backbone\.(?=(?:conv1|bn1|layer\d+)\.)"), "backbone."),
    (re.compile(r"^neck\."), "feat_bn."),
    (re.compile(r"^classifier\."), "cls."),
)


def from_reference(
    state_dict: Mapping[str, Tensor],
    *,
    fit: Literal["exact", "spectral"] = "exact",
    image_size: Grid = (256, 128),
    frequencies: Frequencies | None = None,
) -> tuple[StateDict, list[str]]:
    """Turns a state dict of the reference into ours: one attention module's, or the whole re-ID network's.

    A leading ``module.`` (DataParallel) is dropped; ``num_batches_tracked`` may be absent, as in checkpoints of old PyTorch, and is then 0.

    Args:
        state_dict: the reference's, for example ``torch.load(path, weights_only=True)["state_dict"]``.
        fit: ``"spectral"`` writes the weights over positions in cosines, for attention that is built with ``fit="spectral"``.
        image_size: (height, width) of the images in training, or the grid of a single attention; ``fit="spectral"`` needs its shape.
        frequencies: of ``fit="spectral"``; see ``rga.attention.relation_attention``.

    Returns:
        Our state dict, and the keys that have no place in it (empty when all is well).

    Raises:
        InputError: it is no mapping from names to tensors, tensors of one layer do not belong together, or their positions are no grid of
            the shape of the images.

    Example:
        >>> state, unplaced = from_reference({"module.cls.weight": torch.zeros(10, 2048), "optimizer": torch.zeros(())})
        >>> list(state), unplaced
        (['classifier.weight'], ['optimizer'])
    """
    check_state(state_dict)
    if fit not in {"exact", "spectral"}:
        raise InputError(f"unknown fit {fit!r} of converted weights: choose 'exact' (for fit='pool', too) or 'spectral'")
    named = {key.removeprefix("module."): key for key in state_dict}
    placed: StateDict = {}
    unplaced: list[str] = []
    for key, original in named.items():
        prefix, local = split_prefix(key, NET_PREFIXES)
        joined = next((parts for parts in JOINED if local in parts), None)
        head = key[: len(key) - len(local)]
        if local in RENAMED:
            placed[prefix + RENAMED[local]] = as_matrix(state_dict[original])
        elif local in SPLIT:
            halves = halved(as_matrix(state_dict[original]), original)
            placed |= {prefix + part: half.contiguous() for part, half in zip(SPLIT[local], halves, strict=True)}
        elif joined and all(head + part in named for part in joined):
            values = [as_matrix(state_dict[named[head + part]]) for part in joined]
            placed[prefix + JOINED[joined]] = stacked(values, head + local)
        elif prefix and not joined and "rga_att" not in head:
            placed[prefix + local] = state_dict[original]
        else:
            unplaced.append(original)
    for key in [key for key in placed if key.endswith(".running_var")]:
        placed.setdefault(key.replace("running_var", "num_batches_tracked"), torch.tensor(0))
    return spectral(placed, image_size, frequencies) if fit == "spectral" else placed, unplaced


OVER_POSITIONS = re.compile(r"^(.*(?:^|\.)(?:spatial\.gate\.varphi\.(?:rows|columns)|channel\.gate\.theta_phi_psi\.linear))\.weight$")
"""The weights whose inputs are positions."""


def spectral(state_dict: StateDict, image_size: Grid, frequencies: Frequencies | None) -> StateDict:
    """A state dict of ours with its weights over positions in cosines; see ``from_reference``."""
    written: StateDict = {}
    for key, value in state_dict.items():
        written[key] = value
        if OVER_POSITIONS.match(key):
            grid = grid_of(value.shape[1], image_size)
            chosen = check_frequencies(frequencies, grid)
            written[key] = to_amplitudes(value, grid, chosen)
            written[key.partition(".gate.")[0] + ".basis.size"] = torch.tensor([*grid, *chosen])
    return written


def grid_of(positions: int, image_size: Grid) -> Grid:
    """The grid of so many positions whose shape is that of the images.

    Raises:
        InputError: there is none.

    Example:
        >>> grid_of(2048, (256, 128))
        (64, 32)
    """
    height = round((positions * image_size[0] / image_size[1]) ** 0.5)
    if not height or positions % height or abs(height * image_size[1] - positions // height * image_size[0]) > max(image_size):
        raise InputError(f"{positions} positions are no grid of the shape of {image_size[0]}x{image_size[1]} images")
    return height, positions // height


def to_reference(state_dict: Mapping[str, Tensor]) -> tuple[StateDict, list[str]]:
    """Turns a state dict of ours into the reference's: the inverse of ``from_reference``.

    Args:
        state_dict: of an ``rga-*`` module with the paper's options, or of a network with the children ``backbone``, ``neck``,
            ``classifier``.

    Returns:
        The reference's state dict, and the keys of ours that have no place in it.

    Raises:
        InputError: it is no mapping from names to tensors, tensors of one layer do not belong together, or the attention was built with
            ``gate_norm="none"``.
    """
    check_state(state_dict)
    if any(key.endswith(".basis.size") for key in state_dict):
        raise InputError("the reference has no spectral attention: give the model the paper's form first, with rga.make_exact")
    biased = [key for key in state_dict if split_prefix(key, NET_PREFIXES_BACK)[1] in BIASES]
    if biased:
        raise InputError(
            f"the reference has a BN behind W2 and no bias in it, and these weights hold {', '.join(biased)}: attention with "
            "gate_norm='none' has no form in the reference; train with gate_norm='batch' to convert"
        )
    theirs_of = {ours: theirs for theirs, ours in RENAMED.items()}
    parts_of = {ours: parts for parts, ours in JOINED.items()}
    whole_of = {part: (theirs, halves) for theirs, halves in SPLIT.items() for part in halves}
    placed: StateDict = {}
    unplaced: list[str] = []
    for key, value in state_dict.items():
        prefix, local = split_prefix(key, NET_PREFIXES_BACK)
        if local in theirs_of:
            placed[prefix + theirs_of[local]] = as_convolution(value)
        elif local in parts_of and (value.dim() == 0 or len(value) % len(EMBEDDED) == 0):
            values = value.chunk(len(EMBEDDED)) if value.dim() else [value] * len(EMBEDDED)
            placed |= {prefix + part: as_convolution(v) for part, v in zip(parts_of[local], values, strict=True)}
        elif local in whole_of and all(key.removesuffix(local) + half in state_dict for half in whole_of[local][1]):
            theirs, halves = whole_of[local]
            rows_and_columns = [state_dict[key.removesuffix(local) + half] for half in halves]
            placed[prefix + theirs] = as_convolution(stacked(rows_and_columns, key, axis=1))  # 2 x (F, M) -> (F, 2M)
        elif prefix and "rga_att" not in prefix:
            placed[prefix + local] = value
        else:
            unplaced.append(key)
    return placed, unplaced


def check_state(state_dict: object) -> None:
    """Raises an InputError for what is no mapping from names to tensors."""
    if not isinstance(state_dict, Mapping):
        raise InputError(f"a state dict was expected, a mapping from names to tensors; got {type(state_dict).__name__}")
    for key, value in state_dict.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise InputError(f"a state dict maps names to tensors; got {key!r} with a value of type {type(value).__name__}")


def halved(weight: Tensor, key: str) -> tuple[Tensor, Tensor]:
    """The weights of rows and of columns: (F, 2M) -> 2 x (F, M).

    Raises:
        InputError: they are no such matrix.
    """
    if weight.dim() != 2 or weight.shape[1] % 2:
        raise InputError(
            f"{key}: expected the weight of a 1x1 convolution with an even number of inputs, got the shape {tuple(weight.shape)}"
        )
    first, second = weight.chunk(2, dim=1)
    return first, second


def stacked(values: list[Tensor], key: str, axis: int = 0) -> Tensor:
    """Tensors of one layer side by side; of scalars the first.

    Raises:
        InputError: their shapes do not fit.
    """
    shapes = [tuple(value.shape) for value in values]
    if len({len(shape) for shape in shapes}) > 1 or len({shape[:axis] + shape[axis + 1 :] for shape in shapes}) > 1:
        raise InputError(f"{key}: the tensors of one layer have the shapes {', '.join(map(str, shapes))}, which do not fit")
    if 0 < values[0].dim() <= axis:
        raise InputError(f"{key}: expected matrices, got the shapes {', '.join(map(str, shapes))}")
    return torch.cat(values, axis) if values[0].dim() else values[0]


def split_prefix(key: str, prefixes: tuple[tuple[re.Pattern[str], str], ...]) -> tuple[str, str]:
    """The other side's prefix for the part of a network that ``key`` belongs to ("" for none), and the rest of the key."""
    for pattern, replacement in prefixes:
        found = pattern.match(key)
        if found:
            return found.expand(replacement), key[found.end() :]
    return "", key


def as_matrix(value: Tensor) -> Tensor:
    """A 1x1 convolution's weight (F, D, 1, 1) as a matrix (F, D); any other entry as it is."""
    return value.flatten(1) if value.dim() == 4 else value


def as_convolution(value: Tensor) -> Tensor:
    """A matrix (F, D) as a 1x1 convolution's weight (F, D, 1, 1); any other entry as it is."""
    return value[..., None, None] if value.dim() == 2 else value
