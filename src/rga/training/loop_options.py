"""How long and how the training loop runs."""

from __future__ import annotations

from dataclasses import dataclass

from rga.training.devices import AmpDtype


@dataclass(frozen=True)
class LoopOptions:
    """How long and how a training runs.

    Attributes:
        epochs: how many.
        evaluate_every: epochs between evaluations; the last epoch is always evaluated. 0 evaluates at the end alone.
        checkpoint_minutes: between checkpoints; 0 for none by time. There is one at the end and when the training is stopped anyway.
        checkpoint_every: steps between checkpoints, besides those by time; 0 for none.
        log_every: steps between lines of the log with the loss of one step; 0 for none.
        amp_dtype: data type of the forward pass under autocast; float32 turns autocast off.
        gradient_clip_norm: the norm of all gradients together is clipped to this; 0 does not clip.
        ema_decay: decay of the exponential moving average of the weights, which is evaluated beside them; 0 for none.
        gradient_accumulation: parts that a batch comes in; their gradients are averaged.
        max_steps: stop after so many steps; 0 runs all epochs. For trials.
        seed: of what the model draws.
    """

    epochs: int
    evaluate_every: int = 0
    checkpoint_minutes: float = 5.0
    checkpoint_every: int = 0
    log_every: int = 0
    amp_dtype: AmpDtype = "float32"
    gradient_clip_norm: float = 0.0
    ema_decay: float = 0.0
    gradient_accumulation: int = 1
    max_steps: int = 0
    seed: int = 0

    def steps(self, steps_per_epoch: int) -> int:
        """Steps of the whole training.

        Example:
            >>> LoopOptions(epochs=3).steps(10), LoopOptions(epochs=3, max_steps=12).steps(10)
            (30, 12)
        """
        whole = self.epochs * steps_per_epoch
        return min(whole, self.max_steps or whole)
