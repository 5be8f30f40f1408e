"""The weights that losses have themselves, such as centres of identities, and how they learn: by plain SGD, at a rate of their own.

They belong to a training and not to its model: they are in its checkpoints, and in no model that is saved.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import SGD

from rga.training.distributed import processes


class CriterionSteps:
    """Steps of the weights of a criterion, without momentum and without weight decay.

    Args:
        criterion: the losses, on the model's device; of several processes all get the first one's weights.
        lr: their learning rate, which no schedule changes.
    """

    def __init__(self, criterion: nn.Module, lr: float) -> None:
        processes.copy_from_first(criterion)
        self.weights = [parameter for parameter in criterion.parameters() if parameter.requires_grad]
        self.optimizer = SGD(self.weights, lr=lr) if self.weights else None

    def zero_grad(self) -> None:
        """Forgets the gradients."""
        if self.optimizer is not None:
            self.optimizer.zero_grad(set_to_none=True)

    def step(self, scaler: torch.amp.GradScaler) -> None:
        """One step down the gradients, whose mean over the processes is taken first; so the weights stay the same in all."""
        if self.optimizer is not None:
            processes.average_gradients(self.weights)
            scaler.step(self.optimizer)
