"""What keeps a gallery: figures, health, calibration, another model, export, the audit log."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from rga.checks import check_at_least
from rga.errors import RgaError
from rga.gallery.adding import BATCH, Progress, dimensions_of, embed_again, unreported
from rga.gallery.calibrating import OWN_PEOPLE, calibrate, labelled
from rga.gallery.crop import Crop, Unreadable
from rga.gallery.embedder import Embedder, calibration_of, open_embedder
from rga.gallery.opened import OpenGallery
from rga.gallery.results import Calibration, Finding, Rebuilt, Stats
from rga.gallery.store.audit import entries
from rga.gallery.store.errors import GalleryError
from rga.gallery.store.health import examine, stats_of
from rga.gallery.store.indexing import build_index
from rga.gallery.store.models import active_model, add_model, as_json, check_there, lacking_sources, switch
from rga.gallery.store.people import everybody
from rga.gallery.store.portable import export_gallery, export_people
from rga.gallery.store.postgresql.database import Connection

NAMED = 5
"""Sources of missing images that are named."""


class Upkeep(OpenGallery):
    """The part of a gallery that is about the whole of it."""

    def stats(self) -> Stats:
        """What the gallery holds."""
        return self.database.run(lambda connection: stats_of(connection, self.settings["thumbnails"]))

    def doctor(self) -> list[Finding]:
        """Whether all of it is as it should be: the database, and whether the model can be opened here, which the gallery only names."""
        return [self.found_model(), *self.database.run(lambda connection: list(examine(connection)))]

    def found_model(self) -> Finding:
        """Whether the gallery's model is where the gallery says, and still the same."""
        name = str(self.model.about.get("model", "?"))
        try:
            return Finding("model", self.embedder is not None, f"{name} can be opened")
        except RgaError as error:
            return Finding("model", False, f"{error}; if it was moved, say where it is with rga gallery relocate")

    def audit(self, limit: int = 100) -> list[tuple[datetime, str, str, dict[str, Any]]]:
        """The latest searches and removals: (time, who, what, details).

        Raises:
            InputError: the limit is below 1.
        """
        check_at_least(1, limit=limit)
        return self.database.run(lambda connection: entries(connection, limit))

    def calibrate(self, false_alarm_rate: float = 0.01, unsure_rate: float = 0.1) -> Calibration:
        """Chooses, on the gallery's own people, up to which distance a search says match, unsure, and unknown.

        Args:
            false_alarm_rate: the share of unknown people who may be taken for somebody.
            unsure_rate: the share about whom it may be unsure, or wrong.

        Raises:
            InputError: the rates are none, or too few people are known.
        """
        model = self.model
        found = calibrate(*self.database.run(lambda connection: labelled(connection, model), reads=True), false_alarm_rate, unsure_rate)

        def work(connection: Connection) -> None:
            connection.execute("UPDATE models SET calibration = %s WHERE number = %s", [as_json(asdict(found)), model.number])

        self.database.run(work)
        return found

    def rebuild(
        self,
        model: str | Path | Embedder,
        crops: Iterable[Crop | Unreadable],
        *,
        batch_size: int = BATCH,
        total: int = 0,
        progress: Progress | None = None,
        **options: Any,
    ) -> Rebuilt:
        """Changes the model: fills a table of its embeddings beside the one that is searched, and switches over when none is missing.

        An interrupted call is repeated to go on. What is searched meanwhile is the model before.

        Args:
            model: what ``rga.load`` opens, or an ``Embedder``.
            crops: of all that the gallery holds: embeddings of another model are computed from the images, which a gallery does not keep.
            batch_size: crops at a time.
            total: how many crops there are, for ``progress``; 0 if nobody knows.
            progress: called after each batch.
            **options: of a model that is named, see ``create``.

        Raises:
            GalleryError: it is the model that the gallery has.
            OtherModelError: the gallery was given another model meanwhile.
        """
        check_at_least(1, batch_size=batch_size)
        embedder = open_embedder(model, device=self.device, **options) if isinstance(model, str | Path) else model
        before = self.model
        if embedder.fingerprint == before.fingerprint:
            raise GalleryError(f"the gallery has this model already ({embedder.fingerprint}): name another one")
        dimensions, calibration = dimensions_of(embedder), calibration_of(embedder)

        def begin(connection: Connection) -> Any:
            return add_model(connection, embedder.fingerprint, embedder.about, dimensions, active=False, calibration=calibration)

        stored = self.database.run(begin)
        report = progress or unreported
        try:
            result = embed_again(self.database, stored, embedder, crops, batch_size=batch_size, total=total, progress=report)
            build_index(self.database, stored)
        except psycopg.errors.UndefinedTable:
            self.database.run(lambda connection: check_there(connection, stored))
            raise
        missing = self.database.run(lambda connection: switch(connection, stored))
        if missing:
            lacking = self.database.run(lambda connection: lacking_sources(connection, stored, NAMED))
            return Rebuilt(result.embedded, missing, switched=False, unreadable=result.unreadable, lacking=tuple(lacking))
        self.loaded = embedder
        own = before.calibration is not None and before.calibration["data"] == OWN_PEOPLE
        return Rebuilt(result.embedded, 0, switched=True, unreadable=result.unreadable, calibrate_again=own)

    def relocate(self, model: str | Path, **options: Any) -> None:
        """Says where the gallery's model is now: a gallery names its model and does not hold it.

        Args:
            model: what ``rga.load`` opens.
            **options: of it, see ``create``.

        Raises:
            OtherModelError: it is another model.
        """
        embedder = open_embedder(model, device=self.device, **options)
        stored = self.model
        stored.check(embedder.fingerprint)

        def work(connection: Connection) -> None:
            connection.execute("UPDATE models SET about = %s WHERE number = %s", [json.dumps(dict(embedder.about)), stored.number])

        self.database.run(work)
        self.loaded = embedder

    def export(self, path: Path, progress: Progress | None = None) -> int:
        """Writes all of the gallery into a file, from which ``Gallery.import_from`` makes it again; how many sightings.

        The file holds everything: keep it as you would keep the gallery.
        """
        return export_gallery(self.database, path, progress or unreported)

    def export_person(self, person: UUID, path: Path, *, who: str | None = None) -> int:
        """Writes all that is known about a person into a file, a zip; how many sightings.

        Args:
            person: who.
            path: of the file.
            who: exports, for the audit log.

        Raises:
            GalleryError: the person is not there.
        """

        def work(connection: Connection) -> int:
            return export_people(connection, active_model(connection), everybody(connection, person), path)

        count = self.database.run(work, reads=True)
        self.note("export person", {"sightings": count}, who)
        return count
