"""Whether modules can be imported: tried in another process, so that one that crashes, hangs or prints does no harm here."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rga.installation import trial

PATIENCE = 300.0
"""Seconds in which modules must be imported, all together; slow disks need a while for PyTorch."""


def failures(modules: Sequence[str], patience: float = PATIENCE) -> dict[str, str]:
    """Which modules cannot be imported.

    One process imports them in turn. If it ends or hangs meanwhile, the module at hand is to blame, and a new one goes on behind it.

    Args:
        modules: names of modules.
        patience: seconds for each process.

    Returns:
        Module -> why, in one line.
    """
    found: dict[str, str] = {}
    left = list(modules)
    while left:
        answers, ended = tried(left, patience)
        found.update({module: reason for module, reason in answers if reason})
        left = left[len(answers) :]
        if left:
            found[left.pop(0)] = ended
    return found


def tried(modules: Sequence[str], patience: float) -> tuple[list[tuple[str, str]], str]:
    """Imports modules in a new process.

    Returns:
        Each module that was come to an end with, and why it cannot be imported (empty if it can); and how the process ended.
    """
    words = [sys.executable, "-P", str(Path(trial.__file__)), json.dumps([list(modules), sys.path])]
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # noqa: S603
    try:
        out, _ = process.communicate(timeout=patience)
        ended = f"the process ended with code {process.returncode} in its import"
    except subprocess.TimeoutExpired:
        process.kill()
        out, _ = process.communicate()
        ended = f"its import takes more than {patience:g} s"
    lines = [json.loads(line) for line in out.splitlines() if line.endswith("]")]
    return [(module, reason) for module, reason in lines], ended
