"""A gallery in one file, to be moved or kept: a zip of JSON lines, arrays and thumbnails, which any gallery of the same version reads."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from psycopg import sql

from rga.errors import InputError, MissingFileError, RgaError, first_line
from rga.gallery.store.models import StoredModel, active_model, add_model, write_embeddings
from rga.gallery.store.postgresql.database import Connection, Database
from rga.gallery.store.searching import embeddings
from rga.storage.files import write_atomically

FORMAT = 1
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, LookupError, ValueError, TypeError)
"""What Python says of a damaged archive and of parts of it that are not what they should be."""
REFUSED = (psycopg.IntegrityError, psycopg.DataError, psycopg.ProgrammingError)
"""What PostgreSQL says of rows that are none of its tables'."""
PART = 4096
"""Sightings at a time."""
TABLES = {
    "settings": "name, value",
    "people": "person, name, hidden, merged_into",
    "pairs": "first, second, same",
    "kept_out": "encode(digest, 'hex') AS digest",
    "audit": "entry, time, who, what, details",
}
"""Tables that are exported whole -> their columns. Actions that could be undone are not."""
SIGHTING = "sighting, content, source, camera, time, added, person, frame, box, track, width, height, sharpness, recording"


def export_gallery(database: Database, path: Path, progress: Callable[[int, int], object]) -> int:
    """Writes all of a gallery into a file, as it is at one moment.

    Returns:
        How many sightings.
    """

    def work(connection: Connection) -> int:
        model = active_model(connection)
        total = one(connection, "SELECT count(*) FROM sightings")
        count = 0

        def write(temporary: Path) -> None:
            nonlocal count
            with zipfile.ZipFile(temporary, "w") as archive:
                about = {"format": FORMAT, "fingerprint": model.fingerprint, "about": model.about, "dimensions": model.dimensions}
                archive.writestr("gallery.json", json.dumps({**about, "calibration": model.calibration, "sightings": total}))
                for table, columns in TABLES.items():
                    archive.writestr(f"{table}.jsonl", lines(rows_of(connection, f"SELECT {columns} FROM {table}")))  # noqa: S608
                for number, rows in enumerate(parts(connection)):
                    write_part(connection, archive, model, f"{number:06}", rows)
                    count += len(rows)
                    progress(count, total)

        write_atomically(path, write)
        return count

    return database.run(work, reads=True)


def parts(connection: Connection) -> Iterator[list[dict[str, Any]]]:
    """All sightings, some at a time."""
    last = UUID(int=0)
    while rows := rows_of(connection, f"SELECT {SIGHTING} FROM sightings WHERE sighting > %s ORDER BY sighting LIMIT {PART}", last):  # noqa: S608
        yield rows
        last = UUID(rows[-1]["sighting"])


def write_part(connection: Connection, archive: zipfile.ZipFile, model: StoredModel, name: str, rows: Sequence[dict[str, Any]]) -> None:
    """Writes sightings with their embeddings and thumbnails into an archive."""
    ids = [UUID(row["sighting"]) for row in rows]
    archive.writestr(f"sightings/{name}.jsonl", lines(rows))
    found = embeddings(connection, model, ids)
    stream = io.BytesIO()
    np.save(stream, np.stack([found[each] for each in ids]).astype(np.float16), allow_pickle=False)
    archive.writestr(f"embeddings/{name}.npy", stream.getvalue())
    for sighting, jpeg in connection.execute("SELECT sighting, jpeg FROM thumbnails WHERE sighting = ANY(%s)", [ids]).fetchall():
        archive.writestr(f"thumbnails/{sighting}.jpg", bytes(jpeg))


def export_people(connection: Connection, model: StoredModel, people: Sequence[UUID], path: Path) -> int:
    """Writes all that is known about some people into a file; how many sightings there are of them."""
    rows = rows_of(connection, f"SELECT {SIGHTING} FROM sightings WHERE person = ANY(%s) ORDER BY time, sighting", list(people))  # noqa: S608
    ids = [UUID(row["sighting"]) for row in rows]
    about = [*ids, *people]

    def write(temporary: Path) -> None:
        with zipfile.ZipFile(temporary, "w") as archive:
            who = rows_of(connection, f"SELECT {TABLES['people']} FROM people WHERE person = ANY(%s)", list(people))  # noqa: S608
            said = rows_of(connection, f"SELECT {TABLES['pairs']} FROM pairs WHERE first = ANY(%s) OR second = ANY(%s)", about, about)  # noqa: S608
            archive.writestr("people.jsonl", lines(who))
            archive.writestr("pairs.jsonl", lines(said))
            for number, start in enumerate(range(0, len(rows), PART)):
                write_part(connection, archive, model, f"{number:06}", rows[start : start + PART])

    write_atomically(path, write)
    return len(rows)


