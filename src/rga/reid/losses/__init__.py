"""The losses of re-identification: of scores of identities, of distances in a batch, and of centres.

All compute in float32 at least, also where they are called under autocast: differences of large numbers decide, and half precision has too
few digits for them.
"""

from rga.reid.losses.center import CenterLoss
from rga.reid.losses.circle import circle
from rga.reid.losses.identity import arcface_scores, circle_scores, cosface_scores, smoothed_cross_entropy
from rga.reid.losses.triplet import TripletError, batch_hard_triplet, check_triplets, euclidean, weighted_triplet

__all__ = [
    "CenterLoss",
    "TripletError",
    "arcface_scores",
    "batch_hard_triplet",
    "check_triplets",
    "circle",
    "circle_scores",
    "cosface_scores",
    "euclidean",
    "smoothed_cross_entropy",
    "weighted_triplet",
]
