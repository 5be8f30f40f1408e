"""The diagrams of the pages, drawn by code: ``cd docs && python -m diagrams`` writes them beside these files.

A diagram is a function in a file of its name that returns SVG; name it in ``catalog``. A test draws them all and compares.
"""
