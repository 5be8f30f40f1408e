"""HTML reports of results and the figures in them: rank lists, curves, gates, tables.

Add a section as a file in ``sections/`` and name it in its report (``evaluation_report``, ``demo_report``, ...); change the look in
``templates/``. Nothing here computes a metric: reports show values that other rooms computed.
"""
