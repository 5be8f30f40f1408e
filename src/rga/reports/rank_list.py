"""Rank lists: each query beside the gallery images that are nearest to it, with matches and others marked by colour and by sign.

The rules are those of the evaluation (``rga.ranking.evaluation``): junk images, images of the query's own identity and camera, and the
query itself do not count; distractors do, and are no match. What does not count is left out, or shown with a mark of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from rga.errors import InputError
from rga.images.images import read_image
from rga.ranking.blocks import DistanceRows
from rga.ranking.labels import DISTRACTOR, JUNK
from rga.reid.datasets.samples import Sample

Colour = tuple[int, int, int]

PAPER: Colour = (255, 255, 255)
WRITING: Colour = (38, 40, 46)
FAINT: Colour = (112, 116, 126)
RIGHT: Colour = (22, 135, 76)
WRONG: Colour = (200, 48, 48)
QUERY: Colour = (52, 58, 72)
UNCOUNTED: Colour = (150, 154, 162)

COLOURS: dict[bool | None, Colour] = {True: RIGHT, False: WRONG, None: UNCOUNTED}
STROKES: dict[bool | None, list[tuple[tuple[int, int], ...]]] = {
    True: [((3, 8), (6, 11), (12, 4))],
    False: [((4, 4), (11, 11)), ((4, 11), (11, 4))],
    None: [((4, 7), (11, 7))],
}
"""Of a match, of another image, and of one that does not count: the colour, and the strokes of its mark."""

FRAME = 3
"""Pixels of the frame around an image."""
GAP = 7
"""Pixels between images, and around all of them."""
MARK = 15
"""Pixels of the tick or cross in the corner of an image."""
TEXT = 12
"""Pixels of the text's height."""
AFTER_QUERY = 16
"""Additional pixels between a query and its first image."""

LEGEND = (
    "Green frame and tick: same identity as the query. Red frame and cross: another identity. Below each image: its similarity to the "
    "query and its camera. Below the query: the number of its matches in the gallery."
)
"""How to read ``draw_rank_lists``, for captions."""
JUNK_LEGEND = "Grey frame and bar: junk, or the same identity seen by the query's own camera; it does not count."
"""What is added to it where such images are shown."""


@dataclass(frozen=True)
class Found:
    """A gallery image in a rank list.

    Attributes:
        sample: the image.
        similarity: to the query, such as the cosine of their features.
        right: whether the image shows the query's identity; None for one that does not count.
    """

    sample: Sample
    similarity: float
    right: bool | None


@dataclass(frozen=True)
class RankList:
    """A query and the gallery images that are nearest to it.

    Attributes:
        query: the query image.
        found: the most similar gallery images, best first.
        first_right: rank of the first match in the whole gallery, from 1; None if there is no match.
        matches: number of matches in the gallery.
    """

    query: Sample
    found: tuple[Found, ...]
    first_right: int | None
    matches: int


def rank_lists(
    query: Sequence[Sample],
    query_features: NDArray[np.floating],
    gallery: Sequence[Sample],
    gallery_features: NDArray[np.floating],
    top: int = 10,
) -> list[RankList]:
    """Ranks the gallery for each query by the cosine of their features; images of equal similarity keep the gallery's order.

    Args:
        query: n queries.
        query_features: (n, D).
        gallery: m gallery images. If cameras are known on both sides, images of a query's own identity and camera are left out.
        gallery_features: (m, D).
        top: number of images in a list; fewer if the gallery is smaller.

    Raises:
        InputError: the number of features is not the number of images, or ``top`` is not positive.
    """
    for side, samples, features in (("query", query, query_features), ("gallery", gallery, gallery_features)):
        if features.ndim != 2 or len(features) != len(samples):
            raise InputError(f"{side} features must be one row for each of {len(samples)} images, got the shape {features.shape}")
    if top < 1:
        raise InputError(f"a rank list needs at least one image, got top={top}")
    labels = Labels.of(gallery)
    similarities = normalised(query_features) @ normalised(gallery_features).T  # (n, m)
    return [rank_list(sample, row, gallery, labels, top) for sample, row in zip(query, similarities, strict=True)]


def rank_lists_by(
    distances: DistanceRows,
    query: Sequence[Sample],
    gallery: Sequence[Sample],
    indices: Sequence[int],
    files: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
    top: int = 10,
    *,
    junk: bool = False,
) -> list[RankList]:
    """Ranks the gallery for some of the queries by any distances, such as those of a re-ranking; similarity is 1 - distance.

    Args:
        distances: (n, m), of all queries to the gallery.
        query: all queries.
        gallery: the gallery; see ``rank_lists``.
        indices: indices of the queries to rank for.
        files: numbers of the files of queries (n,) and gallery (m,), the same for the same image; None if no query is in the gallery.
        top: number of images in a list.
        junk: also list images that do not count, at their places.
    """
    labels = Labels.of(gallery)
    row = torch.empty(1, distances.shape[1], dtype=distances.dtype, device=distances.device)
    return [
        rank_list(
            query[index],
            1 - distances.fill(slice(index, index + 1), row)[0].cpu().numpy(),
            gallery,
            labels,
            top,
            None if files is None else files[1] == files[0][index],
            junk=junk,
        )
        for index in indices
    ]


@dataclass(frozen=True)
class Labels:
    """Identities and cameras (m,) of samples; an unknown camera is -1."""

    identities: NDArray[np.int64]
    cameras: NDArray[np.int64]

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Labels:
        """Reads the labels of samples."""
        identities, cameras = zip(*((sample.identity, -1 if sample.camera is None else sample.camera) for sample in samples), strict=True)
        return cls(np.array(identities), np.array(cameras))


