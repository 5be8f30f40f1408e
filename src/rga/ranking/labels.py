"""What the identities 0 and -1 of a gallery mean, in every evaluation and every reader of re-identification datasets."""

DISTRACTOR = 0
"""The identity of a gallery image that shows nobody of the queries."""

JUNK = -1
"""The identity of gallery images that no ranking may hold (Market-1501: bad boxes)."""

RENUMBER = (
    f"people are numbered from 1 on, as {DISTRACTOR} is a distractor and {JUNK} is junk, in the gallery alone: if your people are counted "
    "from 0, add 1 to the identities of both query and gallery"
)
"""What to do about identities that are no people."""
