"""Tracks: which boxes of successive frames are of one person, and which of a track's crops are worth enrolling."""
