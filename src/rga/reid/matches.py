"""Who matches whom, and at which ranks: from labels and a block of distances to the ranks of each query's matches.

AP, mINP and CMC are functions of these ranks alone, so that no ranking is ever built. The rank of a match is 1 + the number of gallery
images before it: those that are nearer, and those that are as near and come earlier in the gallery. This is the order of a stable sort.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rga.reid.samples import DISTRACTOR

Array = npt.NDArray[Any]
LabelArray = Sequence[int] | npt.NDArray[np.integer[Any]] | Tensor

JUNK = -1
"""The identity of gallery images that no ranking may hold (Market-1501: bad boxes)."""
KEYS = 2**15
"""How many coarse keys there are to sort by: the non-negative 16-bit integers."""
SORTED_AT_ONCE = 2**20
"""How many distances one thread sorts at a time; few enough for a processor's cache."""
ABSENT = torch.iinfo(torch.int64).max
"""Stands where a query has fewer matches than the widest of its block; larger than any rank."""


@dataclass(frozen=True)
class Labels:
    """Identity and camera of each image.

    Attributes:
        identities: (images,), int64.
        cameras: (images,), int64, or None where they are not known.
    """

    identities: Tensor
    cameras: Tensor | None

    def select(self, images: slice | Tensor) -> Labels:
        """Some of the images."""
        return Labels(self.identities[images], None if self.cameras is None else self.cameras[images])


@dataclass(frozen=True)
class Candidates:
    """The gallery images of each query's identity.

    Attributes:
        columns: (b, M), their places in the gallery, ascending; 0 where a query has fewer than M.
        matches: (b, M), true for those that count as a match.
        hidden: (b, M), true for those that the query's own camera took, which are left out.
    """

    columns: Tensor
    matches: Tensor
    hidden: Tensor


class Pairing:
    """Finds the gallery images of each query's identity.

    Args:
        query: labels of the queries.
        gallery: labels of the gallery, on the same device.
    """

    def __init__(self, query: Labels, gallery: Labels) -> None:
        self.query = query
        self.gallery = gallery
        in_order, self.places = torch.sort(gallery.identities, stable=True)
        self.first = torch.searchsorted(in_order, query.identities)
        self.counts = torch.searchsorted(in_order, query.identities, right=True) - self.first
        self.counts[query.identities == DISTRACTOR] = 0
        self.widest = int(self.counts.max())

    def candidates(self, queries: slice) -> Candidates:
        """The candidates of some queries."""
        first, counts, query = self.first[queries, None], self.counts[queries, None], self.query.select(queries)
        slots = torch.arange(max(1, int(counts.max())), device=first.device)  # (M,)
        present = slots < counts  # (b, M)
        columns = self.places[(first + slots).where(present, 0)].where(present, 0)
        if query.cameras is None or self.gallery.cameras is None:
            return Candidates(columns, present, torch.zeros_like(present))
        same_camera = self.gallery.cameras[columns] == query.cameras[:, None]
        return Candidates(columns, present & ~same_camera, present & same_camera)


def hide(distances: Tensor, candidates: Candidates) -> None:
    """Moves the images that a query may not see behind all others, in place; distances (b, G) are finite before."""
    rows, slots = candidates.hidden.nonzero(as_tuple=True)
    distances[rows, candidates.columns[rows, slots]] = torch.inf


def match_ranks(distances: Tensor, candidates: Candidates) -> Tensor:
    """The ranks of each query's matches.

    Args:
        distances: (b, G), finite but for what ``hide`` moved.
        candidates: of the b queries.

    Returns:
        (b, M) int64, ascending, counted from 1; ``ABSENT`` behind a query's last match.
    """
    before = images_before_on_cpu if distances.device.type == "cpu" else images_before
    ranks = before(distances, candidates.columns, candidates.matches) + 1
    return ranks.masked_fill_(~candidates.matches, ABSENT).sort(1).values


def images_before(distances: Tensor, columns: Tensor, matches: Tensor) -> Tensor:  # noqa: ARG001 - it answers for all columns
    """How many images of each row (b, G) come before those at ``columns`` (b, M): (b, M), by a stable sort."""
    order = torch.sort(distances, dim=1, stable=True).indices
    places = torch.empty_like(order).scatter_(1, order, torch.arange(order.shape[1], device=order.device).expand_as(order))
    return places.gather(1, columns)


