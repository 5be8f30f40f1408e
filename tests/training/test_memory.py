"""Freed memory is kept: the pages of a block that was freed are there when it is asked for again."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from rga.training.memory import keep_freed_memory

PROGRAM = """
import resource, sys, torch
from rga.training.memory import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
faults = []
for mebibytes in (96, 64, 96, 64):  # the smaller one in the place of the larger: glibc aligns, and wants a little more than the size
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.empty(mebibytes << 20, dtype=torch.uint8).fill_(1)
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(faults[-1])
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep memory")
def test_pages_are_not_asked_for_again() -> None:
    faults = {}
    for how in ("kept", "default"):
        done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
        faults[how] = int(done.stdout)
    assert faults["kept"] < 100
    assert faults["default"] > 10 * (faults["kept"] + 1)  # a page for each 4 KiB, or fewer of huge ones


def test_other_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not keep_freed_memory()
