"""A task's backbone: a CNN of timm or one of our own, with weights to start from and attention inside of its stages.

Knows no task; add a network to ``catalog.OWN``.
"""
