"""What a ranking is worth: the result of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rga.errors import InputError

CameraRule = Literal["applied", "not applied: no camera ids"]


@dataclass(frozen=True, eq=False)
class RankingResult:
    """The figures of one evaluation; all are fractions in [0, 1], averaged over the queries that have a match.

    Attributes:
        mAP: mean average precision, the standard one: the mean of the precision at each match (area under steps).
        mAP_trapezoid: the same with the area under the precision-recall curve by trapezoids, as the paper's reference code reported it.
        mINP: mean inverse negative penalty: number of matches / rank of the last match.
        cmc: (ranks,), ``cmc[k - 1]`` is the share of queries whose first match is among the first k.
        queries: number of queries evaluated.
        queries_without_match: number of queries that the gallery holds no match for; they are in none of the figures.
        gallery: number of gallery images ranked, distractors included, junk not.
        metric: the distance that ranked them.
        camera_rule: whether gallery images of the query's identity and camera were left out.
        queries_in_gallery: number of queries that are in the gallery themselves, by the numbers of the files; none has found itself.
        cmc_gallery: what the CMC was measured on: all gallery images, or one drawn per identity.
    """

    mAP: float  # noqa: N815 - the field's own name
    mAP_trapezoid: float  # noqa: N815 - the field's own name
    mINP: float  # noqa: N815 - the field's own name
    cmc: npt.NDArray[np.float64]
    queries: int
    queries_without_match: int
    gallery: int
    metric: str
    camera_rule: CameraRule
    cmc_gallery: str = "all images"
    queries_in_gallery: int = 0

    def __post_init__(self) -> None:
        """Checks ranges and makes the curve read-only."""
        for name in ("mAP", "mAP_trapezoid", "mINP"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must be within [0, 1], got {getattr(self, name)}")
        cmc = np.array(self.cmc, dtype=np.float64)
        if cmc.ndim != 1 or not len(cmc):
            raise InputError(f"cmc must be one curve of at least one rank, got the shape {cmc.shape}")
        if not (cmc[0] >= 0 and cmc[-1] <= 1 and all(low <= high for low, high in pairwise(cmc))):
            raise InputError(f"cmc must rise within [0, 1], got {cmc}")
        if self.queries < 1 or self.queries_without_match < 0 or self.gallery < 1:
            raise InputError(
                f"an evaluation has queries and a gallery, got queries={self.queries}, queries_without_match={self.queries_without_match}, "
                f"gallery={self.gallery}"
            )
        cmc.setflags(write=False)
        object.__setattr__(self, "cmc", cmc)

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON can hold them."""
        return {**vars(self), "cmc": self.cmc.tolist()}

    def __str__(self) -> str:
        """The figures in percent, and what they were measured on."""
        ranks = ", ".join(f"R{rank} {self.cmc[rank - 1]:.1%}" for rank in (1, 5, 10) if rank <= len(self.cmc))
        left_out = f" ({self.queries_without_match} more have no match and are left out)" if self.queries_without_match else ""
        return (
            f"mAP {self.mAP:.1%}, {ranks}, mINP {self.mINP:.1%}, trapezoidal mAP {self.mAP_trapezoid:.1%}\n"
            f"{self.queries} queries{left_out}, {self.gallery} gallery images, {self.metric} distance, "
            f"{self.rule}, CMC on {self.cmc_gallery}"
        )

    @property
    def rule(self) -> str:
        """What was left out of the gallery, in words."""
        itself = f", {self.queries_in_gallery} queries are in the gallery and do not find themselves" if self.queries_in_gallery else ""
        return f"camera rule {self.camera_rule}{itself}"
