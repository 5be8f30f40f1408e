"""What is compared: each variant is a name and the fields of a recipe in which it differs from the recipe of a setting.

Recipes of settings have RGA-SC after all stages, so a variant that names no attention is RGA-SC in another form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Variant:
    """A variant.

    Attributes:
        name: in file names and on the command line.
        label: in tables and figures; the paper's name where the paper has one.
        changes: fields of the recipe that differ.
    """

    name: str
    label: str
    changes: Mapping[str, Any] = field(default_factory=dict, hash=False)


PLAIN = "plain"
"""The variant without attention, to which all others of a setting are compared."""

ATTENDED = "rga-sc"
"""The paper's best."""

PAPER = (
    Variant(PLAIN, "plain", {"attention": "none"}),
    Variant("rga-s-no-relation", "RGA-S w/o Rel.", {"attention": "rga-s", "relation": False}),
    Variant("rga-s-no-original", "RGA-S w/o Ori.", {"attention": "rga-s", "original": False}),
    Variant("rga-s", "RGA-S", {"attention": "rga-s"}),
    Variant("rga-c-no-relation", "RGA-C w/o Rel.", {"attention": "rga-c", "relation": False}),
    Variant("rga-c-no-original", "RGA-C w/o Ori.", {"attention": "rga-c", "original": False}),
    Variant("rga-c", "RGA-C", {"attention": "rga-c"}),
    Variant("rga-parallel", "RGA-S//C", {"attention": "rga-parallel"}),
    Variant("rga-cs", "RGA-CS", {"attention": "rga-cs"}),
    Variant(ATTENDED, "RGA-SC", {"attention": "rga-sc"}),
    Variant("cbam-s", "CBAM-S", {"attention": "cbam-s"}),
    Variant("fc-s", "FC-S", {"attention": "fc-s"}),
    Variant("non-local", "NL", {"attention": "non-local"}),
    Variant("simple-non-local", "SNL", {"attention": "simple-non-local"}),
    Variant("se", "SE", {"attention": "se"}),
    Variant("cbam-c", "CBAM-C", {"attention": "cbam-c"}),
    Variant("fc-c", "FC-C", {"attention": "fc-c"}),
    Variant("cbam-cs", "CBAM-CS", {"attention": "cbam-cs"}),
    Variant("fc-parallel", "FC-S//C", {"attention": "fc-parallel"}),
    Variant("rga-sc-no-embedding", "RGA-SC, no embedding", {"embedding": "none"}),
    Variant("rga-sc-symmetric", "RGA-SC, symmetric embedding", {"embedding": "symmetric"}),
)
"""The rows of the paper's tables."""

OURS = (
    Variant("eca", "ECA", {"attention": "timm:eca"}),
    Variant("rga-sc-from-50", "RGA-SC, gates from .5", {"initial_gate": None}),
    Variant("rga-sc-from-80", "RGA-SC, gates from .8", {"initial_gate": 0.8}),
    Variant("rga-sc-from-95", "RGA-SC, gates from .95", {"initial_gate": 0.95}),
    Variant("rga-sc-from-99", "RGA-SC, gates from .99", {"initial_gate": 0.99}),
    Variant("rga-sc-no-gate-norm", "RGA-SC, no BN on the logits", {"gate_norm": "none"}),
    Variant("rga-sc-gate-momentum", "RGA-SC, momentum .01 of that BN", {"gate_norm_momentum": 0.01}),
    Variant("rga-sc-no-decay", "RGA-SC, no weight decay of RGA", {"attention_weight_decay": 0.0}),
    Variant("rga-sc-more-decay", "RGA-SC, weight decay .2 of RGA", {"attention_weight_decay": 0.2}),
    Variant("rga-sc-spectral", "RGA-SC, spectral, 8 frequencies", {"fit": "spectral", "frequencies": (8, 8)}),
    Variant("rga-sc-pooled", "RGA-SC, pooled to 8 cells", {"fit": "pool", "largest_grid": 8}),
    Variant("rga-sc-pooled-16", "RGA-SC, pooled to 16 cells", {"fit": "pool", "largest_grid": 16}),
    Variant("rga-sc-reduction-16", "RGA-SC, s1 = 16", {"reduction": 16}),
    Variant("rga-sc-reduction-32", "RGA-SC, s1 = 32", {"reduction": 32}),
    *(
        Variant(
            f"rga-sc-not-{left_out}",
            f"RGA-SC, not after stage {left_out}",
            {"after": tuple(f"layer{stage}" for stage in range(1, 5) if stage != left_out)},
        )
        for left_out in range(1, 5)
    ),
    *(
        Variant(f"{name}-lr-{1000 * lr:g}", f"{label}, lr {lr:g}", {"attention": attention, "lr": lr})
        for name, label, attention in ((PLAIN, "plain", "none"), (ATTENDED, "RGA-SC", "rga-sc"))
        for lr in (1e-3, 4e-3, 8e-3, 16e-3, 0.1, 0.2)
    ),
    *(Variant(f"rga-sc-only-{only}", f"RGA-SC after stage {only} alone", {"after": (f"layer{only}",)}) for only in range(1, 5)),
)
"""Rows of our own tables."""

VARIANTS: dict[str, Variant] = {variant.name: variant for variant in (*PAPER, *OURS)}
"""Name -> variant."""
