"""Sightings that are added: each with its embedding and thumbnail in one transaction, once, whoever adds it and however often."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from psycopg import sql

from rga.gallery.crop import Crop
from rga.gallery.store.models import StoredModel, write_embeddings
from rga.gallery.store.names import as_stored
from rga.gallery.store.postgresql.database import Connection
from rga.gallery.store.sightings import JOINED

Thumbnails = Literal["on", "off", "blurred"]
THUMBNAILS: tuple[Thumbnails, ...] = ("on", "off", "blurred")

THUMBNAIL = (192, 192)
"""Width and height of a thumbnail at most: a person is tall."""
BLUR = 8
"""The radius of the blur is the width of the thumbnail by this: a face or a pattern cannot be told."""
PEOPLE = UUID("c2f9a2de-6a52-4be8-8ed1-5d2c6d9f3a55")
"""The namespace of people that are named when they are enrolled: two writers who add the same name mean the same person."""


@dataclass(frozen=True)
class Row:
    """A sighting that is to be added.

    Attributes:
        sighting: its identifier.
        crop: what is added.
        thumbnail: JPEG; None for none.
        sharpness: of the image, see ``sharpness_of``.
    """

    sighting: UUID
    crop: Crop
    thumbnail: bytes | None
    sharpness: float


def sighting_of(content: str) -> UUID:
    """The identifier of a sighting: of its content alone, so that it is the same wherever it is added."""
    return UUID(bytes=hashlib.sha256(content.encode()).digest()[:16])


def row_of(crop: Crop, thumbnails: Thumbnails) -> Row:
    """A sighting from a crop."""
    jpeg = None if thumbnails == "off" else thumbnail_of(crop.image, blurred=thumbnails == "blurred")
    return Row(sighting_of(crop.content), crop, jpeg, sharpness_of(crop.image))


def thumbnail_of(pixels: NDArray[np.uint8], *, blurred: bool) -> bytes:
    """A small JPEG of an image, (H, W, 3)."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail(THUMBNAIL)
    if blurred:
        image = image.filter(ImageFilter.GaussianBlur(max(1.0, image.width / BLUR)))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=85)
    return stream.getvalue()


def sharpness_of(pixels: NDArray[np.uint8]) -> float:
    """The variance of the Laplacian of the grey values: small for images that are blurred, the usual measure of sharpness."""
    grey = pixels.astype(np.float32).mean(axis=2)
    if min(grey.shape) < 3:
        return 0.0
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    return float(laplacian.var())


def kept_out_digest(salt: str, content: str) -> bytes:
    """What remains of a content that was removed and must not come back."""
    return hashlib.sha256(f"{salt} {content}".encode()).digest()


def known(connection: Connection, model: StoredModel, contents: Sequence[str], salt: str) -> tuple[set[str], set[str]]:
    """Which contents need not be embedded.

    Returns:
        Those that are in the gallery with an embedding of the model; those that were removed and are kept out.
    """
    by_sighting = {sighting_of(content): content for content in contents}
    rows = connection.execute(
        sql.SQL("SELECT sighting FROM {} WHERE sighting = ANY(%s)").format(model.table), [list(by_sighting)]
    ).fetchall()
    by_digest = {kept_out_digest(salt, content): content for content in contents}
    refused = connection.execute("SELECT digest FROM kept_out WHERE digest = ANY(%s)", [list(by_digest)]).fetchall()
    return {by_sighting[row[0]] for row in rows}, {by_digest[bytes(row[0])] for row in refused}


def said_otherwise(connection: Connection, crops: Sequence[Crop]) -> int:
    """How many crops that are in the gallery say another camera, time or person than it has: what was said first stays.

    A person who was renamed or merged meanwhile is the same person.
    """
    rows = connection.execute(
        f"SELECT s.sighting, s.camera, s.time, s.person, coalesce(r.name, p.name, '') FROM {JOINED} WHERE s.sighting = ANY(%s)",  # noqa: S608
        [[sighting_of(crop.content) for crop in crops]],
    ).fetchall()
    there = {row[0]: row[1:] for row in rows}
    count = 0
    for crop in crops:
        if (found := there.get(sighting_of(crop.content))) is not None:
            camera, time, person, name = found
            said = as_stored(crop.person)
            other_person = said and said != name and uuid5(PEOPLE, said) != person
            count += bool((crop.camera and crop.camera != camera) or (crop.time and crop.time != time) or other_person)
    return count


def write_sightings(connection: Connection, model: StoredModel, rows: Sequence[Row], features: NDArray[np.float32], now: datetime) -> int:
    """Adds sightings with their embeddings and thumbnails; those that are there stay as they are.

    Args:
        connection: within a transaction.
        model: of the embeddings.
        rows: no sighting twice.
        features: (n, D), of length 1.
        now: the time of adding.

    Returns:
        How many were not there before.
    """
    order = sorted(range(len(rows)), key=lambda index: rows[index].sighting)  # two writers wait for one another, and never in a circle
    rows, features = [rows[index] for index in order], features[order]
    people = people_named(connection, sorted({row.crop.person for row in rows if row.crop.person}))
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO sightings (sighting, content, source, camera, time, added, person, frame, box, track, width, height, sharpness, "
            "recording) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [
                (
                    row.sighting,
                    row.crop.content,
                    row.crop.source,
                    row.crop.camera,
                    row.crop.time,
                    now,
                    people.get(row.crop.person),
                    row.crop.frame,
                    None if row.crop.box is None else [float(value) for value in row.crop.box],
                    row.crop.track,
                    row.crop.image.shape[1],
                    row.crop.image.shape[0],
                    row.sharpness,
                    row.crop.recording or row.crop.source,
                )
                for row in rows
            ],
        )
        added = cursor.rowcount
        cursor.executemany(
            "INSERT INTO thumbnails (sighting, jpeg) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [(row.sighting, row.thumbnail) for row in rows if row.thumbnail is not None],
        )
    write_embeddings(connection, model, [row.sighting for row in rows], features)
    return added


def people_named(connection: Connection, names: Sequence[str]) -> dict[str, UUID]:
    """People by their names; those who are not there are added. Another writer may add them, or give somebody the name, meanwhile."""
    stored = {name: as_stored(name) for name in names}
    wanted = sorted({*stored.values()} - {""})
    if not wanted:
        return {}
    query = "SELECT name, person FROM people WHERE name = ANY(%s) AND merged_into IS NULL"
    found: dict[str, UUID] = dict(connection.execute(query, [wanted]).fetchall())
    new = {name: uuid5(PEOPLE, name) for name in wanted if name not in found}
    for name, person in new.items():
        connection.execute("INSERT INTO people (person, name) VALUES (%s, %s) ON CONFLICT DO NOTHING", [person, name])
    if new:
        found = {**new, **dict(connection.execute(query, [wanted]).fetchall())}
    return {name: found[written] for name, written in stored.items() if written}
