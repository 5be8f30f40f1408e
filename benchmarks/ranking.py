"""Evaluation and re-ranking at growing sizes, side by side: seconds, memory, and whether the figures agree.

    pip install --no-deps torchreid                 # for the column of that name; of it two files are used, which need numpy alone
    python benchmarks/ranking.py evaluation         # bare matrix product + top 100, ours, the naive way, torchreid
    python benchmarks/ranking.py reranking          # ours, the published numpy code as torchreid ships it
    python benchmarks/ranking.py evaluation --sizes 11659x82161 11659x821610 --sides product ours    # MSMT17, and ten times its gallery

Every case runs in a process of its own, so that its peak of memory is its own: what the process held at most, from when features and
labels were there. A case that would need more than the machine has (``--memory``) is stopped, and the table says so. Sides take turns over
``--rounds``; medians are printed. Run it when nothing else runs. Linux alone tells these peaks.

torchreid's fast evaluator is Cython, of which its package on PyPI (0.2.5) holds no source: the column is its Python evaluator, which is
what an installation from there runs. Its ``re_ranking`` is the code published by the authors of the method, in numpy.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from rga.ranking.distances import distances
from rga.reid import evaluate, evaluate_distances, rerank

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Figures = dict[str, float]

SIZES = ("500x2000", "1000x4000", "2000x8000", "4000x16000")
IMAGES_OF_IDENTITY = 27
CAMERAS = 15
"""As in the gallery of MSMT17."""
NOISE = 3.0
"""Deviation of a clustered feature around its identity's centre, whose numbers have deviation 1."""
BLOCK_BYTES = 2**30
"""Memory of the bare product's block."""
TOP = 100


@dataclass(frozen=True)
class Case:
    """One measurement: what is done by whom, on what."""

    part: str
    side: str
    queries: int
    gallery: int
    dimensions: int
    features: str


@dataclass(frozen=True)
class Data:
    """Features and labels, in the order of ``evaluate``."""

    query: Floats
    query_ids: Integers
    query_cameras: Integers
    gallery: Floats
    gallery_ids: Integers
    gallery_cameras: Integers

    @property
    def labels(self) -> tuple[Integers, Integers, Integers, Integers]:
        """In the order of ``evaluate_distances``."""
        return self.query_ids, self.query_cameras, self.gallery_ids, self.gallery_cameras


