"""Enrolment: crops become sightings, batch by batch; what is there already is not embedded again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import TypeAlias
from uuid import UUID

import numpy as np
import psycopg

from rga.gallery.crop import Crop, Unreadable
from rga.gallery.embedder import Embedder, Features, normalised
from rga.gallery.results import Added, Rebuilt
from rga.gallery.store.models import StoredModel, active_model, write_embeddings
from rga.gallery.store.postgresql.database import Connection, Database
from rga.gallery.store.writing import Thumbnails, known, row_of, said_otherwise, sighting_of, write_sightings

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
    added = present = kept_out = conflicts = done = 0
    unreadable: list[tuple[str, str]] = []
    for batch in batches(crops, batch_size):
        whole = readable(batch, unreadable)
        unique: dict[str, Crop] = {}
        for crop in whole:
            conflicts += says_otherwise(crop, unique.setdefault(crop.content, crop))
        with same_model(database, embedder):
            there, refused = database.run(partial(known, model=model, contents=list(unique), salt=salt))
        again = [crop for content, crop in unique.items() if content in there]
        conflicts += database.run(partial(said_otherwise, crops=again)) if again else 0
        new = [crop for content, crop in unique.items() if content not in there and content not in refused]
        written = 0
        if new:
            features = embedded(embedder, model, new)
            rows = [row_of(crop, thumbnails) for crop in new]
            with same_model(database, embedder):
                written = database.run(partial(write_sightings, model=model, rows=rows, features=features, now=datetime.now(UTC)))
        added += written
        kept_out += len(refused - there)
        present += len(whole) - written - len(refused - there)
        done += len(batch)
        progress(done, total)
    return Added(added, present, kept_out, tuple(unreadable), conflicts=conflicts)


def says_otherwise(crop: Crop, first: Crop) -> bool:
    """Whether a crop says another camera, time or person than the first with the same content, whose word counts."""
    pairs = ((crop.camera, first.camera), (crop.time, first.time), (crop.person, first.person))
    return any(said and said != before for said, before in pairs)


@contextmanager
def same_model(database: Database, embedder: Embedder) -> Iterator[None]:
    """While the table of a model is used, which is removed when the gallery is given another model.

    Raises:
        OtherModelError: it was.
    """
    try:
        yield
    except psycopg.errors.UndefinedTable:
        database.run(active_model).check(embedder.fingerprint)
        raise


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
        wanted = sorted(database.run(partial(lacking, model=model, contents={key: crop.content for key, crop in unique.items()})))
        if wanted:
            features = embedded(embedder, model, [unique[sighting] for sighting in wanted])
            database.run(partial(write_embeddings, model=model, sightings=wanted, features=features))
        count += len(wanted)
        done += len(batch)
        progress(done, total)
    return Rebuilt(count, 0, switched=False, unreadable=tuple(unreadable))


def lacking(connection: Connection, model: StoredModel, contents: dict[UUID, str]) -> set[UUID]:
    """Which sightings are in the gallery, and have no embedding of a model.

    Args:
        connection: within a transaction.
        model: of the embeddings.
        contents: sighting -> content.
    """
    there = {row[0] for row in connection.execute("SELECT sighting FROM sightings WHERE sighting = ANY(%s)", [list(contents)]).fetchall()}
    have, _ = known(connection, model, [contents[sighting] for sighting in there], "")
    return there - {sighting_of(content) for content in have}


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
