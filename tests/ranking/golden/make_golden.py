"""Makes the golden features of the ranking tests and the metrics that are expected of them, written beside this file.

    python tests/ranking/golden/make_golden.py                      # features.npz and expected.json
    python tests/ranking/golden/make_golden.py --torchreid FOLDER   # torchreid.json too; FOLDER: the unpacked source of torchreid 0.2.5

The metrics in ``expected.json`` are computed here with plain Python numbers, lists and sets, straight from the definitions. Nothing is
imported from the package under test:

- mAP, CMC and the rules for cameras, junk and distractors: Zheng et al., "Scalable Person Re-identification", ICCV 2015;
- mINP: Ye et al., "Deep Learning for Person Re-identification", TPAMI 2021, section 4.1;
- trapezoidal AP: the area under the precision-recall curve by trapezoids, as in the evaluation code of the Oxford buildings benchmark;
- re-ranking: Zhong et al., "Re-ranking Person Re-identification with k-reciprocal Encoding", CVPR 2017, equations (1) to (12). Each image
  is its own nearest neighbour, so that the k nearest others are the first k + 1; distances are squared, as in the authors' code.

``torchreid.json`` holds the metrics of the evaluation and the re-ranking of torchreid 0.2.5 on the same features.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent
JUNK, DISTRACTOR = -1, 0
RANKS = 50
K1, K2, LAMBDA = 20, 6, 0.3
SIDES = ("query", "gallery")

Rows = list[list[float]]
Labels = dict[str, list[int]]


def make_features() -> dict[str, Any]:
    """Features (48 queries, 240 gallery images, 16 dimensions) around one centre for each identity, shifted by the camera, with labels.

    Identities 1 to 20 are in the gallery, 21 and 22 are not. The gallery also holds distractors (0) and junk (-1).
    """
    generator = np.random.default_rng(20)
    centres, cameras = generator.normal(size=(23, 16)), 0.5 * generator.normal(size=(5, 16))
    stored: dict[str, Any] = {}
    for side, size, low, high in (("query", 48, 1, 23), ("gallery", 240, -1, 21)):
        ids, camera_ids = generator.integers(low, high, size), generator.integers(1, 5, size)
        own = np.where(ids[:, None] > 0, centres[ids.clip(0)], generator.normal(size=(size, 16)))
        stored[f"{side}_features"] = (own + cameras[camera_ids] + 0.9 * generator.normal(size=(size, 16))).astype(np.float32)
        stored[f"{side}_ids"], stored[f"{side}_cameras"] = ids, camera_ids
    return stored


def distance(first: Sequence[float], second: Sequence[float], metric: str) -> float:
    """1 - cosine, or Euclidean."""
    if metric == "euclidean":
        return math.dist(first, second)
    dot = sum(a * b for a, b in zip(first, second, strict=True))
    return 1 - dot / (math.hypot(*first) * math.hypot(*second))


def distances(first: Rows, second: Rows, metric: str) -> Rows:
    """All distances, one row for each of the first."""
    return [[distance(a, b, metric) for b in second] for a in first]


def ranking_metrics(rows: Rows, labels: Labels) -> dict[str, Any]:
    """mAP, trapezoidal mAP, mINP and CMC from the definitions, one query at a time."""
    steps, trapezoids, penalties, first_ranks = [], [], [], []
    for row, identity, camera in zip(rows, labels["query_ids"], labels["query_cameras"], strict=True):
        kept = [
            (value, other == identity)
            for value, other, other_camera in zip(row, labels["gallery_ids"], labels["gallery_cameras"], strict=True)
            if other != JUNK and not (other == identity and other_camera == camera)
        ]
        hits = [match for _, match in sorted(kept, key=lambda pair: pair[0])]
        matches = sum(hits)
        if not matches:
            continue
        ranks = [rank for rank, match in enumerate(hits, start=1) if match]
        steps.append(sum(found / rank for found, rank in enumerate(ranks, start=1)) / matches)
        area, before = 0.0, 1.0
        for found, rank in enumerate(ranks, start=1):  # recall grows only at a match: from (found - 1) / matches to found / matches
            if rank > 1:
                before = (found - 1) / (rank - 1)
            area += (before + found / rank) / 2 / matches
        trapezoids.append(area)
        penalties.append(matches / ranks[-1])
        first_ranks.append(ranks[0])
    queries = len(steps)
    return {
        "mAP": sum(steps) / queries,
        "mAP_trapezoid": sum(trapezoids) / queries,
        "mINP": sum(penalties) / queries,
        "cmc": [sum(first <= rank for first in first_ranks) / queries for rank in range(1, RANKS + 1)],
        "queries": queries,
        "queries_without_match": len(rows) - queries,
        "gallery": sum(identity != JUNK for identity in labels["gallery_ids"]),
    }


def reranked(query: Rows, gallery: Rows, metric: str) -> Rows:
    """The final distance d* of each query to each gallery image."""
    both = query + gallery
    images = range(len(both))
    squared = [[value**2 for value in row] for row in distances(both, both, metric)]
    largest = [max(row) for row in squared]
    original = [[value / largest[image] for value in squared[image]] for image in images]
    ranking = [sorted(images, key=lambda other, row=row: row[other]) for row in squared]  # type: ignore[misc]

    def reciprocal(image: int, k: int) -> set[int]:
        """R(p, k), equations (1) and (2)."""
        return {other for other in ranking[image][: k + 1] if image in ranking[other][: k + 1]}

    codes: list[dict[int, float]] = []
    for image in images:
        neighbours = reciprocal(image, K1)
        expanded = set(neighbours)
        for neighbour in neighbours:  # equation (3)
            candidates = reciprocal(neighbour, K1 // 2)
            if len(neighbours & candidates) > 2 / 3 * len(candidates):
                expanded |= candidates
        weights = {other: math.exp(-original[image][other]) for other in expanded}  # equation (7)
        total = sum(weights.values())
        codes.append({other: weight / total for other, weight in weights.items()})
    local = []
    for image in images:  # equation (11)
        members = [codes[other] for other in ranking[image][:K2]]
        local.append({key: sum(code.get(key, 0.0) for code in members) / K2 for key in set().union(*members)})

    def jaccard(first: dict[int, float], second: dict[int, float]) -> float:
        """Equation (10)."""
        keys = first.keys() | second.keys()
        smaller = sum(min(first.get(key, 0.0), second.get(key, 0.0)) for key in keys)
        return 1 - smaller / sum(max(first.get(key, 0.0), second.get(key, 0.0)) for key in keys)

    return [  # equation (12)
        [(1 - LAMBDA) * jaccard(local[i], local[len(query) + j]) + LAMBDA * original[i][len(query) + j] for j in range(len(gallery))]
        for i in range(len(query))
    ]


def expected_metrics(stored: dict[str, Any]) -> dict[str, Any]:
    """The metrics by both distances, before and after re-ranking, and the first row of each re-ranking."""
    query, gallery = (stored[f"{side}_features"].astype(np.float64).tolist() for side in SIDES)
    labels = {name: values.tolist() for name, values in stored.items() if not name.endswith("features")}
    told: dict[str, Any] = {"reranking": {"k1": K1, "k2": K2, "lambda_": LAMBDA}}
    for metric in ("cosine", "euclidean"):
        rows = reranked(query, gallery, metric)
        told[metric] = ranking_metrics(distances(query, gallery, metric), labels)
        told[f"{metric}, re-ranked"] = {**ranking_metrics(rows, labels), "first_row": rows[0]}
    return told


def torchreid_metrics(stored: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The metrics of torchreid; it knows no junk, which is therefore removed before."""
    rank, rerank = (module_of(next(folder.rglob(name))) for name in ("metrics/rank.py", "utils/rerank.py"))
    kept = stored["gallery_ids"] != JUNK
    query, gallery = stored["query_features"].astype(np.float64), stored["gallery_features"].astype(np.float64)[kept]
    labels = stored["query_ids"], stored["gallery_ids"][kept], stored["query_cameras"], stored["gallery_cameras"][kept]
    query, gallery = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (query, gallery))
    plain = 1 - query @ gallery.T
    again = rerank.re_ranking(plain, 1 - query @ query.T, 1 - gallery @ gallery.T, K1, K2, LAMBDA)
    told = {}
    for name, matrix in (("cosine", plain), ("cosine, re-ranked without junk", again)):
        cmc, mean = rank.evaluate_rank(matrix, *labels, max_rank=RANKS, use_cython=False)
        told[name] = {"mAP": float(mean), "cmc": cmc.tolist()}
    return told


def module_of(path: Path) -> ModuleType:
    """A single file of torchreid, imported without the rest of it."""
    spec = importlib.util.spec_from_file_location(f"torchreid_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Writes the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torchreid", type=Path, help="folder with the unpacked source of torchreid 0.2.5")
    chosen = parser.parse_args()
    stored = make_features()
    np.savez_compressed(FOLDER / "features.npz", **stored)
    (FOLDER / "expected.json").write_text(json.dumps(expected_metrics(stored), indent=1) + "\n")
    if chosen.torchreid:
        (FOLDER / "torchreid.json").write_text(json.dumps(torchreid_metrics(stored, chosen.torchreid), indent=1) + "\n")


if __name__ == "__main__":
    main()
