"""The folder of a run: lock, log, checkpoints, and how a training is stopped.

Nothing here may lose work: write whole files, keep the one before.
"""
