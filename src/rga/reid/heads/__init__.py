"""What comes behind the backbone's maps: heads that look at parts of a person, under one contract, and their catalogue (``catalog.py``).

The global head is the model's own (``rga.reid.model``): its neck and classifier on the backbone's pooled features.
"""
