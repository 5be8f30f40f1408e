"""A gallery at growing sizes: adding, building of the index, and queries, with and without filters, beside a scan by numpy and faiss.

    pip install 'rga[gallery]'                                       # and faiss-cpu, for its columns
    python benchmarks/galleries.py --reference FILE.npz                # 10 k and 100 k x 512
    python benchmarks/galleries.py --reference FILE.npz --sizes 1000000x512 100000x2048 --folder DIR

Features are drawn around those of real people where ``--reference`` names a file with ``gallery_feat`` and ``gallery_pid``: people lie as
those people lie, and the images of each are spread as those of one of them. Without the file they are clusters with as many images each.
Recall is the share of the ten nearest, as numpy finds them in full precision, that are among the ten that were found. A query is one
image: "nearest" is the database alone, "search" all of ``Gallery.search``: grouping, decision and the audit log, but not the model.
Each size is a gallery of its own, in a new folder that is removed at the end. Run it when nothing else runs.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from rga.gallery.adding import add, unreported
from rga.gallery.crop import Crop
from rga.gallery.gallery import Gallery
from rga.gallery.store.indexing import EF_CONSTRUCTION, M, build_index
from rga.gallery.store.searching import EF_SEARCH, Filter, nearest
from rga.gallery.store.writing import sighting_of
from rga.ranking.open_set.threshold import Threshold

Floats = npt.NDArray[np.float32]

SIZES = ("10000x512", "100000x512")
TOP = 10
IMAGES_OF_PERSON = 10
NOISE = 0.8
"""Deviation of a clustered feature around its person's centre, whose numbers have deviation 1."""
FILTERS = {"all": "", "10 %": "tenth", "1 %": "hundredth"}
"""What is searched -> the camera that saw so many."""


@dataclass(frozen=True)
class People:
    """Features of people, of length 1.

    Attributes:
        gallery: (n, D).
        queries: (q, D), other images of some of them.
    """

    gallery: Floats
    queries: Floats


