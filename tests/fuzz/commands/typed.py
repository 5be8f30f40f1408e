"""A command as it was typed: runs it in this process, and checks how it ends."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from fuzz.outcome import Draw, FaultError
from rga.cli.main import main

ODD_VALUES = (
    "-1",
    "0",
    "",
    "abc",
    "nan",
    "inf",
    "1e400",
    "1,2",
    "None",
    "--",
    "-",
    "é",
    "[x]",
    "0x10",
    "1.5",
    "99999999999999999999",
    "../..",
)
"""What may be typed for any flag."""

Flags = Mapping[str, Sequence[tuple[str, ...]]]
"""Flag -> the words that may follow it, each of them right."""


@dataclass(frozen=True)
class Typed:
    """Flags that were chosen.

    Attributes:
        words: as they are typed.
        values: flag -> what follows it.
        fine: whether all are right.
    """

    words: tuple[str, ...]
    values: dict[str, tuple[str, ...]]
    fine: bool


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: exit code.
        out: printed to standard output.
        err: printed to standard error.
        changed: files that are there now and were not, or are others.
    """

    code: int
    out: str
    err: str
    changed: frozenset[str]


def flags(draw: Draw, known: Flags, fixed: Mapping[str, tuple[str, ...]] | None = None) -> Typed:
    """Up to three flags with right values; one has an odd value, or is none, in a quarter of the cases."""
    values = dict(fixed or {})
    for name in draw(st.lists(st.sampled_from(sorted(known)), max_size=3, unique=True)):
        values[name] = draw(st.sampled_from(list(known[name])))
    wrong = draw(st.sampled_from([None, None, None, "value", "value", "flag", "more"])) if draw(st.booleans()) else None
    words = [word for name, following in values.items() for word in (name, *following)]
    if wrong == "value":
        name = draw(st.sampled_from(sorted(known)))
        values.pop(name, None)
        words = [word for each, following in values.items() for word in (each, *following)]
        words += [name, draw(st.sampled_from(ODD_VALUES))]
    elif wrong == "flag":
        words += [draw(st.sampled_from(["--colour", "--batch_size", "-x", "--no-flip=3", "--help-me"]))]
    elif wrong == "more":
        words += [draw(st.sampled_from(["more", "", "-", "é"]))]
    return Typed(tuple(words), values, wrong is None)


def run(words: Sequence[object], folder: Path) -> Ended:
    """Runs ``rga WORDS`` in a folder and checks what holds for all commands.

    Raises:
        FaultError: a traceback, no message, or files that are left by a command that failed.
    """
    before = snapshot(folder)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code: Any = main([str(word) for word in words])
        except SystemExit as stop:  # tyro's, after help or a flag that is wrong
            code = stop.code if isinstance(stop.code, int) else 1
    after = snapshot(folder)
    changed = frozenset(name for name, contents in after.items() if before.get(name) != contents) | (before.keys() - after.keys())
    ended = Ended(int(code), out.getvalue(), err.getvalue(), changed)
    said = ended.out + ended.err
    if "Traceback (most recent call last)" in said:
        raise FaultError(f"a traceback: {said[-500:]}")
    if ended.code and not said.strip():
        raise FaultError(f"exit code {ended.code} and no message")
    if ended.code not in (0, 1, 2):
        raise FaultError(f"exit code {ended.code}: {said[-300:]}")
    return ended


def snapshot(folder: Path) -> dict[str, bytes]:
    """The files of a folder, without those that only mark who is at work there."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith(".lock"):
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def nothing_written(ended: Ended, what: str) -> None:
    """Raises a FaultError if a command that failed left something."""
    if ended.changed:
        raise FaultError(f"{what} failed ({ended.err.strip()[-200:]}) and left {sorted(ended.changed)}")


def one_message(ended: Ended, what: str) -> None:
    """Raises a FaultError unless a command that failed said so in one message."""
    lines = [line for line in ended.err.splitlines() if line.startswith("rga: ")]
    of_flags = "For full helptext" in ended.err or "usage: rga" in ended.err
    if len(lines) != 1 and not of_flags:
        raise FaultError(f"{what}: no message, or several: {ended.err[-400:]!r}")
