"""Runs many cases of a kind by hypothesis, and counts what they came to. A fault is shrunk, kept with the way to repeat it, and passed
over from then on."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, given, reproduce_failure, seed, settings
from hypothesis import strategies as st

from fuzz.outcome import SOURCE, Draw, FaultError, Outcome, time_limit

Kind = Callable[[Draw, Path], Outcome]
"""Draws a case, runs it in an empty folder, and says what it came to; raises for a fault."""

BATCH = 100
"""Cases that hypothesis draws at a time: a fault ends a batch."""

SECONDS = 60.0
"""For one case, on a busy machine."""


@dataclass
class Tally:
    """What the cases of a kind came to."""

    right: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    reports: dict[str, str] = field(default_factory=dict)
    """Fault -> what happened, and how to repeat it."""
    seconds: float = 0.0
    processor: float = 0.0
    """Seconds of this process alone, on a machine that others use, too."""

    @property
    def cases(self) -> int:
        """How many."""
        return self.right.total() + self.refused.total() + self.faults.total()


def run(name: str, kind: Kind, cases: int, start: int, *, shrink: bool = True) -> Tally:
    """Runs cases of a kind.

    Args:
        name: of the kind.
        kind: draws and runs a case.
        cases: how many.
        start: the seed of the first batch.
        shrink: make a fault small before it is reported.
    """
    tally = Tally()
    started, processor = time.perf_counter(), time.process_time()
    number = start
    while tally.cases < cases:
        run_batch(name, kind, min(BATCH, cases - tally.cases), number, tally, shrink)
        number += 1
    tally.seconds, tally.processor = time.perf_counter() - started, time.process_time() - processor
    return tally


def run_batch(name: str, kind: Kind, cases: int, number: int, tally: Tally, shrink: bool) -> None:
    """One run of hypothesis, until the first new fault."""
    new: list[str] = []
    seen: list[str] = []

    def one(data: Any) -> None:
        try:
            outcome = run_case(kind, data.draw)
        except Exception as error:
            fault = name_of(error)
            seen[:] = traceback.format_exception(error)
            if fault in tally.reports:
                tally.faults[fault] += not new
                return
            if not new:
                tally.faults[fault] += 1
            if not new or new[0] == fault:  # while a fault is shrunk, another one is not it
                new.append(fault)
                raise
            return
        if not new:
            (tally.right if outcome.right else tally.refused)[outcome.what] += 1

    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    test = settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=phases,
        print_blob=True,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )(seed(number)(given(st.data())(one)))
    try:
        test()
    except Exception as error:
        fault = new[0] if new else name_of(error)
        if not new:
            tally.faults[fault] += 1
        blob = next(iter(re.findall(r"reproduce_failure\([^,]+, b'([^']+)'\)", "\n".join(getattr(error, "__notes__", [])))), "none")
        again = f"make fuzz KIND={name} CASES={cases} SEED={number}, or: make fuzz KIND={name} BLOB={blob}"
        drawn = [note for note in getattr(error, "__notes__", []) if note.startswith("Draw ")]
        tally.reports[fault] = "\n".join(["".join(seen[-8:]), *dict.fromkeys(drawn), f"repeat: {again}"])


def run_case(kind: Kind, draw: Draw) -> Outcome:
    """One case in a folder of its own, which is removed."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        with time_limit(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return kind(draw, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def repeat(kind: Kind, blob: str) -> None:
    """Runs the one case that a blob of hypothesis stands for; raises its fault."""

    def one(data: Any) -> None:
        print(run_case(kind, data.draw))

    test = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))(given(st.data())(one))
    reproduce_failure(hypothesis.__version__, blob.encode())(test)()


def name_of(error: BaseException) -> str:
    """What tells one fault from another: the type of the error, and the last line of the package or of the tests that it went through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(SOURCE)] or frames
    tests = [frame for frame in frames if "fuzz" in Path(frame.filename).parts and Path(frame.filename).name != "outcome.py"]
    at = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in (ours[-1], *tests[-1:])]
    said = re.sub(r"[^a-z ]", "", str(error))[:40].strip() if isinstance(error, FaultError) else ""
    return f"{type(error).__name__} at {' from '.join(dict.fromkeys(at))}{said and f': {said}'}"


def table(tallies: dict[str, Tally]) -> str:
    """A line for each kind, and under it what its cases came to."""
    lines = [f"{'kind':<14}{'cases':>8}{'right':>8}{'refused':>9}{'faults':>8}{'seconds':>9}{'of CPU':>9}"]
    for name, tally in tallies.items():
        counts = (tally.right.total(), tally.refused.total(), tally.faults.total())
        lines.append(
            f"{name:<14}{tally.cases:>8,}{counts[0]:>8,}{counts[1]:>9,}{counts[2]:>8,}{tally.seconds:>9.1f}{tally.processor:>9.1f}"
        )
    for name, tally in tallies.items():
        lines += ["", name]
        for word, counter in (("right", tally.right), ("refused", tally.refused), ("FAULT", tally.faults)):
            lines += [f"  {word:<8}{count:>7,} {count / tally.cases:>6.1%}  {what}" for what, count in counter.most_common()]
    return "\n".join(lines)
