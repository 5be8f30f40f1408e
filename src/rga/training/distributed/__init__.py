"""Several processes as one: how they are joined, share batches and synchronise gradients and normalisations.

All of it does nothing in a training of one process.
"""