def make_data(case: Case) -> Data:
    """Seeded features: random ones, whose neighbours mean nothing, or clustered by identity."""
    generator = torch.Generator().manual_seed(0)
    identities = max(2, case.gallery // IMAGES_OF_IDENTITY)
    centres = torch.randn(identities, case.dimensions, generator=generator)

    def side(images: int) -> tuple[Floats, Integers, Integers]:
        labels = torch.randint(identities, (images,), generator=generator)
        rows = torch.empty(images, case.dimensions)
        for some, whose in zip(rows.split(4096), labels.split(4096), strict=True):
            some.normal_(generator=generator)
            if case.features == "clustered":
                some.mul_(NOISE).add_(centres[whose])
        return rows.numpy(), (labels + 1).numpy(), torch.randint(CAMERAS, (images,), generator=generator).numpy()

    return Data(*side(case.queries), *side(case.gallery))


# ---- evaluation


def bare_product(data: Data) -> Figures:
    """The least that any ranking by features takes: a blocked matrix product, and each row's nearest 100."""
    query, gallery = torch.from_numpy(data.query), torch.from_numpy(data.gallery)
    step = min(len(query), max(1, BLOCK_BYTES // (4 * len(gallery))))
    memory = torch.empty(step, len(gallery))
    for rows in query.split(step):
        out = torch.mm(rows, gallery.T, out=memory[: len(rows)])
        out.topk(min(TOP, len(gallery)), dim=1)
    return {}


def our_evaluation(data: Data) -> Figures:
    """``rga.reid.evaluate``."""
    result = evaluate(data.query, data.query_ids, data.query_cameras, data.gallery, data.gallery_ids, data.gallery_cameras)
    return {"mAP": result.mAP, "R1": float(result.cmc[0])}


def naive_evaluation(data: Data) -> Figures:
    """All distances, and for each query a sorted gallery."""
    matrix = distances(data.query, data.gallery).numpy()
    precisions, firsts = [], []
    for row, identity, camera in zip(matrix, data.query_ids, data.query_cameras, strict=True):
        order = np.argsort(row, kind="stable")
        same = data.gallery_ids[order] == identity
        hits = same[~(same & (data.gallery_cameras[order] == camera))]
        indices = np.flatnonzero(hits)
        if len(indices):
            precisions.append((np.arange(1, len(indices) + 1) / (indices + 1)).mean())
            firsts.append(indices[0] == 0)
    return {"mAP": float(np.mean(precisions)), "R1": float(np.mean(firsts))}


def torchreid_evaluation(data: Data) -> Figures:
    """The Python evaluator of torchreid, on distances by us."""
    evaluator = torchreid_module("metrics/rank.py")
    matrix = distances(data.query, data.gallery).numpy()
    cmc, mean_ap = evaluator.eval_market1501(matrix, data.query_ids, data.gallery_ids, data.query_cameras, data.gallery_cameras, 50)
    return {"mAP": float(mean_ap), "R1": float(cmc[0])}


# ---- re-ranking: from features to the figures of the re-ranked distances


def our_reranking(data: Data) -> Figures:
    """``rga.reid.rerank``, its distances evaluated block by block."""
    result = evaluate_distances(rerank(data.query, data.gallery), *data.labels)
    return {"mAP": result.mAP, "R1": float(result.cmc[0])}


def published_reranking(data: Data) -> Figures:
    """The published numpy code on distances by us; the figures by our evaluation, which costs next to nothing."""
    published = torchreid_module("utils/rerank.py")
    pairs = ((data.query, data.gallery), (data.query, data.query), (data.gallery, data.gallery))
    matrices = [distances(*pair).numpy() for pair in pairs]
    final = published.re_ranking(*matrices)
    result = evaluate_distances(np.asarray(final), *data.labels)
    return {"mAP": result.mAP, "R1": float(result.cmc[0])}


SIDES: dict[str, dict[str, Callable[[Data], Figures]]] = {
    "evaluation": {"product": bare_product, "ours": our_evaluation, "naive": naive_evaluation, "torchreid": torchreid_evaluation},
    "reranking": {"ours": our_reranking, "torchreid": published_reranking},
}


def torchreid_module(path: str) -> ModuleType:
    """A file of torchreid by itself: importing the package would need all that it depends on.

    Raises:
        ModuleNotFoundError: torchreid is not installed.
    """
    spec = importlib.util.find_spec("torchreid")
    folders = [] if spec is None else [Path(location) for location in spec.submodule_search_locations or ()]
    files = [file for folder in folders for file in (folder / "reid" / path, folder / path) if file.is_file()]
    if not files:
        raise ModuleNotFoundError("torchreid is not installed: pip install --no-deps torchreid, or leave that side out", name="torchreid")
    file_spec = importlib.util.spec_from_file_location(f"torchreid_{files[0].stem}", files[0])
    assert file_spec is not None
    assert file_spec.loader is not None
    module = importlib.util.module_from_spec(file_spec)
    file_spec.loader.exec_module(module)
    return module


# ---- measuring


def run_case(case: Case) -> dict[str, Any]:
    """Runs a case in this process: its figures, seconds and MiB; or why it could not be."""
    run = SIDES[case.part][case.side]
    try:
        run(make_data(Case(case.part, case.side, 8, 200, 16, case.features)))  # what is loaded at the first use is no part of it
        data = make_data(case)
        before = resident("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        start = time.perf_counter()
        figures = run(data)
        seconds = time.perf_counter() - start
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "allocate memory" not in str(error):
            raise
        return {"failed": "out of memory"}
    return {**figures, "seconds": seconds, "MiB": resident("VmHWM") - before}


def resident(field: str) -> float:
    """What this process holds, or held at most, in MiB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024


def measure(case: Case, limit: int) -> dict[str, Any]:
    """Runs a case in a new process that may hold ``limit`` bytes.

    Raises:
        RuntimeError: it failed for another reason than memory; what it said is in the message.
    """
    command = [sys.executable, __file__, "case", json.dumps(asdict(case))]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    )
    if done.returncode < 0:
        return {"failed": f"killed by signal {-done.returncode}"}
    if done.returncode:
        raise RuntimeError(f"{case} failed:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def medians(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The medians of several runs of a case; a failure of one is all there is to say."""
    failed = next((result for result in results if "failed" in result), None)
    return failed or {name: statistics.median(result[name] for result in results) for name in results[0]}


def compare(part: str, sides: Sequence[str], cases: Sequence[Case], rounds: int, limit: int) -> None:
    """Measures the sides of each case and prints a table."""
    first = sides[0]
    print(f"| features | queries x gallery x dimensions | side | seconds | x {first} | peak MiB above the features | mAP | R1 |")
    print("|---|---|---|---|---|---|---|---|")
    for case in cases:
        each = {side: Case(part, side, case.queries, case.gallery, case.dimensions, case.features) for side in sides}
        runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
        for _ in range(rounds):
            for side in sides:
                runs[side].append(measure(each[side], limit))
        results = {side: medians(found) for side, found in runs.items()}
        for side, result in results.items():
            name = f"| {case.features} | {case.queries:,} x {case.gallery:,} x {case.dimensions:,} | {side} "
            if "failed" in result:
                print(f"{name}| {result['failed']} | | more than {limit / 2**20:,.0f} | | |", flush=True)
                continue
            ratio = f"{result['seconds'] / results[first]['seconds']:.2f}" if "seconds" in results[first] else ""
            quality = [f"{result[key]:.6f}" if key in result else "" for key in ("mAP", "R1")]
            print(f"{name}| {result['seconds']:.2f} | {ratio} | {result['MiB']:,.0f} | {quality[0]} | {quality[1]} |", flush=True)


def available() -> int:
    """Bytes that the machine could give."""
    line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable:"))
    return int(line.split()[1]) * 1024


def size(text: str) -> tuple[int, int]:
    """``4000x16000`` as numbers."""
    queries, gallery = text.split("x")
    return int(queries), int(gallery)


def main() -> None:
    """Reads the command line, measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=(*SIDES, "case"))
    parser.add_argument("case", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("--sizes", nargs="+", type=size, default=[size(each) for each in SIZES], help="queries x gallery, as 4000x16000")
    parser.add_argument("--dimensions", type=int, default=2048, help="numbers of a feature")
    parser.add_argument("--features", nargs="+", choices=("random", "clustered"), default=["random", "clustered"])
    parser.add_argument(
        "--sides", nargs="+", help="who is measured; all of them by default; the first is what the others are compared with"
    )
    parser.add_argument("--rounds", type=int, default=1, help="how often each case is run")
    parser.add_argument("--memory", type=float, help="GiB that a case may hold; nine tenths of what is available by default")
    arguments = parser.parse_args()
    if arguments.part == "case":
        print(json.dumps(run_case(Case(**json.loads(arguments.case)))))
        return
    sides = arguments.sides or list(SIDES[arguments.part])
    unknown = set(sides) - set(SIDES[arguments.part])
    if unknown:
        parser.error(f"unknown sides {', '.join(sorted(unknown))}: choose from {', '.join(SIDES[arguments.part])}")
    limit = int(2**30 * arguments.memory) if arguments.memory else available() * 9 // 10
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, {platform.machine()}, load {os.getloadavg()[0]:.2f} at the start\n"
    )
    cases = [
        Case(arguments.part, "", queries, gallery, arguments.dimensions, features)
        for features in arguments.features
        for queries, gallery in arguments.sizes
    ]
    compare(arguments.part, sides, cases, arguments.rounds, limit)


if __name__ == "__main__":
    main()
