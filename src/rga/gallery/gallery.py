"""``Gallery``: sightings of people in a database, searched by image."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from rga.checks import check_at_least, check_several
from rga.errors import InputError
from rga.gallery.adding import BATCH, Progress, add, dimensions_of, unreported
from rga.gallery.corrections import Corrections
from rga.gallery.crop import Crop, Unreadable, check_image, check_zone
from rga.gallery.embedder import Embedder, Pixels, calibration_of, normalised, open_embedder, reopened
from rga.gallery.query import Request, answer, name_of
from rga.gallery.results import Added, Receipt, SearchResult, Sighting
from rga.gallery.store.indexing import build_index
from rga.gallery.store.models import active_model, add_model
from rga.gallery.store.portable import import_gallery
from rga.gallery.store.postgresql.database import Connection, Database
from rga.gallery.store.removal import remove_where
from rga.gallery.store.schema import migrate
from rga.gallery.store.searching import Filter
from rga.gallery.store.sightings import check_cameras, check_there, read_sighting, read_thumbnail
from rga.gallery.store.writing import THUMBNAILS, Thumbnails
from rga.gallery.upkeep import Upkeep


class Gallery(Corrections, Upkeep):
    """Sightings of people, and who they are.

    Make one with ``Gallery.create``, or open one with ``Gallery.open``; close it, or use it in a ``with`` statement. It may be used by
    several threads, and a gallery by several processes at once.
    """

    # ---- making and opening

    @classmethod
    def create(
        cls,
        where: str | Path,
        model: str | Path | Embedder = "small",
        *,
        thumbnails: Thumbnails = "on",
        device: str = "auto",
        **options: Any,
    ) -> Gallery:
        """Makes a gallery.

        Args:
            where: a new folder, which gets a PostgreSQL of its own; or the URL ``postgresql://...`` of a database of PostgreSQL >= 15 with
                pgvector >= 0.8.4 that holds no gallery yet.
            model: what ``rga.load`` opens; or an ``Embedder``, which must be passed to ``open`` again.
            thumbnails: ``"on"`` keeps small images, ``"blurred"`` blurs them beyond recognition, ``"off"`` keeps none.
            device: where PyTorch computes: auto, cpu, cuda, cuda:1, mps.
            **options: of a model that is named: ``preprocessing`` of a network of others in a file of ONNX; ``flip=True`` to average the
                embeddings of each image and its mirror image.

        Raises:
            GalleryError: there is something already.
            StoreError: the database cannot be used.
            InputError: the model is for another task, or an argument is wrong; see ``rga.load`` for the rest.
        """
        if thumbnails not in THUMBNAILS:
            raise InputError(f"thumbnails are {', '.join(THUMBNAILS)}, got {thumbnails!r}")
        embedder = open_embedder(model, device=device, **options) if isinstance(model, str | Path) else model
        dimensions = dimensions_of(embedder)

        def work(connection: Connection) -> None:
            migrate(connection, create=True)
            add_model(connection, embedder.fingerprint, embedder.about, dimensions, active=True, calibration=calibration_of(embedder))
            values = {"thumbnails": thumbnails, "salt": secrets.token_hex(16), "created": datetime.now().astimezone().isoformat()}
            for name, value in values.items():
                connection.execute("INSERT INTO settings (name, value) VALUES (%s, %s)", [name, json.dumps(value)])

        return cls(where, Database.make(where, work), embedder, device)

    @classmethod
    def import_from(cls, file: Path, where: str | Path, *, progress: Progress | None = None) -> Gallery:
        """Makes a gallery from what ``export`` wrote; the model is not needed for it.

        Args:
            file: that ``export`` wrote.
            where: a new folder, or the URL of a database without a gallery.
            progress: called with how many sightings are there, and of how many.

        Raises:
            InputError: the file is no exported gallery.
            GalleryError: there is something already.
            StoreError: the database cannot be used.
        """

        def work(connection: Connection) -> None:
            migrate(connection, create=True)
            import_gallery(connection, file, progress or unreported)

        return cls(where, Database.make(where, work))

    @classmethod
    def open(
        cls, where: str | Path, model: str | Path | Embedder | None = None, *, device: str = "auto", replica: str | None = None
    ) -> Gallery:
        """Opens a gallery.

        Args:
            where: its folder, whose PostgreSQL is started, or shared with the processes that use it; or its URL.
            model: where its model is, if it is no longer where it was when the gallery was made. Another model is refused.
            device: where PyTorch computes.
            replica: the URL of a read replica of the database, which answers searches.

        Raises:
            GalleryError: there is no gallery.
            OtherModelError: the model is not the gallery's.
            StoreError: the database cannot be used.
        """
        database = Database.open(where, replica)
        try:
            embedder = None if isinstance(model, str | Path) else model
            if isinstance(model, str | Path):
                embedder = reopened({**database.run(active_model).about, "model": str(model)}, device)
            database.run(lambda connection: migrate(connection, create=False))
            return cls(where, database, embedder, device)
        except BaseException:
            database.close()
            raise

    # ---- adding and searching

    def add(
        self, crops: Iterable[Crop | Unreadable], *, batch_size: int = BATCH, total: int = 0, progress: Progress | None = None
    ) -> Added:
        """Adds images of people. What is there is not added again, so that an interrupted call is repeated to go on.

        Args:
            crops: of ``rga.gallery.enrolment.crops_of``, or your own.
            batch_size: crops at a time; each batch is in the gallery whole when the next one begins.
            total: how many crops there are, for ``progress``; 0 if nobody knows.
            progress: called after each batch with how many are done, and ``total``.

        Raises:
            OtherModelError: the gallery's model was changed meanwhile.
        """
        check_at_least(1, batch_size=batch_size)
        model = self.model
        result = add(
            self.database,
            model,
            self.embedder,
            crops,
            thumbnails=self.settings["thumbnails"],
            salt=self.settings["salt"],
            batch_size=batch_size,
            total=total,
            progress=progress or unreported,
        )
        return replace(result, indexed=build_index(self.database, model))

    def search(
        self,
        images: Sequence[Pixels] = (),
        *,
        top: int = 20,
        cameras: Sequence[str] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        like: Sequence[UUID] = (),
        unlike: Sequence[UUID] = (),
        without: Sequence[UUID] = (),
        rerank: bool = False,
        exact: bool | None = None,
        who: str | None = None,
    ) -> SearchResult:
        """Looks for a person.

        Args:
            images: of the person, RGB, (H, W, 3) each; several are fused.
            top: how many groups are wanted at most, each of one person, one track, or one image.
            cameras: search the sightings of these, ``""`` for an unknown one; empty for all.
            since: taken at this time or later; with a time zone.
            until: taken before this time; with a time zone.
            like: sightings of the person, as further images; alone they are searched with, and not found.
            unlike: sightings of others: what is like them comes later, and they are not found.
            without: sightings that are not found, whatever they are like.
            rerank: order what was found by k-reciprocal neighbours; needs PyTorch.
            exact: compute all distances, or use the index; by default whichever suits the size.
            who: searches, for the audit log; by default the user of this process.

        Raises:
            InputError: there is nothing to search with, the gallery knows no such camera, or an argument is wrong.
            GalleryError: an example is not there.
        """
        check_at_least(1, top=top)
        if not len(images) and not like:
            raise InputError("a search needs at least one image, or a sighting as an example: pass images or like")
        for number, image in enumerate(images, start=1):
            check_image(image, f"image {number} of a search (one image alone is passed as [image])")
        for name, time in (("since", since), ("until", until)):
            check_zone(time, name)
        check_several(cameras=cameras, like=like, unlike=unlike, without=without)
        features = normalised(self.embedder.embed(list(images))) if len(images) else None
        names = tuple(name_of(image) for image in images)
        request = Request(top, Filter(tuple(cameras), since, until, tuple(without)), tuple(like), tuple(unlike), rerank, exact)

        def work(connection: Connection) -> SearchResult:
            check_cameras(connection, cameras)
            model = active_model(connection)
            if features is not None:
                model.check(self.embedder.fingerprint, features.shape[1])
            return answer(connection, model, features, names, request)

        result = self.database.run(work, reads=True)
        filters = {"cameras": list(cameras), "since": since and since.isoformat(), "until": until and until.isoformat()}
        details = {"images": len(images), "examples": len(like), "decision": result.decision, "groups": len(result.groups), **filters}
        self.note("search", details, who)
        return result

    def sighting(self, sighting: UUID) -> Sighting:
        """One sighting.

        Raises:
            GalleryError: it is not there.
        """
        return self.database.run(lambda connection: read_sighting(connection, sighting), reads=True)

    def thumbnail(self, sighting: UUID) -> bytes:
        """The JPEG of a sighting.

        Raises:
            GalleryError: there is no such sighting, or no thumbnail.
        """
        return self.database.run(lambda connection: read_thumbnail(connection, sighting), reads=True)

    # ---- removing

    def remove(
        self,
        *,
        sightings: Sequence[UUID] = (),
        person: UUID | None = None,
        source: str | None = None,
        camera: str | None = None,
        every_recording: bool = False,
        keep_out: bool = True,
        who: str | None = None,
    ) -> Receipt:
        """Removes sightings, their embeddings and thumbnails, and all that was said about them; and looks afterwards that nothing is left.

        Args:
            sightings: these.
            person: all of this person, and the person.
            source: all of this source.
            camera: all of this camera.
            every_recording: also where several recordings have the name of the source: videos of two folders, or of two days.
            keep_out: remember a salted digest of each content, so that adding the same files again does not bring them back.
            who: removes, for the audit log.

        Raises:
            InputError: not exactly one of the four is given.
            GalleryError: there is nothing of the kind; a sighting, a person, a source or a camera is not in the gallery; or several
                recordings have the name of the source.
        """
        chosen = [name for name, value in (("sightings", sightings), ("person", person), ("source", source), ("camera", camera)) if value]
        if len(chosen) != 1:
            raise InputError(f"say what is removed by one of sightings, person, source and camera; got {', '.join(chosen) or 'none'}")
        check_several(sightings=sightings)
        condition, value = {
            "sightings": ("s.sighting = ANY(%s)", list(sightings)),
            "person": ("s.person = ANY(%s)", person),
            "source": ("s.source = %s", source),
            "camera": ("s.camera = %s", camera),
        }[chosen[0]]
        self.database.run(lambda connection: check_there(connection, sightings, source, camera, every_recording=every_recording))
        salt = self.settings["salt"] if keep_out else None
        return remove_where(self.database, condition, [value], person=person, salt=salt, who=who or self.user, why=chosen[0])

    def expire(self, age: timedelta, *, who: str | None = None) -> Receipt:
        """Removes what is older: taken longer ago, or, where that time is unknown, added longer ago. It is kept out from then on.

        Args:
            age: above 0.
            who: removes, for the audit log.

        Raises:
            InputError: the age is not positive, or longer than years are counted.
        """
        if age <= timedelta(0):
            raise InputError(f"what is older than {age} would be everything: name an age above 0")
        try:
            before = datetime.now().astimezone() - age
        except OverflowError as error:
            raise InputError(f"{age.days:,} days ago there was no year 1 yet: name a smaller age") from error
        salt = self.settings["salt"]
        return remove_where(self.database, "coalesce(s.time, s.added) < %s", [before], salt=salt, who=who or self.user, why="age")
