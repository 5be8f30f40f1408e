"""The grid of positions that an attention is built for, and the ways onto another one.

Relation-aware attention learns one weight per position, so a module belongs to one grid (height, width); ``spectral`` frees it of that.
This file holds what follows elsewhere: the check of an incoming map, the pooling of a map onto a grid and of a gate back from it
(``fit="pool"``), and the exact adjoint of that pooling, by which trained weights move to another grid (``resample``).
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rga.attention.precision import WideModule, in_float32, widened
from rga.attention.tracing import recorded_whole
from rga.errors import InputError

Grid = tuple[int, int]
"""Height and width of a map, in positions."""

GRID = "grid"
"""Under which the grid is kept beside an attention's weights."""

Fit = Literal["exact", "pool", "spectral"]
"""What a module does with a map on another grid than its own: refuse it, pool it, or sample its weights there (``spectral``)."""


class GridMismatchError(InputError):
    """A map came on another grid than the one its attention was built for."""


class GridAttention(WideModule):
    """An attention whose weights belong to one grid: maps (B, C, H, W) to maps of the same shape.

    Args:
        channels: channels C of the maps.
        grid: the grid (H, W) for which the weights are made.
        fit: ``"exact"`` refuses a map on another grid; ``"pool"`` computes the gate on the map pooled to ``grid`` and, where the
            gate has positions, interpolates it back. On the module's own grid the two are the same.

    Raises:
        InputError: the attention has no such fit.
    """

    fits: tuple[Fit, ...] = ("exact", "pool")
    """Those that a module of this class has."""

    def __init__(self, channels: int, grid: Grid, fit: Fit = "exact") -> None:
        super().__init__()
        if fit not in self.fits:
            raise InputError(f"unknown fit {fit!r}: choose one of {', '.join(map(repr, self.fits))}")
        self.channels = channels
        self.grid = check_grid(grid)
        self.fit = fit

    def on_grid(self, x: Tensor) -> Tensor:
        """The map on the module's own grid: ``x`` itself, or ``x`` pooled if the module may. A spectral module's grid is any.

        Args:
            x: a map (B, C, H, W).

        Returns:
            The map (B, C, height, width) from which the gate is computed; one that was pooled in float32 at least.

        Raises:
            InputError: ``x`` is not a map of ``channels`` channels.
            GridMismatchError: ``x`` is on another grid and ``fit`` is ``"exact"``.
        """
        return fitted(x, self.channels, self.grid, self.fit)

    def resample_(self, grid: Grid) -> None:
        """Moves the weights to another grid, in place.

        Args:
            grid: the new grid (height, width).
        """
        raise NotImplementedError

    @property
    def raster(self) -> Grid:
        """(rows, columns) of the positions, in the order in which the weights have them."""
        return self.grid

    def _save_to_state_dict(self, destination: dict[str, Tensor], prefix: str, keep_vars: bool) -> None:
        """Notes the grid in what PyTorch keeps beside the tensors: weights of 8x4 and of 4x8 positions have the same shape."""
        super()._save_to_state_dict(destination, prefix, keep_vars)
        metadata: dict[str, dict[str, Any]] = getattr(destination, "_metadata", {})
        if prefix[:-1] in metadata:
            metadata[prefix[:-1]][GRID] = self.raster

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, local_metadata: dict[str, Any], *others: Any) -> None:
        """Refuses weights of another grid, and adds to PyTorch's messages about other sizes that this is the reason."""
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *others)
        own = {prefix + key: value.shape for key, value in self.state_dict().items()}
        given = [key for key in own if key in state_dict]
        theirs = tuple(local_metadata.get(GRID, self.raster)) if self.fit != "spectral" else self.raster  # which has a grid of its own
        if any(state_dict[key].shape != own[key] for key in given) or (given and theirs != self.raster):
            errors: list[str] = others[-1]
            which = "or with other options" if theirs == self.raster else f"{theirs[0]}x{theirs[1]}"
            errors.append(
                f"attention {prefix.removesuffix('.')!r} was built for a {self.grid[0]}x{self.grid[1]} grid, the weights for another, "
                f"{which}. If they were trained at another image size, build the model for that size, load them, then call rga.resample; "
                "if they were saved after rga.resample, attach with trained_size=(height, width) of their training"
            )

    def extra_repr(self) -> str:
        """The line that ``print(module)`` shows."""
        return f"channels={self.channels}, grid={self.grid}, fit={self.fit!r}"


def check_grid(grid: Grid) -> Grid:
    """Returns ``grid`` as a tuple of two positive integers.

    Raises:
        InputError: it is anything else.

    Example:
        >>> check_grid([16, 8])
        (16, 8)
    """
    sizes = tuple(grid) if isinstance(grid, (tuple, list)) else (grid,)
    if len(sizes) != 2 or not all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in sizes):
        raise InputError(f"a grid is (height, width), two positive integers; got {grid!r}")
    return sizes[0], sizes[1]


