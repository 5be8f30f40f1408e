"""Images from files: reading and decoding, what counts as damage, and how an image becomes what a network takes.

Knows no task and no dataset layout.
"""
