"""How a query and a gallery are compared: by their features as they are, expanded, or re-ranked."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Annotated, Any

import tyro

from rga.errors import InputError
from rga.ranking.blocks import DistanceRows, row_distances
from rga.ranking.rerank.expansion import augment_gallery, expand_queries
from rga.ranking.rerank.reranking import rerank
from rga.reid.embedded import Embedded


@dataclass(frozen=True)
class Comparison:
    """How a query and a gallery are compared, by the cosine of their features.

    Attributes:
        expand_queries: Add to each query this many of its nearest gallery images (alpha query expansion); 0 for none.
        expand_gallery: Add to each gallery image this many of its nearest others (database-side augmentation); 0 for none.
        alpha: Power of the similarity that weights each image that is added; 3 by default.
        rerank: Re-rank by k-reciprocal neighbours.
        k1: Neighbours that are searched for reciprocal ones; 20 by default.
        k2: Neighbours over which a code is averaged (local query expansion); 6 by default.
        lambda_: Weight of the original distance; 0.3 by default.

    Raises:
        InputError: an option of something that is not done, or one that is out of its range.
    """

    expand_queries: int = 0
    expand_gallery: int = 0
    alpha: float | None = None
    rerank: bool = False
    k1: int | None = None
    k2: int | None = None
    lambda_: Annotated[float | None, tyro.conf.arg(name="lambda")] = None

    def __post_init__(self) -> None:
        """Refuses options that would do nothing."""
        for name in ("k1", "k2", "lambda_"):
            if getattr(self, name) is not None and not self.rerank:
                raise InputError(f"{name.rstrip('_')} is an option of re-ranking: add --rerank")
        if self.alpha is not None and not (self.expand_queries or self.expand_gallery):
            raise InputError("alpha is an option of expansion: add --expand-queries N or --expand-gallery N")
        for name in ("expand_queries", "expand_gallery"):
            if getattr(self, name) < 0:
                raise InputError(f"{name.replace('_', '-')} must not be negative, got {getattr(self, name)}")
        options = self.filled
        for name in ("k1", "k2"):
            if options[name] < 1:
                raise InputError(f"{name} must be at least 1, got {options[name]}")
        if not 0 <= options["lambda_"] <= 1:
            raise InputError(f"lambda must lie between 0 and 1, got {options['lambda_']}")
        if not options["alpha"] >= 0:
            raise InputError(f"alpha must not be negative, got {options['alpha']}")

    @property
    def plain(self) -> bool:
        """Whether features are compared as they are, so that distances depend on two images only."""
        return not (self.rerank or self.expand_queries or self.expand_gallery)

    @property
    def name(self) -> str:
        """What results call the distance.

        Example:
            >>> Comparison(expand_queries=5, rerank=True, k1=15).name
            'cosine, queries expanded by 5 (alpha 3), re-ranked (k1 15, k2 6, lambda 0.3)'
        """
        parts = ["cosine"]
        for count, what in ((self.expand_gallery, "gallery"), (self.expand_queries, "queries")):
            if count:
                parts.append(f"{what} expanded by {count} (alpha {self.filled['alpha']:g})")
        if self.rerank:
            parts.append("re-ranked (k1 {k1}, k2 {k2}, lambda {lambda_:g})".format(**self.filled))
        return ", ".join(parts)

    @property
    def filled(self) -> dict[str, Any]:
        """All options, with their defaults where nothing was said."""
        defaults = {"alpha": 3.0, "k1": 20, "k2": 6, "lambda_": 0.3}
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: defaults.get(name) if value is None else value for name, value in values.items()}

    def distances(self, embedded: Embedded) -> DistanceRows:
        """The distances of all queries to the gallery, to be computed some rows at a time."""
        options = self.filled
        if self.expand_gallery:
            embedded = replace(embedded, gallery=augment_gallery(embedded.gallery, self.expand_gallery, options["alpha"]).numpy())
        if self.expand_queries:
            query = expand_queries(embedded.query, embedded.gallery, self.expand_queries, options["alpha"])
            embedded = replace(embedded, query=query.numpy())
        if self.rerank:
            return rerank(embedded.query, embedded.gallery, options["k1"], options["k2"], options["lambda_"])
        return row_distances(embedded.query, embedded.gallery)
