"""Checkpoints written beside the training: a copy is taken between two steps, and a thread writes it while the next steps are computed.

When one is due is a matter of time, not of epochs: an epoch may take a second or a day, and what a checkpoint saves is time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from rga.training.run.checkpoint import Checkpoint, save_checkpoint
from rga.training.run.log import RunLog


class CheckpointWriter:
    """Writes the checkpoints of a run, one at a time.

    Args:
        folder: of the run.
        log: of the run: what it held when a checkpoint was taken is on the disk before that checkpoint is.
        minutes: between checkpoints; 0 for none by time.
    """

    def __init__(self, folder: Path, log: RunLog, minutes: float) -> None:
        self.folder = folder
        self.log = log
        self.minutes = minutes
        self.taken = monotonic()
        """When the last one was taken, or the training began."""
        self.thread: threading.Thread | None = None
        self.error: Exception | None = None
        """Why the last one could not be written."""

    @property
    def due(self) -> bool:
        """Whether it is time for one; not while one is being written, so that a slow disk does not hold the training up."""
        writing = self.thread is not None and self.thread.is_alive()
        return bool(self.minutes) and not writing and monotonic() - self.taken >= 60 * self.minutes

    def write(self, checkpoint: Checkpoint) -> None:
        """Begins to write a checkpoint, whose tensors nothing else may change; waits for the one before it.

        Raises:
            OSError: the one before it could not be written.
        """
        self.wait()
        self.taken = monotonic()
        self.thread = threading.Thread(target=self.save, args=(checkpoint,), name="checkpoint", daemon=True)
        self.thread.start()

    def save(self, checkpoint: Checkpoint) -> None:
        """Writes a checkpoint, in the thread; an error is kept for the training."""
        try:
            self.log.flush()
            save_checkpoint(self.folder, checkpoint)
        except Exception as error:  # whatever it is, it must stop the training, and a thread's errors stop nothing
            self.error = error

    def join(self) -> None:
        """Waits until nothing is being written."""
        if self.thread is not None:
            self.thread.join()
            self.thread = None

    def wait(self) -> None:
        """Waits until nothing is being written.

        Raises:
            OSError: it could not be written.
        """
        self.join()
        if self.error is not None:
            error, self.error = self.error, None
            raise error


@contextmanager
def written_before_errors(writer: CheckpointWriter | None, say: Callable[[str], object]) -> Iterator[None]:
    """An error leaves the block when nothing is being written any more; what could not be written is said.

    Args:
        writer: whose checkpoints; None for a process that writes none.
        say: prints a line.
    """
    try:
        yield
    except BaseException:
        if writer is not None:
            writer.join()
            if writer.error is not None:
                say(f"besides, {writer.error}")
        raise
