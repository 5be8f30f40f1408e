"""Writes all diagrams."""

from pathlib import Path

from diagrams.catalog import DIAGRAMS

for name, draw in DIAGRAMS.items():
    Path(__file__).with_name(f"{name}.svg").write_text(draw(), encoding="utf-8")
