-- Tables of embeddings are numbered, and a number is never given twice: a process that still knows an earlier model must not write into the
-- table of a later one.
CREATE SEQUENCE models_number;
SELECT setval('models_number', (SELECT coalesce(max(number), 1) FROM models), EXISTS (SELECT FROM models));
