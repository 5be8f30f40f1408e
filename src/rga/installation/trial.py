"""The process that imports modules for ``rga.installation.importing``: a script that needs nothing beside Python itself.

Its argument is JSON: the modules, and where Python looks for them. It prints a line of JSON for each module when its import has ended.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import warnings

NOTHING_SENT = "NNCF_CI"
"""The variable of the environment with which NNCF sends no statistics of its use."""


def main(modules: list[str], path: list[str]) -> None:
    """Imports modules in turn, and prints why one cannot be imported; what they print themselves goes nowhere."""
    sys.path[:] = path
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    warnings.simplefilter("ignore")
    os.environ[NOTHING_SENT] = "1"
    for module in modules:
        print(json.dumps([module, reason(module)]), file=answers, flush=True)


def reason(module: str) -> str:
    """Why a module cannot be imported, in one line; empty if it can."""
    try:
        importlib.import_module(module)
    except Exception as error:  # whatever a broken package raises
        lines = str(error).strip().splitlines()
        return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    except SystemExit:
        return "it ends the process"
    return ""


if __name__ == "__main__":
    main(*json.loads(sys.argv[1]))
