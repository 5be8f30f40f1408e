"""Galleries that were made by an earlier version of the schema are brought to this one when they are opened."""

from __future__ import annotations

import psycopg

from gallery.conftest import MakeUrl
from gallery.people import PixelEmbedder, crop_of, image_of
from rga.gallery.gallery import Gallery
from rga.gallery.store.postgresql.database import SCHEMA

BEFORE_RECORDINGS = f"""
DROP INDEX {SCHEMA}.sightings_recording, {SCHEMA}.sightings_source;
ALTER TABLE {SCHEMA}.sightings DROP COLUMN recording;
CREATE INDEX sightings_track ON {SCHEMA}.sightings (source, track);
DELETE FROM {SCHEMA}.migrations WHERE version = 3;
"""
"""Takes a gallery back to what it was before version 3."""


def test_a_gallery_without_recordings_goes_on(make_url: MakeUrl) -> None:
    url = make_url()
    tracks = [crop_of(person, n, named=False, source=f"{person}.mp4", track=0, recording="r") for person in (1, 2) for n in range(2)]
    with Gallery.create(url, PixelEmbedder()) as gallery:
        gallery.add(tracks)
    with psycopg.connect(url) as connection:
        connection.execute(BEFORE_RECORDINGS)
    with Gallery.open(url, PixelEmbedder()) as gallery:
        groups = gallery.search([image_of(1, 9)]).groups
        assert [(group.track, group.total, group.best.sighting.recording) for group in groups] == [
            (("1.mp4", 0), 2, "1.mp4"),
            (("2.mp4", 0), 2, "2.mp4"),
        ]
        assert gallery.add(tracks).present == 4
        gallery.add([crop_of(1, 5, named=False, source="1.mp4", track=0)])  # without a word on its recording: that of its name
        assert gallery.search([image_of(1, 9)]).groups[0].total == 3
        assert gallery.remove(source="2.mp4").removed == 2
