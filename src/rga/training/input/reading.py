"""Samples in their order, read by worker processes: for tests and predictions, where none may be replaced by another."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Generic, TypeVar

from torch.utils.data import DataLoader, Dataset, default_collate

from rga.checks import check_workers
from rga.errors import RgaError
from rga.images.images import DamagedImageError
from rga.training.run.stop import start_workers

Sample = TypeVar("Sample")


Progress = Callable[[int, int], None]
"""Called with how many samples are done, and of how many."""

OnDamaged = Callable[[int, DamagedImageError], None]
"""Called with the index of a damaged image, and the error."""


def read_batches(
    samples: Dataset[Sample], size: int, num_workers: int, progress: Progress | None = None, on_damaged: OnDamaged | None = None
) -> Iterator[Any]:
    """Batches, collated by torch's rules.

    Args:
        samples: in their order.
        size: samples in a batch; the last one may be smaller.
        num_workers: processes that read them; 0 reads in this one.
        progress: called when the batch that was read before is done.
        on_damaged: called for each image that is damaged, which is left out of its batch; None for an error.

    Raises:
        OSError: what a sample raised, wherever it was read; likewise a ``ValueError``.
        InputError: so many processes cannot be meant.
    """
    check_workers(num_workers)
    handing = Handing(samples)
    num_workers = min(num_workers, -(-len(handing) // size))  # no more than there are batches
    passed = () if on_damaged is None else (DamagedImageError,)
    loaded = ready(DataLoader(handing, size, num_workers=num_workers, collate_fn=partial(collate, passed=passed)))
    for number, (batch, damaged) in enumerate(loaded):
        for position, error in damaged.items():
            assert on_damaged is not None
            on_damaged(number * size + position, error)
        if batch is not None:
            yield batch
        if progress is not None:
            progress(min((number + 1) * size, len(handing)), len(handing))


def read_samples(samples: Dataset[Sample], num_workers: int) -> Iterator[Sample]:
    """One sample after the other.

    Raises:
        OSError: what a sample raised, wherever it was read; likewise a ``ValueError``.
        InputError: so many processes cannot be meant.
    """
    check_workers(num_workers)
    return ready(DataLoader(Handing(samples), batch_size=None, num_workers=num_workers, collate_fn=untouched))


class Handing(Dataset[tuple[Sample | None, Exception | None]], Generic[Sample]):
    """Samples; what one raises is handed on as a value: torch would hide it in the text of another error."""

    def __init__(self, samples: Dataset[Sample]) -> None:
        self.samples = samples

    def __len__(self) -> int:
        """How many."""
        return len(self.samples)  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> tuple[Sample | None, Exception | None]:
        """A sample, or the error that it raised."""
        try:
            return self.samples[index], None
        except (OSError, ValueError) as error:
            return None, portable(error)


def portable(error: Exception) -> Exception:
    """An error as it can travel to another process; of a plain ``ValueError``, which may be a bug, a note says where it was raised."""
    if type(error) is ValueError:
        error.add_note("".join(traceback.format_exception(error)))
    return error.with_traceback(None)


def collate(
    loaded: Sequence[tuple[Any, Exception | None]], passed: tuple[type[Exception], ...]
) -> tuple[tuple[Any, dict[int, Exception]], Exception | None]:
    """Samples as a batch, None for none, with the errors that are passed over, by position; or the first other error."""
    damaged = {position: error for position, (_, error) in enumerate(loaded) if isinstance(error, passed)}
    failure = next((error for _, error in loaded if error is not None and not isinstance(error, passed)), None)
    samples = [] if failure else [sample for sample, error in loaded if error is None]
    return (default_collate(samples) if samples else None, damaged), failure


def untouched(loaded: Sample) -> Sample:
    """A sample as it is."""
    return loaded


def ready(loader: DataLoader[Any]) -> Iterator[Any]:
    """What a loader reads; the error that is the first is raised here."""
    batches = start_workers(loader)
    while True:
        try:
            with naming_deaths():
                loaded, failure = next(batches)
        except StopIteration:
            return
        if failure is not None:
            del batches  # the workers end now: from the circle of an error and its traceback they are freed late, five seconds for each
            raise failure
        yield loaded


class WorkerDiedError(RgaError, ChildProcessError):
    """A process that made samples is gone."""


@contextmanager
def naming_deaths() -> Iterator[None]:
    """Within the block, in which a loader is asked for a batch, what comes of a worker that is gone is a WorkerDiedError."""
    try:
        yield
    except (RuntimeError, EOFError, OSError) as error:  # the last two: what it had laid in shared memory cannot be fetched
        if isinstance(error, RuntimeError) and "DataLoader worker (pid" not in str(error):
            raise
        reason = str(error) or type(error).__name__
        raise WorkerDiedError(f"a process that reads samples died ({reason}): if memory was short, lower num_workers") from error
