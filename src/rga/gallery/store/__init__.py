"""The store of a gallery: a PostgreSQL with pgvector, embedded in a folder or reached by a URL; its schema, its queries, its deletion."""

from rga.extras import require

require("psycopg", "psycopg_pool")