@recorded_whole
def fitted(x: Tensor, channels: int, grid: Grid, fit: Fit) -> Tensor:
    """A map on a grid; see ``GridAttention.on_grid``."""
    check_map(x, channels)
    if fit == "spectral" or x.shape[-2:] == grid:
        return x
    if fit == "exact":
        found, built = "x".join(map(str, x.shape[-2:])), "x".join(map(str, grid))
        raise GridMismatchError(
            f"attention was built for a {built} grid (height x width), got a map on a {found} grid: "
            f'build it with fit="pool" (RGA also has fit="spectral") to serve any size, or move its trained weights with rga.resample'
        )
    return resize(widened(x), grid)


@recorded_whole
def check_map(x: Tensor, channels: int) -> Tensor:
    """Returns ``x``, which must be a map (B, C, H, W) of ``channels`` channels.

    Raises:
        InputError: it is anything else.
    """
    if not isinstance(x, Tensor) or not x.is_floating_point():
        raise InputError(
            f"attention takes a tensor of floating-point numbers, got {x.dtype if isinstance(x, Tensor) else type(x).__name__}"
        )
    if x.dim() != 4:
        raise InputError(f"attention takes a map of rank 4 (batch, channels, height, width), got rank {x.dim()}: {tuple(x.shape)}")
    if x.shape[1] != channels:
        raise InputError(f"attention was built for {channels} channels, got a map with {x.shape[1]}: {tuple(x.shape)}")
    if not (x.shape[2] and x.shape[3]):
        raise InputError(f"attention takes a map with positions, got none: {tuple(x.shape)}")
    return x


@recorded_whole
def resize(x: Tensor, grid: Grid) -> Tensor:
    """Linear, antialiased resize of maps (B, C, H, W) to (B, C, *grid): an average where the grid shrinks, interpolation where it grows.

    Computed in float32 at least (PyTorch has no antialiasing of half precision on a CPU), returned in the type that came.

    Example:
        >>> resize(torch.tensor([[[[0.0], [1.0], [2.0]]]]), (2, 1)).flatten()
        tensor([0.3750, 1.6250])
    """
    if x.shape[-2:] == grid:
        return x
    if grid[1] == 1 < grid[0]:  # PyTorch 2.14 weighs the rows wrongly where the result is one position wide: lay it on its side
        return resize(x.mT, (1, grid[0])).mT
    return F.interpolate(widened(x), size=grid, mode="bilinear", antialias=True).to(x.dtype)


def resize_matrix(old: int, new: int, like: Tensor) -> Tensor:
    """The (new, old) matrix that ``resize`` applies along one axis; its rows sum to 1."""
    unit = torch.eye(old, dtype=like.dtype, device=like.device)[None, None]  # (1, 1, old, old)
    return F.interpolate(unit, size=(new, old), mode="bilinear", antialias=True)[0, 0]


def move_input_weights(weight: Tensor, old: Grid, new: Grid) -> Tensor:
    """Moves weights that are summed over positions to another grid.

    Returns the weights w' for which w'.x = w.resize(x, old) for every map x on the new grid: the adjoint of ``resize``. They are
    the old weights interpolated, scaled by the ratio of the numbers of positions, so that the sum over all positions
    (the response to a constant map) stays the same.

    Args:
        weight: (..., old height * old width), positions in raster order.
        old: the grid of ``weight``.
        new: the grid to move to.

    Returns:
        (..., new height * new width). ``weight`` itself if the grids are equal.

    Example:
        >>> move_input_weights(torch.ones(1, 2), (2, 1), (4, 1))
        tensor([[0.4286, 0.5714, 0.5714, 0.4286]])
    """
    if old == new:
        return weight
    return adjoint_of_resize(weight, old, new).to(weight.dtype)


@in_float32
def adjoint_of_resize(weight: Tensor, old: Grid, new: Grid) -> Tensor:
    """The products of ``move_input_weights``."""
    rows, columns = resize_matrix(new[0], old[0], weight), resize_matrix(new[1], old[1], weight)
    return torch.einsum("...hw,hy,wx->...yx", weight.unflatten(-1, old), rows, columns).flatten(-2)


def move_output_weights(weight: Tensor, old: Grid, new: Grid) -> Tensor:
    """Moves weights that produce one number per position to another grid: resizes what they produce.

    Args:
        weight: (old height * old width, ...), positions in raster order.
        old: the grid of ``weight``.
        new: the grid to move to.

    Returns:
        (new height * new width, ...). ``weight`` itself if the grids are equal.
    """
    if old == new:
        return weight
    return resized_outputs(weight, old, new).to(weight.dtype)


@in_float32
def resized_outputs(weight: Tensor, old: Grid, new: Grid) -> Tensor:
    """The products of ``move_output_weights``."""
    rows, columns = resize_matrix(old[0], new[0], weight), resize_matrix(old[1], new[1], weight)
    return torch.einsum("hw...,yh,xw->yx...", weight.unflatten(0, old), rows, columns).flatten(0, 1)


def replace_parameter(module: nn.Module, name: str, value: Tensor) -> None:
    """Gives ``module`` a new parameter of another shape in the place of an old one, trainable or not as before."""
    old = getattr(module, name)
    setattr(module, name, nn.Parameter(value.detach().clone(), requires_grad=old.requires_grad))
