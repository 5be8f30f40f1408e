"""The definitions, as loops: rankings, confusion, open sets, expansion."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Labels = tuple[Integers, Integers | None, Integers, Integers | None]
"""Query ids, query cameras, gallery ids, gallery cameras."""


def distances(query: Floats, gallery: Floats, metric: str) -> Floats:
    """(queries, gallery), one pair at a time."""
    found = np.zeros((len(query), len(gallery)))
    for i, one in enumerate(query):
        for j, other in enumerate(gallery):
            if metric == "euclidean":
                found[i, j] = np.sqrt(((one - other) ** 2).sum())
            else:
                lengths = np.sqrt((one**2).sum()) * np.sqrt((other**2).sum())
                found[i, j] = 1 - (one @ other / lengths if lengths > 0 else 0)
    return found


def ranking(row: Floats, query: tuple[int, int | None], ids: Integers, cameras: Integers | None) -> list[int]:
    """The gallery images that a query ranks, nearest first; without junk and its own camera's images of the same person."""
    kept = [j for j in range(len(row)) if ids[j] != -1 and not (cameras is not None and ids[j] == query[0] and cameras[j] == query[1])]
    return sorted(kept, key=lambda j: (row[j], j))


def figures(distance: Floats, labels: Labels, top_k: int) -> dict[str, Any] | None:
    """mAP, its trapezoidal form, mINP and CMC; None where no query has a match."""
    query_ids, query_cameras, ids, cameras = labels
    found: dict[str, list[float]] = {"mAP": [], "mAP_trapezoid": [], "mINP": []}
    first: list[int] = []
    for i, identity in enumerate(query_ids):
        camera = None if query_cameras is None else int(query_cameras[i])
        order = ranking(distance[i], (int(identity), camera), ids, cameras)
        ranks = [rank for rank, j in enumerate(order, start=1) if ids[j] == identity]
        if not ranks:
            continue
        precisions = [number / rank for number, rank in enumerate(ranks, start=1)]
        before = [1.0 if rank == 1 else (number - 1) / (rank - 1) for number, rank in enumerate(ranks, start=1)]
        found["mAP"].append(float(np.mean(precisions)))
        found["mAP_trapezoid"].append(float(np.mean([(a + b) / 2 for a, b in zip(before, precisions, strict=True)])))
        found["mINP"].append(len(ranks) / ranks[-1])
        first.append(ranks[0])
    if not first:
        return None
    cmc = [float(np.mean([rank <= k for rank in first])) for k in range(1, top_k + 1)]
    return {**{name: float(np.mean(values)) for name, values in found.items()}, "cmc": cmc, "queries": len(first)}


def confusion(truth: Integers, predicted: Integers, classes: int, ignored: int | None = None) -> Integers:
    """(classes, classes), one pixel at a time."""
    counted = np.zeros((classes, classes), np.int64)
    for right, answer in zip(truth.ravel().tolist(), predicted.ravel().tolist(), strict=True):
        if right != ignored:
            counted[right, answer] += 1
    return counted


def expanded(image: Floats, others: Floats, k: int, alpha: float) -> Floats:
    """A direction plus its nearest others, each by its similarity to the power of alpha, brought to length 1."""
    similarity = others @ image
    total = image.copy()
    for j in sorted(range(len(others)), key=lambda j: (-similarity[j], j))[:k]:
        if similarity[j] > 0:
            total = total + similarity[j] ** alpha * others[j]
    length = np.sqrt((total**2).sum())
    result: Floats = total / length if length > 0 else total
    return result


def directions(rows: Floats) -> Floats:
    """Rows brought to length 1; those of length 0 stay."""
    lengths = np.sqrt((rows**2).sum(1, keepdims=True))
    result: Floats = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return result


def log_softmax(scores: Floats) -> Floats:
    """Of the last axis."""
    shifted = scores - scores.max(-1, keepdims=True)
    result: Floats = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return result


def smoothed_cross_entropy(logits: Floats, labels: Integers, smoothing: float) -> float:
    """Cross-entropy against smoothed labels."""
    losses = []
    for row, label in zip(log_softmax(logits), labels, strict=True):
        target = np.full(len(row), smoothing / len(row))
        target[label] += 1 - smoothing
        losses.append(-(target * row).sum())
    return float(np.mean(losses))


def batch_hard_triplet(features: Floats, labels: Integers, margin: float | None) -> float | None:
    """The loss of Hermans et al.; None where no triplet can be made."""
    losses = []
    for i, label in enumerate(labels):
        apart = [max(1e-6, float(np.sqrt(((features[i] - other) ** 2).sum()))) for other in features]
        positive = [apart[j] for j in range(len(labels)) if j != i and labels[j] == label]
        negative = [apart[j] for j in range(len(labels)) if labels[j] != label]
        if positive and negative:
            gap = max(positive) - min(negative)
            losses.append(float(np.logaddexp(0, gap)) if margin is None else max(0.0, gap + margin))
    return float(np.mean(losses)) if losses else None


def open_set(
    distance: Floats, query_ids: Integers, ids: Integers, unknown: set[int], threshold: float
) -> tuple[float | None, float | None]:
    """FPIR and TPIR at a threshold, rank 1, without cameras; None where there is no such query."""
    alarms, found = [], []
    left = [j for j in range(len(ids)) if ids[j] != -1 and int(ids[j]) not in unknown]
    for i, identity in enumerate(query_ids.tolist()):
        order = sorted(left, key=lambda j: (distance[i, j], j))
        if identity in unknown:
            alarms.append(distance[i, order[0]] <= threshold)
        elif any(ids[j] == identity for j in left):
            found.append(ids[order[0]] == identity and distance[i, order[0]] <= threshold)
    return (float(np.mean(alarms)) if alarms else None, float(np.mean(found)) if found else None)