def images_before_on_cpu(distances: Tensor, columns: Tensor, matches: Tensor) -> Tensor:
    """The same where ``matches`` (b, M) holds, many times faster on a CPU, where sorting would cost more than the distances themselves.

    The rows are sorted by coarse keys, 16-bit numbers that never decrease with the distance, in two passes of numpy's radix sort, and
    exactly only where a match shares its key with other images. Parts of the rows go to one thread each.
    """
    step = max(1, SORTED_AT_ONCE // distances.shape[1])
    arrays = [torch.split(tensor, step) for tensor in (distances, columns, matches)]
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        parts = threads.map(lambda *part: images_before_by_keys(*(tensor.numpy() for tensor in part)), *arrays)
        return torch.from_numpy(np.concatenate(list(parts)))


def images_before_by_keys(distances: Array, columns: Array, matches: Array) -> Array:
    """A part of ``images_before_on_cpu``."""
    images = distances.shape[1]
    keys = coarse_keys(distances, np.take_along_axis(distances, columns, 1), matches)
    row = np.arange(len(keys))[:, None]
    order = np.argsort(keys, axis=1, kind="stable")
    order += row * images
    in_order = (np.take(keys, order) + row * KEYS).ravel()  # rows one behind the other ascend as one
    own = np.take_along_axis(keys, columns, 1) + row * KEYS
    first = np.searchsorted(in_order, own)
    sizes = np.searchsorted(in_order, own, side="right") - first
    before: Array = first - row * images
    shared = matches & (sizes > 1)
    if shared.any():
        images_asked = (row * images + columns)[shared]
        before[shared] += places_in_groups(distances, order, images_asked, first[shared], sizes[shared])
    return before


def coarse_keys(distances: Array, own: Array, matches: Array) -> Array:
    """16-bit keys (b, G) that never decrease with the distance, finest between the nearest and the farthest match of each row."""
    limits = np.finfo(distances.dtype)
    nearest = own.min(1, keepdims=True, where=matches, initial=limits.max)
    farthest = own.max(1, keepdims=True, where=matches, initial=-limits.max)
    with np.errstate(over="ignore", divide="ignore"):  # infinity is the last key, as it should be
        scale = np.clip((KEYS - 3) / (farthest - nearest), limits.tiny, limits.max)
        scaled = distances - nearest
        scaled *= scale
        scaled += 1
    keys: Array = np.clip(scaled, 0, KEYS - 1, out=scaled).astype(np.int16)
    return keys


def places_in_groups(distances: Array, order: Array, asked: Array, first: Array, sizes: Array) -> Array:
    """The exact place of some images among those that share their coarse key.

    Args:
        distances: (b, G).
        order: (b, G), the order of each row by coarse keys, as indices into the flat distances.
        asked: (P,), the images, as such indices.
        first: (P,), where the images of its key start in the flat order.
        sizes: (P,), how many these are.

    Returns:
        (P,), counted from 0.
    """
    starts, one_asked, group = np.unique(first, return_index=True, return_inverse=True)  # one group per key, however many matches share it
    members = sizes[one_asked]
    offsets = members.cumsum() - members
    owner = np.repeat(np.arange(len(starts)), members)  # (E,) the group of each member
    images = np.take(order, np.arange(len(owner)) + (starts - offsets)[owner])
    exact = np.lexsort((distances.ravel()[images], owner))  # by group, then by distance, then by place in the gallery
    position = np.empty_like(exact)
    position[exact] = np.arange(len(exact))
    ahead = np.searchsorted(owner * distances.size + images, group * distances.size + asked)
    within: Array = position[ahead] - offsets[group]
    return within


class SingleShots:
    """The draws of the single-gallery-shot CMC: in every repeat the gallery holds one image per identity.

    They are made once for all blocks: one image of each identity (all distractors are one), and for each query one of its own matches. That
    match takes the place of its identity's image, which the camera rule may forbid.

    Args:
        pairing: of queries and gallery.
        repeats: number of draws.
        seed: of the random numbers.
    """

    def __init__(self, pairing: Pairing, repeats: int, seed: int) -> None:
        generator = np.random.default_rng(seed)
        device = pairing.places.device
        _, sizes = torch.unique_consecutive(pairing.gallery.identities[pairing.places], return_counts=True)
        picks = torch.from_numpy(generator.random((repeats, len(sizes)))).to(device)
        self.columns = pairing.places[sizes.cumsum(0) - sizes + pick(picks, sizes)]  # (repeats, identities)
        self.identities = pairing.gallery.identities[self.columns[0]]
        self.query_identities = pairing.query.identities
        self.picks = torch.from_numpy(generator.random((repeats, len(self.query_identities)))).to(device)

    def ranks(self, distances: Tensor, candidates: Candidates, queries: slice) -> Tensor:
        """The rank of each query's drawn match in each repeat: (b, repeats); meaningless for a query without match."""
        matches = candidates.matches
        others = self.identities != self.query_identities[queries, None]  # (b, identities)
        ranks = []
        for columns, picks in zip(self.columns, self.picks[:, queries], strict=True):
            slot = (matches.cumsum(1) <= pick(picks, matches.sum(1))[:, None]).sum(1, keepdim=True).clamp_(max=matches.shape[1] - 1)
            match = candidates.columns.gather(1, slot)  # (b, 1)
            own, drawn = distances.gather(1, match), distances.index_select(1, columns)
            before = (drawn < own) | ((drawn == own) & (columns < match))
            ranks.append((before & others).sum(1) + 1)
        return torch.stack(ranks, 1)


def pick(uniform: Tensor, sizes: Tensor) -> Tensor:
    """Uniform numbers in [0, 1) as indices into groups of these sizes."""
    return (uniform * sizes).long().minimum(sizes - 1)


def read_labels(identities: LabelArray, cameras: LabelArray | None, images: int, side: str, device: torch.device) -> Labels:
    """Identities and cameras of one side, checked.

    Raises:
        ValueError: they are not integers, or not one per image.
    """

    def read(labels: LabelArray, name: str) -> Tensor:
        array = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
        if array.shape != (images,):
            raise ValueError(f"{side} {name} must be one number per image, ({images},), got the shape {array.shape}")
        if array.dtype.kind not in "iu":
            raise ValueError(f"{side} {name} must be integers, got {array.dtype}")
        return torch.from_numpy(array.astype(np.int64)).to(device)

    return Labels(read(identities, "identities"), None if cameras is None else read(cameras, "cameras"))
