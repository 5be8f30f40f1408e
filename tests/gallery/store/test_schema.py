"""A gallery of an earlier version of the schema is brought to this one when it is opened."""

import json
from uuid import UUID

import psycopg

from gallery.conftest import MakeUrl
from gallery.people import PixelEmbedder, crowd, image_of
from rga.gallery.gallery import Gallery
from rga.gallery.store.postgresql.database import SCHEMA
from rga.gallery.store.schema import migrations

DIMENSIONS = 72
"""Of the embeddings of a ``PixelEmbedder``."""


def make_first_version(url: str, people: list[tuple[UUID, str, UUID | None]]) -> None:
    """A gallery as the first version of the schema has it, with people (person, name, merged into)."""
    with psycopg.connect(url) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        connection.execute(f"SET search_path TO {SCHEMA}, public")
        connection.execute("CREATE TABLE migrations (version integer PRIMARY KEY, time timestamptz NOT NULL DEFAULT now())")
        connection.execute(migrations()[1])
        connection.execute("INSERT INTO migrations (version) VALUES (1)")
        for name in ("thumbnails", "salt"):
            connection.execute("INSERT INTO settings (name, value) VALUES (%s, %s)", [name, json.dumps("on")])
        connection.execute(
            "INSERT INTO models (number, fingerprint, about, dimensions, state) VALUES (3, 'pixels', %s, %s, 'active')",
            [json.dumps({"model": "pixels"}), DIMENSIONS],
        )
        connection.execute(
            "CREATE TABLE embeddings_3 (sighting uuid PRIMARY KEY REFERENCES sightings (sighting) ON DELETE CASCADE, "
            f"embedding halfvec({DIMENSIONS}) NOT NULL)"
        )
        for row in people:
            connection.execute("INSERT INTO people (person, name, merged_into) VALUES (%s, %s, %s)", row)


def test_the_first_version(make_url: MakeUrl) -> None:
    itself, twin, namesake, first, second, third = (UUID(int=number) for number in range(1, 7))
    url = make_url()
    people = [(itself, "Ada", itself), (twin, "Ben", twin), (namesake, "Ben", None)]
    make_first_version(url, [*people, (third, "Eve", None), (second, "Dan", third), (first, "Cat", second)])
    with Gallery.open(url, PixelEmbedder()) as gallery:
        found = {person.id: person.name for person in gallery.people()}
        assert found == {itself: "Ada", twin: "", namesake: "Ben", third: "Eve"}
        assert gallery.person(first).id == gallery.person(second).id == third
        gallery.add(crowd(3, 2))
        assert gallery.search([image_of(1, 9)]).groups[0].name == "p001"
        assert gallery.rebuild(PixelEmbedder("other"), crowd(3, 2)).switched
        assert gallery.model.number == 4
        assert all(finding.healthy for finding in gallery.doctor())
