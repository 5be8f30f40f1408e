"""Tests of the site import what ``docs/`` is built with, as Sphinx does: from that folder."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "docs"))
