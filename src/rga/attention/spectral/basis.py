"""The cosine basis: functions of the position that are sampled at the cells of a grid.

The function of frequency k along an axis that had n0 cells in training is, at the centre of cell i of n,

    c_k(i) = sqrt((1 if k = 0 else 2) / n0) cos(pi k (i + 1/2) / n)            (DCT-II; Ahmed, Natarajan, Rao 1974)

Those of k < n0 are orthonormal on n0 cells. A sum over the n cells of another grid is n0 / n times the sum, so that it goes on to estimate
the same integral. Where an axis has no more than k cells, c_k aliases (c_n vanishes there, c_(n+m) is -c_(n-m)): it is zero then.

A map (H, W) meets the basis in two products, one an axis, and never as a matrix of all positions and frequencies.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from rga.attention.grid import Grid, check_grid
from rga.attention.precision import WideModule, wide_type
from rga.attention.tracing import is_recorded
from rga.errors import InputError

Frequencies = tuple[int, int]
"""How many frequencies there are down and across, 0 among them."""

FREQUENCIES = 16
"""Of the longer axis, by default."""


def default_frequencies(grid: Grid) -> Frequencies:
    """``FREQUENCIES`` for the longer axis and in proportion for the shorter one, never more than there are cells.

    Example:
        >>> default_frequencies((64, 32)), default_frequencies((8, 4))
        ((16, 8), (8, 4))
    """
    height, width = (max(1, min(cells, round(FREQUENCIES * cells / max(grid)))) for cells in grid)
    return height, width


def check_frequencies(frequencies: object, grid: Grid) -> Frequencies:
    """Frequencies for weights that are trained on a grid; None for the default. No axis gets more than it has cells.

    Raises:
        InputError: they are no two positive integers.

    Example:
        >>> check_frequencies([16, 8], (64, 32)), check_frequencies((16, 8), (6, 3))
        ((16, 8), (6, 3))
    """
    if frequencies is None:
        return default_frequencies(grid)
    given = tuple(frequencies) if isinstance(frequencies, (tuple, list)) else ()
    if len(given) != 2 or not all(isinstance(count, int) and not isinstance(count, bool) and count > 0 for count in given):
        raise InputError(f"frequencies are (down, across), two positive integers; got {frequencies!r}")
    return min(given[0], grid[0]), min(given[1], grid[1])


def cosines(trained: int, frequencies: int, cells: int, device: torch.device) -> Tensor:
    """The basis of one axis, as it enters sums: c_k(i) n0 / n.

    Args:
        trained: cells n0 of the axis in training.
        frequencies: how many, r.
        cells: n, of the map.
        device: where.

    Returns:
        (r, n), in float64 where the device has it.

    Example:
        >>> basis = cosines(4, 4, 4, torch.device("cpu"))
        >>> torch.allclose(basis @ basis.T, torch.eye(4, dtype=torch.float64))
        True
    """
    wide = torch.float32 if device.type == "mps" else torch.float64
    frequency = torch.arange(frequencies, device=device, dtype=wide)[:, None]
    centre = torch.arange(cells, device=device, dtype=wide)[None] + 0.5
    amplitude = torch.full_like(frequency, math.sqrt(2 * trained))  # with n0 of the sum
    amplitude[0] = math.sqrt(trained)
    angle = math.pi * frequency * centre / cells
    # onnxruntime 1.24 knows the sine of float64, and not its cosine
    waves = torch.sin(angle + math.pi / 2) if torch.compiler.is_exporting() else torch.cos(angle)
    return amplitude * (waves / cells) * (frequency < cells)


class CosineBasis(WideModule):
    """The basis for the maps of an attention. It learns nothing; grid and frequencies are saved with the weights.

    Args:
        grid: (H, W) of the maps in training.
        frequencies: how many, down and across.
    """

    size: Tensor
    down: Tensor
    across: Tensor

    def __init__(self, grid: Grid, frequencies: Frequencies) -> None:
        super().__init__()
        self.register_buffer("size", torch.tensor([*grid, *frequencies]))
        self.register_buffer("down", torch.empty(frequencies[0], grid[0]), persistent=False)
        self.register_buffer("across", torch.empty(frequencies[1], grid[1]), persistent=False)
        self.grid = grid
        self.frequencies = frequencies
        self.sample()

    def for_map(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The ``matrices`` for a map (B, C, H, W), in float32 at least.

        Raises:
            InputError: the basis is on the meta device, without numbers, and the map is not.
        """
        if self.down.device.type == "meta" != x.device.type:  # PyTorch would multiply by memory as it is, without an error
            raise InputError(
                f"spectral attention for a {self.grid[0]}x{self.grid[1]} grid was built on the meta device and has no cosines yet: "
                "load its whole state_dict with assign=True, or call to_empty(device=...) and load the weights then"
            )
        return self.matrices((x.shape[2], x.shape[3]), wide_type(x.dtype))

    def matrices(self, grid: Grid, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """The matrices (r_h, H) and (r_w, W) for maps on a grid; see ``cosines``."""
        if self.is_trained(grid):
            return self.down.to(dtype), self.across.to(dtype)
        down, across = (
            cosines(trained, frequencies, cells, self.down.device)
            for trained, frequencies, cells in zip(self.grid, self.frequencies, grid, strict=True)
        )
        return down.to(dtype), across.to(dtype)

    def is_trained(self, grid: Grid) -> bool:
        """Whether a grid is that of the training, as far as may be asked: the sizes of a graph that is recorded stay free."""
        return not is_recorded() and grid == self.grid

    def ratio(self, grid: Grid) -> float:
        """N0 / N: by how much a sum over the positions of a grid is multiplied."""
        return (self.grid[0] * self.grid[1]) / (grid[0] * grid[1])

    @torch.no_grad()
    def sample(self) -> None:
        """Computes the basis on the grid of the training, in the type of the buffers.

        Weights that are assigned to a module on the meta device bring ``size`` along, which says on which device they are.
        """
        for name, trained, frequencies in zip(("down", "across"), self.grid, self.frequencies, strict=True):
            old = self.get_buffer(name)
            device = self.size.device if old.device.type == "meta" else old.device
            sampled = cosines(trained, frequencies, trained, torch.device("cpu") if device.type == "mps" else device)
            setattr(self, name, sampled.to(device, old.dtype))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> CosineBasis:
        """Applies a conversion (``double``, ``to_empty``, ...): the numbers are computed anew in their new type, and not converted."""
        super()._apply(fn, recurse)
        self.sample()
        return self

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        """Takes over on which grid the weights were trained."""
        super()._load_from_state_dict(state_dict, prefix, *others)
        size = state_dict.get(f"{prefix}size")
        if not isinstance(size, Tensor) or size.shape != self.size.shape or size.device.type == "meta":
            return
        height, width, down, across = size.tolist()
        if (down, across) != self.frequencies:
            errors: list[str] = others[-1]
            errors.append(
                f"{prefix.removesuffix('.')}: the weights are of {down}x{across} frequencies, the attention was built with "
                f"{self.frequencies[0]}x{self.frequencies[1]}: build it with frequencies=({down}, {across})"
            )
            return
        self.grid = check_grid((height, width))
        self.sample()

    def extra_repr(self) -> str:
        """The line that ``print(module)`` shows."""
        return f"grid={self.grid}, frequencies={self.frequencies}"


def project_map(x: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """The products of maps with all basis functions.

    Args:
        x: (B, C, H, W).
        down: (r_h, H).
        across: (r_w, W).

    Returns:
        (B, C, r_h r_w), the frequencies in raster order.

    Example:
        >>> basis = CosineBasis((4, 2), (4, 2))
        >>> x = torch.rand(2, 3, 4, 2)
        >>> torch.allclose(project_map(x, basis.down, basis.across).norm(), x.norm())  # orthonormal
        True
    """
    by_column = torch.matmul(down, x)  # (B, C, H, W) -> (B, C, r_h, W); the longer axis first: the other product has few columns
    return F.linear(by_column, across).flatten(-2)  # -> (B, C, r_h, r_w) -> (B, C, r_h r_w)


def project_nodes(nodes: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """``project_map`` of nodes (B, H W, K): (B, r_h r_w, K)."""
    cells = nodes.unflatten(1, (down.shape[1], across.shape[1]))
    by_row = torch.matmul(across, cells)  # (B, H, W, K) -> (B, H, r_w, K)
    by_column = torch.matmul(down, by_row.flatten(2))  # -> (B, r_h, r_w K)
    found: Tensor = by_column.unflatten(2, (across.shape[0], nodes.shape[-1])).flatten(1, 2)
    return found


def to_amplitudes(weight: Tensor, grid: Grid, frequencies: Frequencies) -> Tensor:
    """Weights of the positions of a grid as amplitudes: their projection onto the basis.

    Args:
        weight: (..., H W).
        grid: (H, W), on which they were trained.
        frequencies: (r_h, r_w).

    Returns:
        (..., r_h r_w).
    """
    basis = CosineBasis(grid, frequencies).to(weight.device, weight.dtype)
    by_row = torch.matmul(weight.unflatten(-1, grid), basis.across.mT)
    return torch.matmul(basis.down, by_row).flatten(-2)


def to_positions(amplitudes: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """Amplitudes as weights of the positions of a grid: what they are there.

    Args:
        amplitudes: (..., r_h r_w).
        down: (r_h, H).
        across: (r_w, W).

    Returns:
        (..., H W).
    """
    by_row = torch.matmul(amplitudes.unflatten(-1, (down.shape[0], across.shape[0])), across)
    return torch.matmul(down.mT, by_row).flatten(-2)


def is_cheaper_by_positions(down: Tensor, across: Tensor, outputs: int) -> bool:
    """Whether weights are better sampled at all positions, for so many outputs, than maps brought into the basis.

    The two are the same function. Counted are the multiply-accumulates of one channel. A graph that is recorded takes the second way.
    """
    if is_recorded():
        return False
    (r_h, height), (r_w, width) = down.shape, across.shape
    by_positions = height * width * outputs
    in_the_basis = height * width * r_w + height * r_w * r_h + r_h * r_w * outputs
    return bool(by_positions <= in_the_basis)
