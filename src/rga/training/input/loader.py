"""Batches for a training, read and augmented by worker processes, the same whatever their number and wherever an epoch is begun.

Every sample is made under its own key of random numbers (see ``plan.Draw``). A sample that cannot be read stops the training when its batch
is due, with the reader's own error; or another stands in for it, and it is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any, Generic, TypeVar

from torch import Generator
from torch.utils.data import DataLoader, Dataset, default_collate, get_worker_info

from rga.training.distributed import processes
from rga.training.input.plan import Draw, Plan, Share
from rga.training.input.random_state import drawing_from
from rga.training.input.reading import naming_deaths, portable
from rga.training.recipe import LoaderRecipe
from rga.training.run.stop import start_workers

Sample = TypeVar("Sample")


class SampleLoader(Generic[Sample]):
    """The batches of a training, of which every process gets its share.

    Args:
        samples: make one sample each, with any of Python's, numpy's and torch's generators.
        plan: which of them make the batches.
        recipe: how many processes read them, and whether damaged ones are replaced.
        damaged: what ``samples`` raises for one that cannot be read and may be replaced.
        seed: of everything that is drawn for samples.
        parts: smaller batches that each process's part of a batch comes in, for gradient accumulation.
        pin: pin batches in memory, from where a GPU can fetch them by itself.
        join: samples -> a batch; by default by torch's rules.

    Raises:
        ValueError: the batches cannot be shared by so many processes or in so many parts.
    """

    def __init__(
        self,
        samples: Dataset[Sample],
        plan: Plan,
        recipe: LoaderRecipe,
        damaged: type[Exception] | tuple[type[Exception], ...] = (),
        *,
        seed: int = 0,
        parts: int = 1,
        pin: bool = False,
        join: Callable[[list[Any]], Any] = default_collate,
    ) -> None:
        self.plan = plan
        self.share = Share(plan, seed, processes.rank(), processes.count(), parts)
        self.skipped: dict[str, int] = {}
        """What could not be read and was replaced, as its error says, and how often."""
        self.loader = DataLoader(
            Replacing(samples, plan, damaged, recipe.skip_damaged),
            batch_sampler=self.share,
            num_workers=recipe.num_workers,
            prefetch_factor=recipe.prefetch_factor if recipe.num_workers else None,
            persistent_workers=recipe.num_workers > 0,
            pin_memory=pin,
            collate_fn=partial(collate, join=join),
            generator=Generator(),  # what the loader draws means nothing: every sample has its own key
        )

    @property
    def samples(self) -> int:
        """How many samples there are to draw from."""
        dataset: Any = self.loader.dataset
        return len(dataset.samples)

    def __len__(self) -> int:
        """Batches in an epoch; each comes in ``parts``."""
        return len(self.plan)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """This process's share of the batches of an epoch.

        Args:
            epoch: which.
            start: batches of it that are over.

        Raises:
            WorkerDiedError: a worker is gone.
            Exception: whatever the samples raised.
        """
        self.share.epoch, self.share.start = epoch, start
        loaded: Iterator[Any] | None = None
        while True:
            try:
                with naming_deaths():
                    loaded = loaded or start_workers(self.loader)
                    batch, skipped, failure = next(loaded)
            except StopIteration:
                return
            if failure is not None:
                try:
                    raise failure
                finally:
                    del failure  # a circle with its own traceback: the workers would outlive it until the garbage collector comes
            for message in skipped:
                self.skipped[message] = self.skipped.get(message, 0) + 1
            yield batch


class Replacing(Dataset[tuple[Any, list[str], Exception | None]], Generic[Sample]):
    """Samples under their keys; what cannot be read is replaced, or handed on as the error that it raised."""

    def __init__(
        self, samples: Dataset[Sample], plan: Plan, damaged: type[Exception] | tuple[type[Exception], ...], skip_damaged: bool
    ) -> None:
        self.samples = samples
        self.plan = plan
        self.damaged = damaged
        self.skip_damaged = skip_damaged

    def __getitem__(self, draw: Draw) -> tuple[Sample | None, list[str], Exception | None]:
        """A sample, what was skipped for it, and the error if there is no sample."""
        skipped: list[str] = []
        here = get_worker_info() is None
        for index in chain([draw.sample], self.plan.substitutes(draw.sample) if self.skip_damaged else ()):
            try:
                with drawing_from(*draw.key, keep=here):
                    return self.samples[index], skipped, None
            except self.damaged as error:
                skipped.append(str(error))
                failure: Exception = error
            except (OSError, ValueError) as error:  # a file that is gone, a disk that fails; contents that do not fit the dataset
                return None, skipped, portable(error)
        return None, skipped, portable(failure)


def collate(
    loaded: Sequence[tuple[Any, list[str], Exception | None]], join: Callable[[list[Any]], Any] = default_collate
) -> tuple[Any, list[str], Exception | None]:
    """Samples as a batch, with what was skipped; or the first error."""
    samples, skipped, failures = zip(*loaded, strict=True)
    failure = next((failure for failure in failures if failure is not None), None)
    messages = [message for each in skipped for message in each]
    return (None if failure else join(list(samples))), messages, failure
