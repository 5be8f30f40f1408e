"""Better rankings from the neighbours: k-reciprocal re-ranking, query expansion and gallery augmentation.

In bounded memory, on sparse rows.
"""
