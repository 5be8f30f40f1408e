"""The command line's dispatch: finds the verb that was typed, runs it, and says in one line what the user can fix."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from itertools import takewhile
from typing import Any

import rga
from rga.cli.verbs import VERBS
from rga.errors import InputError, RgaError
from rga.extras import OPTIONAL, missing
from rga.printable import never_failing, printable

HELP = {"-h", "--help"}
TRACEBACK = "--traceback"

MISTAKE = 2
"""The exit code for what the user can fix."""
INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""
CLOSE = 0.6
"""From this likeness on a verb is offered for one that is unknown."""
UNREAD = 141
"""The exit code when the reader of the output went away, as shells have it."""

FOOT = """
rga VERB --help shows the flags of a verb. SPEC is a dataset, written NAME:FOLDER?option=value (see rga data list).
--traceback shows where an error came from. --version prints the version."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the verb that was typed.

    Errors of this package and of the operating system are printed as one line, with exit code 2. Any other exception is a bug and shows
    its traceback.

    Args:
        arguments: what was typed after ``rga``; by default of this process.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    traceback = TRACEBACK in words
    try:
        with never_failing():
            code = answer([word for word in words if word != TRACEBACK])
            sys.stdout.flush()
    except BrokenPipeError:  # the reader of the output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    except KeyboardInterrupt:
        if traceback:
            raise
        print("rga: interrupted", file=sys.stderr)
        return INTERRUPTED
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if traceback or not (isinstance(error, RgaError) or module in OPTIONAL):
            raise
        reason = error if isinstance(error, RgaError) else missing(module)
        print(f"rga: {printable(str(reason))}", file=sys.stderr)
        return MISTAKE
    except (RgaError, OSError) as error:
        if traceback or not (isinstance(error, RgaError) or error.errno is not None):
            raise
        print(f"rga: {printable(str(error))}", file=sys.stderr)
        return MISTAKE
    return code


def answer(words: Sequence[str]) -> int:
    """Runs the verb that the words begin with, or helps to find one."""
    if words == ["--version"]:
        print(f"rga {rga.__version__}")
        return 0
    verb = longest_verb(words)
    if verb is None or (verb == "demo" and words[1:2] and not words[1].startswith("-")):
        if not words or set(words) & HELP:
            print(overview([word for word in words if word not in HELP]), file=sys.stdout if words else sys.stderr)
            return 0 if words else MISTAKE
        named = list(takewhile(lambda word: not word.startswith("-"), words))
        if is_prefix(named):  # rga data
            print(overview(named), file=sys.stderr)
            return MISTAKE
        raise unknown(named or list(words[:1]))
    return run(verb, list(words[len(verb.split()) :]))


def longest_verb(words: Sequence[str]) -> str | None:
    """The verb that the words begin with, the longest one: ``demo segmentation`` before ``demo``."""
    found = (verb for verb in VERBS if list(words[: len(verb.split())]) == verb.split())
    return max(found, key=len, default=None)


def is_prefix(words: Sequence[str]) -> bool:
    """Whether some verbs begin with the words."""
    return bool(words) and any(verb.split()[: len(words)] == list(words) for verb in VERBS)


def unknown(words: Sequence[str]) -> InputError:
    """The error for a verb that is not there, with the nearest one.

    Example:
        >>> str(unknown(["evaluate-segmentation", "run"]))
        "unknown verb 'evaluate-segmentation': did you mean evaluate?"
    """
    for verb in VERBS:
        if words[0].startswith(f"{verb}-"):
            return InputError(f"unknown verb {words[0]!r}: did you mean {verb}?")
    likeness = {verb: SequenceMatcher(None, " ".join(words[: len(verb.split())]), verb).ratio() for verb in VERBS}
    likeness = {verb: value for verb, value in likeness.items() if value < 1}  # a verb as it was typed is followed by something else here
    closest = max(likeness, key=lambda verb: (likeness[verb], len(verb)))
    if likeness[closest] >= CLOSE:
        return InputError(f"unknown verb {' '.join(words[: len(closest.split())])!r}: did you mean {closest}?")
    return InputError(f"unknown verb {words[0]!r}: choose one of {', '.join(VERBS)}")


def run(verb: str, arguments: list[str]) -> int:
    """Imports a verb's function and calls it with what was typed."""
    from rga.cli.parsing import parse  # noqa: PLC0415  for a verb only

    module, name = VERBS[verb].home.split(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    if VERBS[verb].parses:
        return function(arguments) or 0
    return parse(function, arguments, prog=f"rga {verb}") or 0


def overview(words: Sequence[str]) -> str:
    """The help: the verbs that begin with the words that were typed; all of them for none.

    Raises:
        InputError: there is no such verb.

    Example:
        >>> print(overview(["gates"]))
        usage: rga VERB ...
        <BLANKLINE>
          gates [-o FILE.png]    draw the gates of an untrained network on a generated image
        ...
    """
    verbs = [verb for verb in VERBS if verb.split()[: len(words)] == list(words)]
    if not verbs:
        raise unknown(words)
    left = {verb: f"{verb} {VERBS[verb].usage}".rstrip() for verb in verbs}
    width = max(map(len, left.values())) + 4
    lines = [f"  {left[verb]:{width}}{VERBS[verb].about}" for verb in verbs]
    return "\n".join(["usage: rga VERB ...", "", *lines, FOOT])
