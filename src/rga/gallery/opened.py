"""A gallery that is open: its database, its settings, its model."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from rga.gallery.embedder import Embedder, reopened
from rga.gallery.results import Calibration
from rga.gallery.store.audit import note
from rga.gallery.store.models import StoredModel, active_model
from rga.gallery.store.postgresql.database import Connection, Database


class OpenGallery:
    """What all parts of a gallery need.

    Args:
        where: the folder or the URL.
        database: of the gallery.
        embedder: its model; None to open it when it is needed.
        device: where PyTorch computes.
    """

    def __init__(self, where: str | Path, database: Database, embedder: Embedder | None = None, device: str = "auto") -> None:
        self.where = where
        self.database = database
        self.device = device
        self.settings: dict[str, Any] = dict(
            database.run(lambda connection: connection.execute("SELECT name, value FROM settings").fetchall())
        )
        self.loaded: Embedder | None = None
        if embedder is not None:
            self.model.check(embedder.fingerprint)
            self.loaded = embedder

    @classmethod
    def with_database(
        cls, where: str | Path, database: Database, work: Callable[[Connection], object], embedder: Embedder | None, device: str
    ) -> Self:
        """The gallery of a database that is open, and closed again if something is wrong."""
        try:
            database.run(work)
            return cls(where, database, embedder, device)
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """Closes the gallery; the PostgreSQL of a folder stops if no other process uses it."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def calibration(self) -> Calibration | None:
        """Up to which distance two images are taken for the same person; None if nobody measured that."""
        found = self.model.calibration
        return None if found is None else Calibration(**found)

    @property
    def model(self) -> StoredModel:
        """The model whose embeddings the gallery holds."""
        return self.database.run(active_model)

    @property
    def embedder(self) -> Embedder:
        """The model, opened.

        Raises:
            OtherModelError: what is found where it was is another model.
        """
        if self.loaded is None:
            model = self.model
            found = reopened(model.about, self.device)
            model.check(found.fingerprint)
            self.loaded = found
        return self.loaded

    def note(self, what: str, details: dict[str, Any], who: str | None) -> None:
        """Writes to the audit log."""
        entry = uuid4()

        def work(connection: Connection) -> None:
            connection.execute("SET LOCAL synchronous_commit = off")
            note(connection, entry, who or self.user, what, details)

        self.database.run(work)

    @property
    def user(self) -> str:
        """Who runs this process, for the audit log: by name, or by number where a container has no name for it."""
        try:
            return getpass.getuser()
        except (KeyError, OSError, ImportError):  # which of them, depends on the version of Python
            return f"user {os.getuid()}" if hasattr(os, "getuid") else "unknown"
