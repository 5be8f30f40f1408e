"""Tests of the command line; a package, as each of these folders has a ``conftest.py``."""