def rank_list(
    query: Sample,
    similarities: NDArray[np.floating],
    gallery: Sequence[Sample],
    labels: Labels,
    top: int,
    itself: NDArray[np.bool_] | None = None,
    *,
    junk: bool = False,
) -> RankList:
    """Ranks the gallery (m) for one query by its similarities (m,), without the images that are the query itself (m,)."""
    own = (labels.identities == query.identity) & (labels.cameras == (-2 if query.camera is None else query.camera))
    never = np.zeros(len(gallery), np.bool_) if itself is None else itself
    counts = (labels.identities != JUNK) & ~own & ~never
    matches = (labels.identities == query.identity) & (query.identity != DISTRACTOR)
    ranked = np.argsort(-similarities, kind="stable")
    order = ranked[counts[ranked]]
    right = matches[order]
    listed = ranked[~never[ranked]][:top] if junk else order[:top]
    found = tuple(Found(gallery[index], float(similarities[index]), bool(matches[index]) if counts[index] else None) for index in listed)
    return RankList(query, found, int(right.argmax()) + 1 if right.any() else None, int(right.sum()))


def normalised(features: NDArray[np.floating]) -> NDArray[np.floating]:
    """Scales rows (n, D) to length 1; rows of zeros stay."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    rows: NDArray[np.floating] = features / np.where(lengths > 0, lengths, 1)
    return rows


def draw_rank_lists(
    lists: Sequence[RankList],
    cell: tuple[int, int] = (128, 64),
    *,
    names: Sequence[str] = (),
    image_of: Callable[[RankList, Sample], Image.Image] | None = None,
) -> Image.Image:
    """Draws rank lists, one a row: the query on the left, then the nearest gallery images, best first. ``LEGEND`` explains the marks.

    Args:
        lists: the rank lists, one a row.
        cell: (height, width) in pixels to which each image is resized.
        names: what each row is called, above its query; none by default.
        image_of: what is shown of an image in a list, such as a map over it; by default the image itself.

    Raises:
        InputError: there is nothing to draw.
    """
    columns = max((len(each.found) for each in lists), default=0)
    if not columns:
        raise InputError("there is nothing to draw: expected at least one rank list with at least one image")
    height, width = cell
    shown = image_of or (lambda _, sample: read_image(sample.path))
    named = TEXT + 4 if names else 0
    across, down = width + 2 * FRAME + GAP, named + height + 2 * FRAME + GAP + 2 * TEXT + 5
    top = GAP + TEXT + 6
    sheet = Image.new("RGB", (2 * GAP + (columns + 1) * across + AFTER_QUERY, top + len(lists) * down + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(TEXT)

    def left_of(column: int) -> int:
        return GAP + column * across + (AFTER_QUERY if column else 0)

    def write(column: int, y: int, text: str, colour: Colour) -> None:
        draw.text((left_of(column) + FRAME + width // 2, y), text, fill=colour, font=font, anchor="mt")

    for column in range(columns + 1):
        rank = "" if any(found.right is None for each in lists for found in each.found) else str(column)
        write(column, GAP, "query" if column == 0 else rank, FAINT)
    for number, ranked in enumerate(lists):
        y = top + number * down + named
        if names:
            draw.text((left_of(0), y - named), names[number], fill=WRITING, font=font)
        below = y + height + 2 * FRAME + 4
        put(sheet, shown(ranked, ranked.query), (left_of(0), y), cell, QUERY)
        write(0, below, " ".join(filter(None, (f"id {ranked.query.identity}", camera(ranked.query)))), WRITING)
        write(0, below + TEXT + 1, matches_of(ranked), FAINT)
        for column, found in enumerate(ranked.found, start=1):
            corner = left_of(column), y
            put(sheet, shown(ranked, found.sample), corner, cell, COLOURS[found.right])
            draw_mark(draw, (corner[0] + width + 2 * FRAME - MARK, y), found.right)
            write(column, below, " ".join(filter(None, (f"{found.similarity:.2f}", camera(found.sample)))), WRITING)
    return sheet


def matches_of(ranked: RankList) -> str:
    """The number of matches in the gallery, in words that fit below a query."""
    return f"{ranked.matches} match" if ranked.matches == 1 else f"{ranked.matches} matches"


def camera(sample: Sample) -> str:
    """The camera of a sample, abbreviated; empty if it is not known."""
    return "" if sample.camera is None else f"c{sample.camera}"


def put(sheet: Image.Image, image: Image.Image, corner: tuple[int, int], cell: tuple[int, int], colour: Colour) -> None:
    """Pastes an image in a frame onto the sheet."""
    height, width = cell
    x, y = corner
    sheet.paste(colour, (x, y, x + width + 2 * FRAME, y + height + 2 * FRAME))
    small = image.resize((width, height), Image.Resampling.LANCZOS)
    sheet.paste(small, (x + FRAME, y + FRAME))


def draw_mark(draw: ImageDraw.ImageDraw, corner: tuple[int, int], right: bool | None) -> None:
    """Draws a white tick on green, a white cross on red, or a white bar on grey, ``MARK`` pixels wide and high."""
    x, y = corner
    draw.rectangle((x, y, x + MARK - 1, y + MARK - 1), fill=COLOURS[right])
    for stroke in STROKES[right]:
        draw.line([(x + across, y + down) for across, down in stroke], fill=PAPER, width=2, joint="curve")
