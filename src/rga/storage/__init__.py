"""Files that are whole or not there: atomic writing, and the format of saved models.

Knows nothing of networks or images; everything above may use it.
"""