class DamagedError(InputError):
    """A part of an exported gallery is not what was exported."""


def import_gallery(connection: Connection, path: Path, progress: Callable[[int, int], object]) -> int:
    """Fills a new gallery from a file, within one transaction: it is there whole or not at all.

    Returns:
        How many sightings.

    Raises:
        MissingFileError: there is no such file.
        InputError: it is no exported gallery, a damaged one, or of a newer version.
    """
    if not path.is_file():
        raise MissingFileError(f"there is no file {path}: expected one that rga gallery export wrote")
    try:
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read("gallery.json"))
            if about["format"] != FORMAT:
                raise InputError(f"{path} has the format {about['format']}, and this rga reads {FORMAT}: install a newer rga")
            model = add_model(
                connection, about["fingerprint"], about["about"], about["dimensions"], active=True, calibration=about["calibration"]
            )
            for table in TABLES:
                insert(connection, table, archive.read(f"{table}.jsonl"))
            thumbnails = {UUID(Path(name).stem) for name in archive.namelist() if name.startswith("thumbnails/")}
            count = 0
            for name in sorted(name for name in archive.namelist() if name.startswith("sightings/")):
                count += read_part(connection, archive, model, Path(name).stem, thumbnails)
                progress(count, about["sightings"])
            if count != about["sightings"]:
                raise DamagedError(f"it holds {count:,} of {about['sightings']:,} sightings")
            connection.execute("UPDATE sightings SET recording = source WHERE recording = ''")  # of a file from before there were any
            return count
    except (*UNREADABLE, *REFUSED) as error:
        if isinstance(error, RgaError) and not isinstance(error, DamagedError):
            raise
        raise InputError(
            f"{path} is no exported gallery, or a damaged one ({first_line(error)}): expected a file that rga gallery export wrote"
        ) from None


def read_part(connection: Connection, archive: zipfile.ZipFile, model: StoredModel, name: str, thumbnails: set[UUID]) -> int:
    """Adds sightings with their embeddings and thumbnails from an archive; how many."""
    rows = [json.loads(line) for line in archive.read(f"sightings/{name}.jsonl").splitlines()]
    insert(connection, "sightings", archive.read(f"sightings/{name}.jsonl"))
    features = np.load(io.BytesIO(archive.read(f"embeddings/{name}.npy")), allow_pickle=False)
    ids = [UUID(row["sighting"]) for row in rows]
    if features.shape != (len(ids), model.dimensions) or features.dtype != np.float16:
        raise DamagedError(
            f"embeddings/{name}.npy holds {features.dtype} of the shape {features.shape}, not float16 of {(len(ids), model.dimensions)}"
        )
    if not np.isfinite(features).all():
        raise DamagedError(f"embeddings/{name}.npy holds numbers that are NaN or infinite")
    write_embeddings(connection, model, ids, features.astype(np.float32))
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO thumbnails (sighting, jpeg) VALUES (%s, %s)",
            [(each, archive.read(f"thumbnails/{each}.jpg")) for each in ids if each in thumbnails],
        )
    return len(rows)


def insert(connection: Connection, table: str, text: bytes) -> None:
    """Adds rows that ``lines`` wrote to a table, whose columns they are named after."""
    rows = [json.loads(line) for line in text.splitlines()]
    if not rows:
        return
    columns = sql.SQL(", ").join(map(sql.Identifier, rows[0]))
    chosen = sql.SQL(", ").join(sql.SQL("decode(digest, 'hex')") if column == "digest" else sql.Identifier(column) for column in rows[0])
    source = "SELECT digest FROM jsonb_to_recordset(%s) AS given (digest text)" if table == "kept_out" else None
    given = sql.SQL(source) if source else sql.SQL("SELECT * FROM jsonb_populate_recordset(NULL::{}, %s)").format(sql.Identifier(table))
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) SELECT {} FROM ({}) AS given").format(sql.Identifier(table), columns, chosen, given),
        [json.dumps(rows)],
    )


def rows_of(connection: Connection, query: str, *values: Any) -> list[dict[str, Any]]:
    """Rows as JSON can hold them, written by PostgreSQL itself: what it writes, it reads."""
    rows = connection.execute(f"SELECT to_jsonb(given) FROM ({query}) AS given", values).fetchall()  # noqa: S608  of ours
    return [row[0] for row in rows]


def lines(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as lines of JSON."""
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def one(connection: Connection, query: str) -> int:
    """The one number that a query gives."""
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])
