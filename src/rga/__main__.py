"""The entrance of the command line: ``rga`` and ``python -m rga``."""

from __future__ import annotations

import sys

from rga.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
