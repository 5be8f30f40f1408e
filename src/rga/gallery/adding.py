"""Enrolment: crops become sightings, batch by batch; what is there already is not embedded again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TypeAlias

import numpy as np

from rga.gallery.crop import Crop, Unreadable
from rga.gallery.embedder import Embedder, Features, normalised
from rga.gallery.results import Added, Rebuilt
from rga.gallery.store.models import StoredModel, write_embeddings
from rga.gallery.store.postgresql.database import Connection, Database
from rga.gallery.store.writing import Thumbnails, known, row_of, sighting_of, write_sightings

BATCH = 64
"""Images that are embedded and written at a time."""
Progress: TypeAlias = Callable[[int, int], object]
"""Is told how many are done, and of how many; 0 where nobody knows."""


def add(
    database: Database,
    model: StoredModel,
    embedder: Embedder,
    crops: Iterable[Crop | Unreadable],
    *,
    thumbnails: Thumbnails,
    salt: str,
    batch_size: int,
    total: int,
    progress: Progress,
) -> Added:
    """Adds crops; each batch is there whole, or not at all, when the next one begins.

    Args:
        database: of the gallery.
        model: whose embeddings the gallery holds.
        embedder: the same model.
        crops: to add.
        thumbnails: what is kept of the images.
        salt: of the gallery's digests.
        batch_size: crops at a time.
        total: how many crops there are; 0 if nobody knows.
        progress: told after each batch.
    """
    added = present = kept_out = done = 0
    unreadable: list[tuple[str, str]] = []
    for batch in batches(crops, batch_size):
        whole = readable(batch, unreadable)
        unique = {crop.content: crop for crop in whole}
        there, refused = database.run(lambda connection, unique=unique: known(connection, model, list(unique), salt))  # type: ignore[misc]
        new = [crop for content, crop in unique.items() if content not in there and content not in refused]
        if new:
            features = embedded(embedder, model, new)
            rows = [row_of(crop, thumbnails) for crop in new]
            now = datetime.now(UTC)

            def work(connection: Connection, rows: list = rows, features: Features = features, now: datetime = now) -> int:  # type: ignore[type-arg]
                return write_sightings(connection, model, rows, features, now)

            written = database.run(work)
            added += written
            present += len(new) - written
        present += len(whole) - len(unique) + len(there)
        kept_out += len(refused - there)
        done += len(batch)
        progress(done, total)
    return Added(added, present, kept_out, tuple(unreadable))


def embed_again(
    database: Database,
    model: StoredModel,
    embedder: Embedder,
    crops: Iterable[Crop | Unreadable],
    *,
    batch_size: int,
    total: int,
    progress: Progress,
) -> Rebuilt:
    """Gives sightings that are there embeddings of another model; crops that are no sightings are left alone.

    Args:
        database: of the gallery.
        model: whose table is filled.
        embedder: the same model.
        crops: with the images of the sightings.
        batch_size: crops at a time.
        total: how many crops there are; 0 if nobody knows.
        progress: told after each batch.
    """
    count = done = 0
    unreadable: list[tuple[str, str]] = []
    for batch in batches(crops, batch_size):
        unique = {sighting_of(crop.content): crop for crop in readable(batch, unreadable)}

        def lacking(connection: Connection, ids: list = list(unique)) -> set:  # type: ignore[type-arg]  # noqa: B006
            there = connection.execute("SELECT sighting FROM sightings WHERE sighting = ANY(%s)", [ids]).fetchall()
            have, _ = known(connection, model, [unique[row[0]].content for row in there], "")  # noqa: B023  called at once
            return {row[0] for row in there} - {sighting_of(content) for content in have}

        wanted = sorted(database.run(lacking))
        if wanted:
            features = embedded(embedder, model, [unique[sighting] for sighting in wanted])
            database.run(lambda connection, ids=wanted, rows=features: write_embeddings(connection, model, ids, rows))  # type: ignore[misc]
        count += len(wanted)
        done += len(batch)
        progress(done, total)
    return Rebuilt(count, 0, switched=False, unreadable=tuple(unreadable))


def embedded(embedder: Embedder, model: StoredModel, crops: list[Crop]) -> Features:
    """Embeddings of crops, (n, D), of length 1.

    Raises:
        OtherModelError: they are not of the gallery's model.
    """
    features = normalised(embedder.embed([crop.image for crop in crops]))
    model.check(embedder.fingerprint, features.shape[1])
    return features


def readable(batch: Iterable[Crop | Unreadable], unreadable: list[tuple[str, str]]) -> list[Crop]:
    """The crops of a batch; the others are noted."""
    whole = []
    for each in batch:
        if isinstance(each, Unreadable):
            unreadable.append((each.source, each.reason))
        else:
            whole.append(each)
    return whole


def batches(crops: Iterable[Crop | Unreadable], size: int) -> Iterator[list[Crop | Unreadable]]:
    """Crops in lists of a size."""
    iterator = iter(crops)
    while batch := list(islice(iterator, size)):
        yield batch


def dimensions_of(embedder: Embedder) -> int:
    """How many numbers an embedding has: the model is asked for one."""
    probe = normalised(embedder.embed([np.full((256, 128, 3), 127, np.uint8)]))
    return int(probe.shape[1])


def unreported(done: int, total: int) -> None:
    """Progress that nobody asks for."""
