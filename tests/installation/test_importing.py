"""Modules that cannot be imported are found, whatever their import does, and those behind them are tried all the same."""

import sys
from pathlib import Path

import pytest

from rga.installation.importing import failures

MODULES = {
    "whole": "VALUE = 1",
    "noisy": "import os, sys, warnings; print('[1]'); os.write(1, b'[\"noisy\", \"no\"]\\n'); warnings.warn('beware')",
    "without_a_library": "raise ImportError('libGL.so.1: cannot open shared object file\\nmore of it')",
    "silent": "raise RuntimeError",
    "leaving": "raise SystemExit(0)",
    "crashing": "import os; os.abort()",
    "needing": "import a_module_that_nobody_has",
    "hanging": "import threading; threading.Event().wait()",
}
"""Module -> its text."""


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The modules, where Python finds them."""
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])


def test_what_cannot_be_imported_is_told_with_the_reason() -> None:
    found = failures(["whole", "noisy", "without_a_library", "silent", "leaving", "crashing", "needing", "json"])
    assert found == {
        "without_a_library": "ImportError: libGL.so.1: cannot open shared object file",
        "silent": "RuntimeError",
        "leaving": "it ends the process",
        "crashing": "the process ended with code -6 in its import",
        "needing": "ModuleNotFoundError: No module named 'a_module_that_nobody_has'",
    }
    assert not set(MODULES) & set(sys.modules)  # all of it happened elsewhere


def test_an_import_that_hangs_is_ended() -> None:
    assert failures(["hanging"], patience=1) == {"hanging": "its import takes more than 1 s"}


def test_nothing_is_tried_for_nothing() -> None:
    assert failures([]) == {}
