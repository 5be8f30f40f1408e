-- Tables of embeddings are numbered, and a number is never given twice: a process that still knows an earlier model must not write into the
-- table of a later one.
CREATE SEQUENCE models_number;
SELECT setval('models_number', (SELECT coalesce(max(number), 1) FROM models), EXISTS (SELECT FROM models));

-- Nobody is merged into oneself, nor into somebody who was merged: two corrections at once could do that. A name that somebody else bears,
-- too, is dropped.
UPDATE people p SET merged_into = NULL,
    name = CASE WHEN EXISTS (SELECT FROM people q WHERE q.name = p.name AND q.person <> p.person) THEN '' ELSE p.name END
    WHERE p.merged_into = p.person;
UPDATE people p SET merged_into = r.merged_into
    FROM people r WHERE r.person = p.merged_into AND r.merged_into IS NOT NULL AND r.merged_into <> p.person;
ALTER TABLE people ADD CONSTRAINT people_not_into_oneself CHECK (merged_into <> person);

-- From now on one end of a pair may be a person: what was said of a sighting of the person that was removed.
