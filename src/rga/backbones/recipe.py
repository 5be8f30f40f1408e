"""The group of a recipe that chooses the backbone, its initial weights and its attention."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rga.backbones.options import OptionValue, check_options
from rga.checks import check_range
from rga.errors import InputError

RGA_OPTIONS = ("reduction", "hidden_reduction", "embedding", "relation", "original", "gate_norm", "gate_norm_momentum", "gate_precision")
"""Fields that shape RGA and have no meaning for another attention."""


@dataclass(frozen=True, kw_only=True)
class ModelRecipe:
    """Backbone and attention."""

    attention: str = "rga-sc"
    """Attention after the backbone's stages, one of rga.list_attentions(); none for the plain backbone."""
    backbone: str = "resnet50.tv_in1k"
    """A CNN of timm, with the tag of its weights behind the dot. The paper uses torchvision's first ones, which are not timm's default."""
    weights: str = "pretrained"
    """Initial weights of the backbone: pretrained (timm's, of this name), none, a file of them, or a run or saved model of your own."""
    after: tuple[str, ...] = ()
    """Stages that get attention; all by default."""
    inside_blocks: bool = False
    """Put attention inside every block, before the shortcut is added (where SE and CBAM sit as published), instead of after stages."""
    reduction: int = 8
    """RGA: the paper's s1."""
    hidden_reduction: int = 8
    """RGA: the paper's s2."""
    embedding: Literal["asymmetric", "symmetric", "none"] = "asymmetric"
    """RGA: how nodes are embedded before they are compared."""
    relation: bool = True
    """RGA: use the relation vectors; --no-relation is the paper's "w/o Rel."."""
    original: bool = True
    """RGA: use the nodes' own features; --no-original is the paper's "w/o Ori."."""
    initial_gate: float | None = None
    """Initial value of RGA's gates; None starts them near 0.5 as in the paper's code. Other attentions are not affected."""
    gate_norm: Literal["batch", "none"] = "batch"
    """RGA: batch is the paper's BN over the logits of the gates; none leaves it out and gives W2 a bias."""
    fit: Literal["exact", "pool", "spectral"] = "exact"
    """How weights for each position meet a grid: exact is the paper's, on the grid of the stage; pool pools larger maps to a largest grid;
    spectral (RGA only) has weights that are sums of cosines, on any grid."""
    largest_grid: int = 32
    """Of fit pool: largest height and width of a grid."""
    frequencies: tuple[int, int] | None = None
    """Of fit spectral: frequencies down and across; None for 16 on the longer axis and in proportion on the other."""
    gate_norm_momentum: float = 0.1
    """RGA: momentum of that BN, the weight of each batch in the running statistics that evaluation goes by."""
    gate_precision: Literal["auto", "float32", "half"] = "auto"
    """RGA of maps in half precision: auto multiplies theta, phi and psi in half precision on CUDA, half on any device, float32 never."""
    backbone_options: dict[str, OptionValue] = dataclasses.field(default_factory=dict)
    """Options of timm's create_model, names and values in turn: act_layer silu drop_rate 0.1; or ibn a: IBN-a in a ResNet."""
    mean: tuple[float, float, float] | None = None
    """Mean of the pixels (0 to 1) by channel, subtracted; None for what the pretrained weights expect."""
    std: tuple[float, float, float] | None = None
    """Standard deviation of the pixels by channel, divided by; None for what the pretrained weights expect."""

    def __post_init__(self) -> None:
        """Checks what can be checked without building the backbone."""
        object.__setattr__(self, "backbone_options", check_options(self.backbone_options))  # tuples, which JSON gives back as lists
        check_range(self, ("reduction", "hidden_reduction", "largest_grid"), 1)
        for name in ("mean", "std"):
            numbers = getattr(self, name)
            if numbers is not None and not (
                len(numbers) == 3 and all(map(math.isfinite, numbers)) and (name == "mean" or min(numbers) > 0)
            ):
                raise InputError(
                    f"{name} must be three finite numbers{', above 0' if name == 'std' else ''}, got {' '.join(map(str, numbers))}"
                )
        if self.initial_gate is not None and not 0 < self.initial_gate < 1:
            raise InputError(f"initial_gate must lie between 0 and 1, without them, got {self.initial_gate}")
        if not 0 < self.gate_norm_momentum <= 1:
            raise InputError(f"gate_norm_momentum must lie above 0 and be at most 1, got {self.gate_norm_momentum}")
        if self.gate_norm == "none" and self.gate_norm_momentum != ModelRecipe.gate_norm_momentum:
            raise InputError("gate_norm_momentum belongs to the BN that gate_norm none leaves out: leave one of the two out")
        self.check_fit()
        if not (self.relation or self.original):
            raise InputError("relation and original must not both be off: nothing is left to compute a gate from")
        if self.inside_blocks and self.after:
            raise InputError("inside_blocks puts attention inside every block: leave after out, or name the blocks' modules in it")
        if not self.attention.startswith("rga"):
            defaults = {field.name: field.default for field in dataclasses.fields(ModelRecipe)}
            changed = [name for name in RGA_OPTIONS if getattr(self, name) != defaults[name]]
            if changed:
                raise InputError(
                    f"{', '.join(changed)}: options of RGA only, and attention is {self.attention!r}; choose rga-sc, or leave them out"
                )

    def check_fit(self) -> None:
        """Checks the fields of other grids."""
        if self.frequencies is not None and self.fit != "spectral":
            raise InputError(f"frequencies belong to fit spectral, and fit is {self.fit}: leave one of the two out")
        if self.frequencies is not None and min(self.frequencies) < 1:
            raise InputError(f"frequencies must be at least 1 1, got {self.frequencies[0]} {self.frequencies[1]}")
        if self.fit == "spectral" and not self.attention.startswith("rga"):
            raise InputError(f"fit spectral is of RGA only, and attention is {self.attention!r}; choose rga-sc, or fit pool")

    def attention_options(self) -> dict[str, Any]:
        """The options of the attention, as ``rga.attach`` takes them: RGA's, and how weights of positions meet other grids."""
        from rga.attention.catalog import OF_A_GRID  # noqa: PLC0415  recipes are read without torch

        rga = self.attention.startswith("rga")
        found = {name: getattr(self, name) for name in (*RGA_OPTIONS, "initial_gate")} if rga else {}
        if self.attention in OF_A_GRID:
            found["fit"] = self.fit
        if self.fit == "spectral":
            found["frequencies"] = self.frequencies
        if self.fit == "pool" and self.attention in OF_A_GRID:
            found["largest_grid"] = (self.largest_grid, self.largest_grid)
        return found

    def attention_after(self) -> Sequence[str] | Literal["blocks"] | None:
        """What ``rga.attach`` takes as ``after``."""
        return "blocks" if self.inside_blocks else list(self.after) or None
