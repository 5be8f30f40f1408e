"""One of the public functions that take arrays, by chance."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from fuzz.arrays import attention, losses, measures, ranking
from fuzz.outcome import Draw, Outcome

FUNCTIONS = (
    ranking.evaluation,
    ranking.given_distances,
    ranking.reranked,
    ranking.expansion,
    ranking.verification,
    ranking.open_set,
    measures.segmentation,
    measures.classification_,
    measures.decoding,
    measures.images,
    losses.cross_entropy,
    losses.triplet,
    losses.pixels,
    attention.forward,
    attention.forward,
    attention.creation,
    attention.placing,
    attention.moving,
)


def array_case(draw: Draw, folder: Path) -> Outcome:
    """Arrays for one of the functions."""
    return draw(st.sampled_from(FUNCTIONS))(draw)
