"""The database server of a gallery: programs of PostgreSQL, a server in a folder, connections to one anywhere."""
