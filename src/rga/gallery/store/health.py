"""What a gallery holds, and whether all of it is as it should be."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from rga.gallery.results import Calibration, Finding, Stats
from rga.gallery.store.indexing import EXACT_ROWS, has_index
from rga.gallery.store.models import active_model, all_models
from rga.gallery.store.postgresql.database import Connection
from rga.gallery.store.removal import tables
from rga.gallery.store.schema import migrations, version

DEAD_SHARE = 0.2
"""More dead rows than this share of a table are worth a word: PostgreSQL vacuums by itself at a fifth."""
LEAST_DEAD = 1000
"""Fewer dead rows are never worth one."""
CHECKED = 100
"""So many embeddings are searched for by the index, to see that it finds them."""


def stats_of(connection: Connection, thumbnails: str) -> Stats:
    """What a gallery holds."""
    model = active_model(connection)
    counted = connection.execute("SELECT count(*), count(person), min(time), max(time) FROM sightings").fetchone()
    people = connection.execute("SELECT count(*) FROM people WHERE merged_into IS NULL").fetchone()
    size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    extension = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    server = connection.execute("SELECT current_setting('server_version')").fetchone()
    assert counted is not None
    assert people is not None
    assert size is not None
    assert extension is not None
    assert server is not None
    cameras: dict[str, int] = dict(connection.execute("SELECT camera, count(*) FROM sightings GROUP BY 1 ORDER BY 1").fetchall())
    return Stats(
        sightings=counted[0],
        people=people[0],
        named=counted[1],
        cameras=cameras,
        first=counted[2],
        last=counted[3],
        bytes=size[0],
        model=str(model.about.get("model", "")),
        fingerprint=model.fingerprint,
        dimensions=model.dimensions,
        indexed=has_index(connection, model),
        thumbnails=thumbnails,
        calibration=None if model.calibration is None else Calibration(**model.calibration),
        postgresql=server[0].split(" ")[0],
        pgvector=extension[0],
    )


def examine(connection: Connection) -> Iterator[Finding]:
    """Looks at a gallery's database."""
    found, newest = version(connection), max(migrations())
    yield Finding("schema", found == newest, f"version {found} of {newest}")
    total = number(connection, sql.SQL("SELECT count(*) FROM sightings"))
    active = active_model(connection)
    for model in all_models(connection):
        missing = number(
            connection,
            sql.SQL("SELECT count(*) FROM sightings s WHERE NOT EXISTS (SELECT FROM {} e WHERE e.sighting = s.sighting)").format(
                model.table
            ),
        )
        name = f"embeddings of {model.about.get('model', model.fingerprint)}"
        if model.number != active.number:
            yield Finding(name, True, f"{total - missing:,} of {total:,}: go on with rga gallery rebuild, which switches over at the end")
        else:
            advice = "" if not missing else "; remove those sightings and add them again"
            yield Finding(name, missing == 0, f"{total - missing:,} of {total:,} sightings have one{advice}")
    yield from examine_index(connection, total)
    for table in tables(connection):
        name = table.as_string(None).strip('"')
        row = connection.execute("SELECT n_live_tup, n_dead_tup FROM pg_stat_all_tables WHERE relid = to_regclass(%s)", [name]).fetchone()
        live, dead = row or (0, 0)
        bad = dead > LEAST_DEAD and dead > DEAD_SHARE * live
        yield Finding(f"table {name}", not bad, f"{live:,} rows, {dead:,} dead" + ("; run VACUUM on it" if bad else ""))
    yield from examine_people(connection)


def examine_people(connection: Connection) -> Iterator[Finding]:
    """Looks who was merged into whom: always into somebody who is there, and was not merged."""
    merged = "FROM people p LEFT JOIN people r ON r.person = p.merged_into WHERE p.merged_into IS NOT NULL"
    wrong = [
        f"{count:,} {what}"
        for what, condition in (
            ("were merged into somebody who is gone", "r.person IS NULL"),
            ("were merged into themselves", "r.person = p.person"),
            ("were merged into somebody who was merged", "r.person <> p.person AND r.merged_into IS NOT NULL"),
        )
        if (count := number(connection, sql.SQL("SELECT count(*) {} AND {}").format(sql.SQL(merged), sql.SQL(condition))))
    ]
    yield Finding("people", not wrong, "; ".join(wrong) or "all are whole")


def examine_index(connection: Connection, total: int) -> Iterator[Finding]:
    """Looks at the index of the active model: is it there where it should be, and does it find what it holds."""
    model = active_model(connection)
    there = connection.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [model.index]).fetchone()
    if there is None:
        details = f"none is needed up to {EXACT_ROWS:,} sightings" if total <= EXACT_ROWS else "searches compare everything: add builds it"
        yield Finding("index", total <= EXACT_ROWS, details)
        return
    if not there[0]:
        yield Finding("index", False, "its building was interrupted: the next rga gallery add builds it anew")
        return
    connection.execute("SET LOCAL hnsw.ef_search = 100; SET LOCAL enable_seqscan = off")
    missed = number(
        connection,
        sql.SQL(
            "SELECT count(*) FROM (SELECT sighting, embedding FROM {table} LIMIT {checked}) AS some_rows WHERE sighting <> ALL (ARRAY("
            "SELECT e.sighting FROM {table} e ORDER BY e.embedding <=> some_rows.embedding LIMIT 10))"
        ).format(table=model.table, checked=sql.Literal(CHECKED)),
    )
    healthy = missed <= CHECKED // 20  # the same image many times may fill the first places
    advice = "" if healthy else f"; REINDEX INDEX {model.index}"
    yield Finding("index", healthy, f"finds {CHECKED - missed} of {CHECKED} of its own rows{advice}")


def number(connection: Connection, query: sql.SQL | sql.Composed) -> int:
    """The one number that a query gives."""
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])
