"""The audit log: who searched and who removed, when and how many; never whom, so that nothing has to be removed from the log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from rga.gallery.store.postgresql.database import Connection


def note(connection: Connection, entry: UUID, who: str, what: str, details: Mapping[str, Any]) -> None:
    """Adds an entry; once, however often it is tried.

    Args:
        connection: within a transaction.
        entry: its identifier.
        who: did it.
        what: was done, such as ``"search"``.
        details: numbers and filters; nobody's name.
    """
    connection.execute(
        "INSERT INTO audit (entry, time, who, what, details) VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [entry, datetime.now(UTC), who, what, json.dumps(dict(details))],
    )


def is_noted(connection: Connection, entry: UUID) -> bool:
    """Whether an entry is there."""
    return connection.execute("SELECT 1 FROM audit WHERE entry = %s", [entry]).fetchone() is not None


def entries(connection: Connection, limit: int) -> list[tuple[datetime, str, str, dict[str, Any]]]:
    """The latest entries: (time, who, what, details)."""
    return connection.execute("SELECT time, who, what, details FROM audit ORDER BY time DESC LIMIT %s", [limit]).fetchall()
