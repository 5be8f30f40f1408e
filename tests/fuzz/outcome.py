"""What a case came to: the right result, or one clear error of our own. Anything else is raised."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, TypeVar

from hypothesis.strategies import SearchStrategy

import rga
from rga.errors import RgaError

T = TypeVar("T")

LONGEST_MESSAGE = 2_500
"""Characters of an error. Names of files are in some of them, and may be long."""

SOURCE = Path(rga.__file__).parent


class Draw(Protocol):
    """Hypothesis' ``data.draw``."""

    def __call__(self, strategy: SearchStrategy[T]) -> T:
        """A value of a strategy."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What a case came to.

    Attributes:
        right: whether a result was compared with an oracle's; else it ended in one clear error.
        what: the oracle, or what was refused.
    """

    right: bool
    what: str


@dataclass(frozen=True)
class Refused:
    """One clear error in the place of a result."""

    error: Exception


class FaultError(AssertionError):
    """A wrong result, an unclear error, a half-written file, or a case that hangs."""


def attempt(function: Callable[..., T], *args: Any, also: tuple[type[Exception], ...] = (), **options: Any) -> T | Refused:
    """What a function returns, or the clear error that it raises.

    Args:
        function: of the package.
        *args: its arguments.
        also: errors besides our own that are allowed where this package, and not a library below it, raises them.
        **options: its keyword arguments.
    """
    try:
        return function(*args, **options)
    except RgaError as error:
        check_clear(error)
        return Refused(error)
    except also as error:
        if not raised_here(error):
            raise
        check_clear(error)
        return Refused(error)


def raised_here(error: BaseException) -> bool:
    """Whether an error was raised by a line of the package, not by a library that the package called."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and Path(frames[-1].filename).is_relative_to(SOURCE)


def check_clear(error: BaseException) -> None:
    """Checks that an error says something, and not too much."""
    text = str(error)
    if not text.strip() or len(text) > LONGEST_MESSAGE or "Traceback (most recent" in text:
        raise FaultError(f"an unclear error of {len(text)} characters: {type(error).__name__}: {text[:300]!r}") from error


def right(what: str) -> Outcome:
    """A result that an oracle agreed with."""
    return Outcome(True, what)


def refused(what: str) -> Outcome:
    """A clear error."""
    return Outcome(False, what)


def compare(found: object, wanted: object, what: str) -> None:
    """Raises a FaultError unless two values are equal."""
    if found != wanted:
        raise FaultError(f"{what}: found {shown(found)}, expected {shown(wanted)}")


def must_work(found: T | Refused, what: str) -> T:
    """The result of an input that nothing is wrong with."""
    if isinstance(found, Refused):
        raise FaultError(f"{what} was refused: {type(found.error).__name__}: {found.error}") from found.error
    return found


def shown(value: object) -> str:
    """A value as text, not too long."""
    text = repr(value)
    return text if len(text) < 600 else f"{text[:600]} ..."


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises a FaultError in a block that takes longer."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise FaultError(f"a case took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
