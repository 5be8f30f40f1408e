"""The sections of all reports, one file each, by the kind of report.

Each file has one function ``section``: it takes the values that the section shows and returns a ``Section``, or None if there is nothing to
show. A report lists its sections in their order.
"""
