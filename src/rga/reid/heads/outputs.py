"""What a re-ID network says of images, whatever its head."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Learnt(NamedTuple):
    """What the losses see, by name; of the global head both have the one name ``global``.

    Attributes:
        features: that triplets, pairs and centres compare, (B, D) each, where D may differ.
        logits: of the training identities, (B, classes) each; cosines where the classifier is one of cosines.
    """

    features: dict[str, Tensor]
    logits: dict[str, Tensor]


class Outputs(NamedTuple):
    """What a network says of images.

    Attributes:
        pooled: the features before the neck, (B, D); those of parts one after the other.
        neck: the features after it, (B, E); likewise.
        learnt: what the losses see; None in evaluation mode and without a classifier.
    """

    pooled: Tensor
    neck: Tensor
    learnt: Learnt | None
