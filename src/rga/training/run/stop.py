"""Signals in a training: Ctrl-C and SIGTERM are noted while a step is computed and answered between two steps, when the state is whole."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

Item = TypeVar("Item")
STOPPING = (signal.SIGINT, signal.SIGTERM)
CHILD = getattr(signal, "SIGCHLD", None)
"""The death of a child; Windows tells it to nobody."""
ECHO = 0.5
"""Seconds in which the same signal again means the same: torchrun passes on what the whole group of processes got already."""


class StoppedError(BaseException):
    """A signal came where nothing is lost by stopping at once.

    No ``Exception``: it may be raised between any two lines, also of code that takes every exception for its own, as decoders do.
    """


class StopSignals:
    """Handles the signals that end a training, while it is entered; a second one ends it at once, as KeyboardInterrupt, if it is no echo.

    The death of a child raises nothing: torch's loader has a handler that raises wherever the training is, be it halfway in a step. The
    loader notices as well, within seconds, when it waits for a batch of that worker.

    Outside of the main thread, where Python handles no signals, nothing is done.
    """

    def __init__(self) -> None:
        self.number = 0
        """The signal that came; 0 for none."""
        self.since = 0.0
        """When it came, by the monotonic clock."""
        self.at_once = False
        self.process = os.getpid()
        """Workers that are forked inherit the handlers and leave the signals to it: it ends them."""
        self.before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Takes the signals over."""
        if threading.current_thread() is threading.main_thread():
            self.before = {number: signal.signal(number, self.note) for number in STOPPING}
            if CHILD is not None:
                self.before[CHILD] = ignore_children()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Gives the signals back."""
        for number, handler in self.before.items():
            signal.signal(number, handler or signal.SIG_DFL)

    def note(self, number: int, _frame: FrameType | None) -> None:
        """Handles a signal that ends the training."""
        if os.getpid() != self.process:
            return
        if self.number:
            if number == self.number and time.monotonic() - self.since < ECHO:
                return
            raise KeyboardInterrupt
        self.number, self.since = number, time.monotonic()
        if self.at_once:
            raise StoppedError

    @contextmanager
    def answered_at_once(self) -> Iterator[None]:
        """Within the block a signal raises StoppedError."""
        self.at_once = True
        try:
            if self.number:
                raise StoppedError
            yield
        finally:
            self.at_once = False
            if self.before:
                ignore_children()


def ignore_children() -> Any:
    """Leaves the death of children unhandled; the handler that there was."""
    return None if CHILD is None else signal.signal(CHILD, signal.SIG_DFL)


def start_workers(loader: Iterable[Item]) -> Iterator[Item]:
    """The iterator of one of torch's loaders, whose handler of the death of children is not kept: see ``StopSignals``."""
    if CHILD is None:
        return iter(loader)
    before = signal.getsignal(CHILD)
    items = iter(loader)
    if signal.getsignal(CHILD) is not before:
        signal.signal(CHILD, before or signal.SIG_DFL)
    return items
