"""The verbs of the command line, one file each; ``cli.verbs`` names them.

A verb parses and prints; what it does is a function elsewhere.
"""
