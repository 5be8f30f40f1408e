"""Centre loss (Wen et al., ECCV 2016), as "Bag of Tricks" trains re-ID networks with it (Luo et al., arXiv 1903.07071)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rga.attention.precision import WideModule, in_float32
from rga.tensors import check_labels, check_scores


class CenterLoss(WideModule):
    """The squared distance of each feature from the centre of its identity; the centres are weights that learn.

    As in the code of "Bag of Tricks" it is the mean over the batch and not half of the sum, and centres start at random. They learn by
    plain SGD with a learning rate of their own (``rga.training.criterion``).

    Args:
        classes: identities.
        dimensions: of the features.
        seed: of the centres at the start.

    Example:
        >>> loss = CenterLoss(classes=2, dimensions=1, seed=0)
        >>> with torch.no_grad():
        ...     _ = loss.centers.copy_(torch.tensor([[1.0], [5.0]]))
        >>> loss(torch.tensor([[2.0], [1.0], [8.0]]), torch.tensor([0, 0, 1]))
        tensor(3.3333, grad_fn=<MeanBackward0>)
    """

    def __init__(self, classes: int, dimensions: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.centers = nn.Parameter(torch.randn(classes, dimensions, generator=generator))

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Features (B, D) of identities (B,) -> a scalar, the mean over the batch.

        Raises:
            InputError: features are no matrix of floating-point numbers, or labels not as many integers of the classes.
        """
        return squared_distance_from(features, self.centers, labels)


@in_float32
def squared_distance_from(features: Tensor, centers: Tensor, labels: Tensor) -> Tensor:
    """The mean over the batch of |feature - centre of its identity|^2."""
    check_scores(features, ("images", "dimensions"))
    check_labels(labels, (len(features),), len(centers))
    return (features - centers[labels.long()]).square().sum(1).mean()
