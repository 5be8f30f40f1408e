"""The command line: parsing and printing.

A verb is a function here, named in ``rga.cli.verbs``.
"""
