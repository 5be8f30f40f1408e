-- The first schema of a gallery. Each primary key holds the column by which Citus spreads the table over machines ("sighting"), and small
-- tables are copied to all of them. Embeddings are in one table for each model, which rga.gallery.store.models makes.

CREATE TABLE settings (
    name text PRIMARY KEY,
    value jsonb NOT NULL
);

CREATE TABLE models (
    number integer PRIMARY KEY,
    fingerprint text NOT NULL UNIQUE,
    about jsonb NOT NULL,
    dimensions integer NOT NULL,
    state text NOT NULL CHECK (state IN ('active', 'filling')),
    calibration jsonb
);
CREATE UNIQUE INDEX models_active ON models (state) WHERE state = 'active';

CREATE TABLE people (
    person uuid PRIMARY KEY,
    name text NOT NULL DEFAULT '',
    hidden boolean NOT NULL DEFAULT false,
    merged_into uuid
);
CREATE UNIQUE INDEX people_name ON people (name) WHERE name <> '' AND merged_into IS NULL;
CREATE INDEX people_merged ON people (merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE sightings (
    sighting uuid PRIMARY KEY,
    content text NOT NULL,
    source text NOT NULL,
    camera text NOT NULL,
    time timestamptz,
    added timestamptz NOT NULL,
    person uuid REFERENCES people (person),
    frame bigint,
    box double precision[],
    track bigint,
    width integer NOT NULL,
    height integer NOT NULL,
    sharpness real NOT NULL
);
CREATE INDEX sightings_camera ON sightings (camera, time);
CREATE INDEX sightings_time ON sightings (time);
CREATE INDEX sightings_added ON sightings (added);
CREATE INDEX sightings_person ON sightings (person) WHERE person IS NOT NULL;
CREATE INDEX sightings_track ON sightings (source, track);

CREATE TABLE thumbnails (
    sighting uuid PRIMARY KEY REFERENCES sightings (sighting) ON DELETE CASCADE,
    jpeg bytea NOT NULL
);
ALTER TABLE thumbnails ALTER COLUMN jpeg SET STORAGE EXTERNAL;

-- What people said about two images: sightings, or images that were searched with.
CREATE TABLE pairs (
    first uuid NOT NULL,
    second uuid NOT NULL,
    same boolean NOT NULL,
    PRIMARY KEY (first, second),
    CHECK (first < second)
);
CREATE INDEX pairs_second ON pairs (second);

-- What can be undone.
CREATE TABLE actions (
    action uuid PRIMARY KEY,
    number bigint NOT NULL,
    time timestamptz NOT NULL,
    kind text NOT NULL,
    before jsonb NOT NULL,
    concerns uuid[] NOT NULL,
    undone boolean NOT NULL DEFAULT false
);
CREATE INDEX actions_number ON actions (number);
CREATE INDEX actions_concerns ON actions USING gin (concerns);

-- Contents that were removed and are kept out, as salted digests.
CREATE TABLE kept_out (
    digest bytea PRIMARY KEY
);

CREATE TABLE audit (
    entry uuid PRIMARY KEY,
    time timestamptz NOT NULL,
    who text NOT NULL,
    what text NOT NULL,
    details jsonb NOT NULL
);
CREATE INDEX audit_time ON audit (time);
