"""The API, under ``/api``: one file for each thing that is asked."""