def draw(size: int, dimensions: int, queries: int, reference: Path | None, seed: int = 0) -> People:
    """Draws features; those around real people have as many numbers as theirs, repeated or cut where others are asked for."""
    generator = np.random.default_rng(seed)
    persons = max(2, size // IMAGES_OF_PERSON)
    whose = np.concatenate([np.arange(size) % persons, generator.integers(persons, size=queries)])
    if reference is None:
        centres = generator.normal(size=(persons, dimensions)).astype(np.float32)
        rows = centres[whose] + NOISE * generator.normal(size=(len(whose), dimensions)).astype(np.float32)
    else:
        with np.load(reference) as stored:
            features, labels = stored["gallery_feat"].astype(np.float32), stored["gallery_pid"]
        features = np.resize(features.T, (dimensions, len(features))).T / np.linalg.norm(features, axis=1, keepdims=True)
        rows = around(features, labels, whose, persons, generator)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return People(rows[:size], rows[size:])


def around(
    features: Floats, labels: npt.NDArray[Any], whose: npt.NDArray[np.int64], persons: int, generator: np.random.Generator
) -> Floats:
    """Features of new people: centres spread like those of the known ones, images spread like those of one of them."""
    names = np.unique(labels)
    means = np.stack([features[labels == name].mean(axis=0) for name in names])
    weights = generator.normal(size=(persons, len(names))).astype(np.float32) / np.sqrt(len(names) - 1)
    centres = means.mean(axis=0) + weights @ (means - means.mean(axis=0))
    rows: Floats = centres[whose]
    model = generator.integers(len(names), size=persons)[whose]  # whose spread each has
    for index, name in enumerate(names):
        own = features[labels == name] - means[index]
        chosen = np.flatnonzero(model == index)
        rows[chosen] += generator.normal(size=(len(chosen), len(own))).astype(np.float32) @ own / np.sqrt(max(1, len(own) - 1))
    return rows


class Given:
    """A model whose embeddings are known: an image says which row is its own."""

    def __init__(self, rows: Floats) -> None:
        self.rows = rows
        self.fingerprint = "given"
        self.threshold: Threshold | None = None
        self.about: dict[str, Any] = {"model": "given"}

    def embed(self, images: Sequence[npt.NDArray[np.uint8]]) -> Floats:
        """The rows of images."""
        return self.rows[[min(int.from_bytes(image.reshape(-1)[:4].tobytes(), "little"), len(self.rows) - 1) for image in images]]


def image_of(index: int) -> npt.NDArray[np.uint8]:
    """The image of a row."""
    return np.frombuffer(index.to_bytes(4, "little") + bytes(8), np.uint8).reshape(2, 2, 3)


def camera_of(index: int) -> str:
    """One in a hundred, one in ten, and the others."""
    return "hundredth" if index % 100 == 0 else "tenth" if index % 10 == 1 else "other"


def ids_of(count: int) -> dict[UUID, int]:
    """The sightings of the rows."""
    return {sighting_of(str(index)): index for index in range(count)}


@dataclass(frozen=True)
class Timed:
    """Queries of one kind.

    Attributes:
        seconds: of each.
        found: rows that each found.
    """

    seconds: list[float]
    found: list[list[int]]

    def cell(self, truth: npt.NDArray[np.int64]) -> str:
        """Milliseconds and recall, for a table."""
        p50, p95 = np.percentile(np.array(self.seconds) * 1000, [50, 95])
        recall = np.mean([len(set(found) & set(right.tolist())) / len(right) for found, right in zip(self.found, truth, strict=True)])
        return f"{p50:.1f} / {p95:.1f} ms, {recall:.3f}"


def timed(queries: Floats, ask: Callable[[Floats], Sequence[int]]) -> Timed:
    """Asks one query after the other; the first ones twice, to be warm."""
    for query in queries[:10]:
        ask(query)
    seconds, found = [], []
    for query in queries:
        start = time.perf_counter()
        answer = ask(query)
        seconds.append(time.perf_counter() - start)
        found.append(list(answer))
    return Timed(seconds, found)


def truth_of(people: People, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(queries, 10), the nearest of some rows, by all distances."""
    chosen = people.gallery[rows]
    return np.stack([rows[top(chosen @ query)] for query in people.queries])


def top(similar: Floats) -> npt.NDArray[np.int64]:
    """The ten greatest, the greatest first."""
    best = np.argpartition(-similar, TOP - 1)[:TOP]
    return np.asarray(best[np.argsort(-similar[best])], np.int64)


def measure(people: People, folder: Path, *, faiss: bool = True) -> list[str]:
    """The lines of a size's table."""
    size, dimensions = people.gallery.shape
    cameras = np.array([camera_of(index) for index in range(size)])
    kept = {name: np.flatnonzero(cameras == camera) if camera else np.arange(size) for name, camera in FILTERS.items()}
    truth = {name: truth_of(people, rows) for name, rows in kept.items()}
    lines = [f"\n{size:,} x {dimensions}"]

    def line(what: str, cells: Sequence[str]) -> None:
        lines.append(f"{what:24}" + "".join(f"{cell:>28}" for cell in cells))

    embedder = Given(np.concatenate([people.gallery, people.queries]))
    with Gallery.create(folder, embedder, thumbnails="off") as gallery:
        model, ids = gallery.model, ids_of(size)
        crops = (Crop(image_of(index), str(index), f"{index // 1000}.mp4", camera=camera_of(index)) for index in range(size))
        start = time.perf_counter()
        options: dict[str, Any] = {"thumbnails": "off", "salt": "", "batch_size": 1024, "total": 0, "progress": unreported}
        add(gallery.database, model, embedder, crops, **options)
        seconds = time.perf_counter() - start
        lines.append(f"added in {seconds:.1f} s, {size / seconds:,.0f} a second")
        start = time.perf_counter()
        built = build_index(gallery.database, model)
        lines.append(f"index built in {time.perf_counter() - start:.1f} s" if built else "no index: all are compared")
        with gallery.database.alone() as connection:
            connection.execute("VACUUM (ANALYZE)")
        line("p50 / p95, recall@10", list(FILTERS))

        def by_database(camera: str, exact: bool | None) -> Callable[[Floats], list[int]]:
            filtered = Filter(cameras=(camera,) if camera else ())

            def ask(query: Floats) -> list[int]:
                hits = gallery.database.run(lambda connection: nearest(connection, model, query, TOP, filtered, exact), reads=True)
                return [ids[sighting] for sighting, _ in hits]

            return ask

        def by_search(camera: str) -> Callable[[Floats], list[int]]:
            numbers = {row.tobytes(): size + index for index, row in enumerate(people.queries)}

            def ask(query: Floats) -> list[int]:
                result = gallery.search([image_of(numbers[query.tobytes()])], top=TOP, cameras=[camera] if camera else [])
                return [ids[group.best.sighting.id] for group in result.groups]

            return ask

        line("nearest", [timed(people.queries, by_database(camera, None)).cell(truth[name]) for name, camera in FILTERS.items()])
        line("nearest, exact", [timed(people.queries, by_database(camera, True)).cell(truth[name]) for name, camera in FILTERS.items()])
        line("search", [timed(people.queries, by_search(camera)).cell(truth[name]) for name, camera in FILTERS.items()])
        lines.append(
            f"on the disk {gallery.stats().bytes / 2**20:,.0f} MiB; memory of the server {server_memory(gallery) / 2**20:,.0f} MiB"
        )

    def by_scan(rows: npt.NDArray[np.int64]) -> Callable[[Floats], list[int]]:
        scanned = people.gallery[rows]
        return lambda query: [int(index) for index in rows[top(scanned @ query)]]

    line("numpy", [timed(people.queries, by_scan(kept[name])).cell(truth[name]) for name in FILTERS])
    if faiss and importlib.util.find_spec("faiss"):
        for name, cell in with_faiss(people, truth["all"]).items():
            line(name, [cell])
    return lines


def with_faiss(people: People, truth: npt.NDArray[np.int64]) -> dict[str, str]:
    """What faiss, which has no filters by column, makes of all: its index -> a cell of the table."""
    faiss = importlib.import_module("faiss")
    faiss.omp_set_num_threads(1)
    dimensions = people.gallery.shape[1]
    graph = faiss.IndexHNSWFlat(dimensions, M, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction, graph.hnsw.efSearch = EF_CONSTRUCTION, EF_SEARCH
    cells = {}
    for name, index in (("faiss flat", faiss.IndexFlatIP(dimensions)), ("faiss HNSW", graph)):
        start = time.perf_counter()
        index.add(people.gallery)
        built = time.perf_counter() - start

        def ask(query: Floats, index: Any = index) -> list[int]:
            found: list[int] = index.search(query[None], TOP)[1][0].tolist()
            return found

        cells[f"{name} ({built:.0f} s)"] = timed(people.queries, ask).cell(truth)
    return cells


def server_memory(gallery: Gallery) -> int:
    """What the processes of the server hold, shared parts shared out, in bytes; Linux alone tells."""
    server = gallery.database.server
    assert server is not None
    number = server.postmaster()
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[1]
            if str(number) in (folder.name, parent):
                text = (folder / "smaps_rollup").read_text()
                total += 1024 * int(text.split("Pss:")[1].split()[0])
        except (FileNotFoundError, ProcessLookupError, PermissionError, IndexError):
            continue
    return total


def main(arguments: Sequence[str] | None = None) -> str:
    """Measures all sizes as the command line says; the tables as text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), metavar="ROWSxNUMBERS")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--reference", type=Path, help="features of real people, .npz with gallery_feat and gallery_pid")
    parser.add_argument("--folder", type=Path, help="for the galleries; by default that of temporary files")
    parser.add_argument("--without-faiss", action="store_true", help="whose index of a million takes a quarter of an hour")
    chosen = parser.parse_args(arguments)
    text = [f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}, {chosen.queries} queries"]
    for size in chosen.sizes:
        rows, dimensions = map(int, size.split("x"))
        people = draw(rows, dimensions, chosen.queries, chosen.reference)
        parent = Path(tempfile.mkdtemp(prefix="rga-gallery-", dir=chosen.folder))
        try:
            text += measure(people, parent / "gallery", faiss=not chosen.without_faiss)
        finally:
            shutil.rmtree(parent)
    return "\n".join(text)


if __name__ == "__main__":
    print(main())
