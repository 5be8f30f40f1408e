"""How far a source is read."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Told how many images, lines or frames are done, of how many: of 0 where a video does not say."""
