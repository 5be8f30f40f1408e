-- What a track is numbered in: files of one name in two folders, or of two days, are two recordings. What is there already was told apart by
-- its source alone, and is taken for one recording each.

ALTER TABLE sightings ADD COLUMN recording text NOT NULL DEFAULT '';
UPDATE sightings SET recording = source;
DROP INDEX sightings_track;
CREATE INDEX sightings_recording ON sightings (recording, track);
CREATE INDEX sightings_source ON sightings (source);
